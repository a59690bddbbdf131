/** The option `breaker` of an agent, read and checked. */
import type { Agent } from "./agent.ts";
import type { AgentDefinition } from "./agent-definition.ts";
import type { BreakerPolicy, BreakerWindow, WhenOpen } from "./breaker.ts";
import { compatibility } from "./compatibility.ts";
import type { AnyContract } from "./contract.ts";
import type { Duration } from "./duration.ts";
import { isAgentName } from "./naming.ts";
import { type Reader, reader, shown } from "./option-reader.ts";
import { isAgent } from "./problems.ts";

/** A rate of failures that opens a breaker, over the newest calls or over the newest time. */
export type BreakerWindowOptions = {
  /** Above 0, at most 1: `0.5` opens when half of the calls in the window failed. */
  readonly rate: number;
  /** Fewer calls than this in the window say nothing. 10 if left out, or `size` where that is less. */
  readonly minimum?: number;
} & (
  | { /** The newest so many calls, 1 to 1,000. */ readonly size: number }
  | { /** The calls of the newest so long. */ readonly duration: Duration }
);

/** When the calls of an agent are stopped because what is behind it is down, and what becomes of them meanwhile. */
export interface BreakerOptions<I, O> {
  /** Agents that name the same breaker share it; their settings must be the same. The agent's own name if left out. */
  readonly name?: string;
  /** Failures in a row, over all runs, that open it: 5 if left out. Not together with `window`. */
  readonly failures?: number;
  /** Open by a rate of failures instead. */
  readonly window?: BreakerWindowOptions;
  /** How long it stays open before a probe is let through: `"30s"` if left out. */
  readonly cooldown?: Duration;
  /** Calls let through at a time while it is half-open; as many must succeed to close it. 1 if left out. */
  readonly probes?: number;
  /**
   * Which errors are a sign of a sick downstream. Synchronous. It is given what was thrown; for a timeout or an output that
   * broke its contract, an object with `code` (`TIMEOUT`, `CONTRACT_VIOLATED`, `VALUE_TOO_LARGE`) and `message`. If left
   * out: what was thrown and timeouts count, outputs that broke their contract don't.
   */
  readonly counts?: (error: unknown) => boolean;
  /**
   * What becomes of an attempt that meets it open. `wait` (if left out): the run waits, and no attempt is used up. `fail`: the
   * call fails for good with `BREAKER_OPEN`. A fallback agent is called instead, with the same input, and must keep to the
   * same output contract; what it gives is marked in the journal.
   */
  readonly whenOpen?: "wait" | "fail" | { readonly fallback: Agent<I, O> };
}

/** Five: one failure is a hiccup, and an agent's own three attempts may be one hiccup; five in a row over all runs are an outage. */
export const BREAKER_FAILURES_DEFAULT = 5;
const COOLDOWN_DEFAULT_MS = 30_000;
const MINIMUM_DEFAULT = 10;
/** The outcomes of a window of calls are kept one by one. */
const WINDOW_SIZE_MAX = 1_000;

const OPTIONS: ReadonlySet<string> = new Set<keyof BreakerOptions<never, never>>([
  "name",
  "failures",
  "window",
  "cooldown",
  "probes",
  "counts",
  "whenOpen",
]);
const WINDOW_OPTIONS: ReadonlySet<string> = new Set(["size", "duration", "rate", "minimum"]);
const FALLBACK_OPTIONS: ReadonlySet<string> = new Set(["fallback"]);

/** What of the agent the breaker depends on. */
interface Owner {
  readonly name: string;
  readonly input: AnyContract;
  readonly output: AnyContract;
}

/** Reads the option; what is wrong with it is added to `problems`, and then what is given back is not to be used. */
export function breakerPolicy(owner: Owner, options: unknown, problems: string[]): BreakerPolicy {
  const read = reader("the breaker", options, OPTIONS, problems);
  const given = read.field("name");
  const name = typeof given === "string" ? given : owner.name;
  // Without a name of its own it has the agent's, which is checked there.
  if (given !== undefined && (typeof given !== "string" || !isAgentName(given))) {
    read.problem("has a `name` that is not a text of lower-case letters, digits, dashes and dots");
  }
  const window = windowOf(read);
  if (window !== undefined && read.field("failures") !== undefined)
    read.problem("has both `failures` and `window`: one of them decides");
  const failures =
    window === undefined ? read.whole("failures", 1, BREAKER_FAILURES_DEFAULT) : undefined;
  const cooldownMs = read.duration("cooldown") ?? COOLDOWN_DEFAULT_MS;
  if (cooldownMs === 0) read.problem("has a `cooldown` of 0: it would never be open");
  const probes = read.whole("probes", 1, 1) ?? 1;
  const counts = read.field("counts");
  if (counts !== undefined) read.fn("counts");
  return Object.freeze({
    name,
    settings: Object.freeze({ failures, window, cooldownMs, probes }),
    whenOpen: whenOpenOf(owner, read),
    // A function, or there is a problem that says so.
    ...(counts === undefined ? {} : { counts: counts as (error: unknown) => boolean }),
  });
}

function windowOf(read: Reader): BreakerWindow | undefined {
  const given = read.field("window");
  if (given === undefined) return undefined;
  const part = read.part("the window", given, WINDOW_OPTIONS);
  const rate = part.field("rate");
  if (typeof rate !== "number" || !(rate > 0 && rate <= 1))
    part.problem(`has a \`rate\` of ${shown(rate)}, which is not above 0 and at most 1`);
  const durationMs = part.duration("duration");
  const hasSize = part.field("size") !== undefined;
  if (hasSize === (durationMs !== undefined))
    part.problem("needs either `size` (calls) or `duration`");
  if (durationMs === 0) part.problem("has a `duration` of 0: no call would be in it");
  const size = hasSize ? (part.whole("size", 1, undefined) ?? 1) : WINDOW_SIZE_MAX;
  if (size > WINDOW_SIZE_MAX)
    part.problem(`has a \`size\` of ${size}, which is more than ${WINDOW_SIZE_MAX}`);
  const minimum = part.whole("minimum", 1, Math.min(MINIMUM_DEFAULT, size)) ?? 1;
  if (hasSize && minimum > size)
    part.problem(`has a \`minimum\` of ${minimum}, above its \`size\`: it would never open`);
  return Object.freeze({
    over:
      durationMs === undefined
        ? { kind: "calls" as const, size }
        : { kind: "time" as const, durationMs },
    rate: Number(rate),
    minimum,
  });
}

function whenOpenOf(owner: Owner, read: Reader): WhenOpen {
  const given = read.field("whenOpen");
  if (typeof given !== "object" || given === null) {
    const word = read.oneOf("whenOpen", ["wait", "fail"]);
    return { kind: word === "fail" ? "fail" : "wait" };
  }
  const fallback = read.part("whenOpen", given, FALLBACK_OPTIONS).field("fallback");
  if (!isAgent(fallback)) {
    read.problem("has a `fallback` that is not an agent");
    return { kind: "wait" };
  }
  fallbackProblems(owner, fallback, read);
  return Object.freeze({ kind: "fallback", agent: fallback });
}

/** The compiler sees the types; the contracts say more than types do. */
function fallbackProblems(owner: Owner, fallback: AgentDefinition, read: Reader): void {
  if (fallback.output.id !== owner.output.id) {
    read.problem(
      `has a fallback, ${fallback.id}, whose output is ${fallback.output.id}, not ${owner.output.id}`,
    );
  }
  if (fallback.input.id === owner.input.id) return;
  const { verdict, problems } = compatibility(owner.input, fallback.input, "backward");
  if (verdict === "broken") {
    read.problem(
      `has a fallback, ${fallback.id}, whose input ${fallback.input.id} refuses what ${owner.input.id} accepts: ${problems[0]?.message ?? ""}`,
    );
  }
}
