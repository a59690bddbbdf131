/**
 * The outside services of one order: the stock, the payment provider, the carrier. They outlive every process, and keep what
 * was done under an idempotency key: the same key again gives the same answer, also if what was done has been undone since.
 */
import type { Parameters } from "./parameters.ts";
import type { Fate, Moment, Operation } from "./plan.ts";

/** Time as all variants know it, from the beginning of the order. */
export interface VirtualTime {
  now(): number;
  pass(ms: number): Promise<void>;
}

/** An answer that no repetition changes, says the service; a retry would be of no use. */
export class Refused extends Error {}

/** Who calls: a process that the plan may let die. */
export interface Caller {
  readonly time: VirtualTime;
  /** Dies, and never comes back from it; or, where `moment` is `committed`, will with its next commit. */
  die(moment: Moment): Promise<void>;
}

export interface World {
  /** Does `operation` once for each key. `subject` is what an undoing operation undoes. @throws Refused, or Error if the service is away */
  call(caller: Caller, operation: Operation, key: string, subject?: string): Promise<string>;
  /** The charge that was made under a key, if one was: the payment provider can be asked. */
  chargeOf(caller: Caller, key: string): Promise<string | undefined>;
  /** How things stand. */
  facts(): Facts;
  /** Writes down what a variant does of its own. */
  note(what: string): void;
  /** What happened, in its order. */
  readonly story: readonly string[];
}

export interface Facts {
  /** Calls of all services. */
  readonly calls: number;
  readonly charges: number;
  readonly refunds: number;
  readonly parcels: number;
  readonly bookings: number;
  readonly reservations: number;
  /** Whether the process died. */
  readonly crashed: boolean;
}

type Kind = "reservation" | "charge" | "booking" | "parcel";

const MAKES: Readonly<Partial<Record<Operation, Kind>>> = {
  reserve: "reservation",
  charge: "charge",
  book: "booking",
  ship: "parcel",
};

interface State {
  readonly fate: Fate;
  readonly parameters: Parameters;
  readonly answers: Map<string, string | Refused>;
  /** What was made, and whether it has been undone. */
  readonly made: Map<string, { readonly kind: Kind; undone: boolean }>;
  /** When each operation was first asked for. */
  readonly firstAtMs: Map<Operation, number>;
  readonly story: string[];
  calls: number;
  refunds: number;
  crashed: boolean;
}

/** The services, before they have heard of the order. */
export function openWorld(fate: Fate, parameters: Parameters): World {
  const state: State = {
    ...{ fate, parameters, answers: new Map(), made: new Map(), firstAtMs: new Map() },
    ...{ story: [], calls: 0, refunds: 0, crashed: false },
  };
  return {
    story: state.story,
    note: (what) => void state.story.push(what),
    call: (caller, operation, key, subject) => call(state, caller, { operation, key, subject }),
    chargeOf: async ({ time }, key) => {
      state.calls += 1;
      await time.pass(fate.callMs.charge);
      const answer = state.answers.get(key);
      state.story.push(`was there a charge? ${String(answer)}`);
      return typeof answer === "string" ? answer : undefined;
    },
    facts: () => {
      const standing = (kind: Kind) =>
        [...state.made.values()].filter((each) => each.kind === kind && !each.undone).length;
      return {
        ...{ calls: state.calls, refunds: state.refunds, crashed: state.crashed },
        charges: standing("charge"),
        parcels: standing("parcel"),
        bookings: standing("booking"),
        reservations: standing("reservation"),
      };
    },
  };
}

interface Asked {
  readonly operation: Operation;
  readonly key: string;
  readonly subject: string | undefined;
}

async function call(state: State, caller: Caller, asked: Asked): Promise<string> {
  const { operation } = asked;
  await dieIfPlanned(state, caller, operation, "before");
  state.calls += 1;
  const firstAtMs = state.firstAtMs.get(operation) ?? caller.time.now();
  state.firstAtMs.set(operation, firstAtMs);
  await caller.time.pass(state.fate.callMs[operation]);
  const sinceMs = caller.time.now() - firstAtMs;
  if (isAway(state, operation, sinceMs)) {
    state.story.push(`${operation}: 503`);
    await dieIfPlanned(state, caller, operation, "acted");
    throw new Error("503 Service Unavailable");
  }
  const known = state.answers.has(asked.key);
  const answer = answerOf(state, asked, sinceMs);
  const said = answer instanceof Refused ? `refused: ${answer.message}` : answer;
  state.story.push(`${operation}: ${said}${known ? " (known by its key: nothing is done)" : ""}`);
  await dieIfPlanned(state, caller, operation, "acted");
  await dieIfPlanned(state, caller, operation, "committed");
  // The money is gone, and the caller hears nothing until it gives up.
  if (isSilent(state, operation, sinceMs)) await caller.time.pass(2 * state.parameters.timeoutMs);
  if (answer instanceof Refused) throw answer;
  return answer;
}

async function dieIfPlanned(
  state: State,
  caller: Caller,
  operation: Operation,
  moment: Moment,
): Promise<void> {
  const { crash } = state.fate;
  if (state.crashed || crash?.operation !== operation || crash.moment !== moment) return;
  state.crashed = true;
  state.story.push(
    moment === "committed" ? "the process will die after its next commit" : "the process dies",
  );
  await caller.die(moment);
}

function isAway({ fate, parameters }: State, operation: Operation, sinceMs: number): boolean {
  if (fate.scenario === "carrierAway" && operation === "ship") return sinceMs < parameters.awayMs;
  return (
    fate.scenario === "refundAway" && operation === "refund" && sinceMs < parameters.longAwayMs
  );
}

function isSilent({ fate, parameters }: State, operation: Operation, sinceMs: number): boolean {
  const { scenario } = fate;
  return (
    scenario === "chargeUnanswered" && operation === "charge" && sinceMs < parameters.longAwayMs
  );
}

/** What the service says. The same to the same key, except that a carrier without a slot keeps no record of it. */
function answerOf(state: State, asked: Asked, sinceMs: number): string | Refused {
  const { operation, key } = asked;
  const { scenario } = state.fate;
  if (scenario === "noSlot" && operation === "book" && sinceMs < state.parameters.awayMs) {
    return new Refused("No slot is free.");
  }
  const isKeyed = state.parameters.paymentKeys || operation !== "charge";
  const before = state.answers.get(key);
  if (before !== undefined && isKeyed) return before;
  const answer = decide(state, asked);
  state.answers.set(key, answer);
  return answer;
}

function decide(state: State, { operation, subject }: Asked): string | Refused {
  const { scenario } = state.fate;
  if (scenario === "cardDeclined" && operation === "charge") return new Refused("Declined.");
  const refuses = scenario === "addressRefused" || scenario === "refundAway";
  if (refuses && operation === "ship") return new Refused("There is no such address.");
  const kind = MAKES[operation];
  if (kind !== undefined) {
    const id = `${kind}-${state.made.size + 1}`;
    state.made.set(id, { kind, undone: false });
    return id;
  }
  const undone = state.made.get(subject ?? "");
  if (undone === undefined) throw new Error(`There is no ${subject ?? "such thing"} to undo.`);
  if (operation === "refund") state.refunds += 1;
  undone.undone = true;
  return `${operation}-of-${subject ?? ""}`;
}
