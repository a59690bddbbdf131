/**
 * The store as the simulation's processes reach it: faults in front, and behind them an observer who sees what is really kept.
 *
 * D1. The observer believes only what the store itself answered; what a process was told may be something else.
 * D2. A process that is dead, or cut off, is answered nothing.
 */
import { BatonError } from "../../model/errors.ts";
import type { Entry, Payloads } from "../../model/entry.ts";
import type {
  AppendRequest,
  AppendResult,
  JournalStore,
  StoreFactory,
} from "../../ports/journal-store.ts";
import { chanceAt, wholeAt } from "./chance.ts";
import type { ReservedSeen } from "./outside.ts";
import type { AppendFault, Schedule } from "./schedule.ts";
import type { Owner, Scheduler } from "./scheduler.ts";

/** A process of the simulation, as its store sees it. */
export interface StoreUser extends Owner {
  /** The epoch of the lease that it was given; 0 before. */
  epoch: number;
  /** While it is cut off from the store: resolves when it is not any more. */
  cut: Promise<void> | undefined;
}

export interface DiskEvents {
  /** A process has to die, now; resolves when its handle is closed. */
  readonly die: (user: StoreUser) => void;
  /** A process is to be cut off, now. */
  readonly cutOff: (user: StoreUser) => void;
  /** An entry of a run was kept, or of what concerns events. */
  readonly kept: (entry: Entry) => void;
}

/** What the observer knows. */
export interface Observed {
  /** `run path turn` of every result that was kept, with `once name` of every effect, with `undone` of what was compensated. */
  readonly results: Set<string>;
  /** Runs that go back, or have gone back. */
  readonly goingBack: Set<string>;
  /** By run, the seq of its newest entry. */
  readonly seqs: Map<string, number>;
  /** `run path turn` of every call that was announced. */
  readonly intents: Set<string>;
  /** `run path turn attempt` of every attempt that was announced. */
  readonly announced: Set<string>;
  /** By breaker, its newest transition, when it was, and how many there were. */
  readonly breakers: Map<string, BreakerSeen>;
  /** By `run path turn attempt`, what is set aside for it of shared budgets. */
  readonly reservations: Map<string, ReservedSeen[]>;
  /** `stream seq` of every entry of a run, or of an event from outside, with the number of the append that it came with. */
  readonly appendOf: Map<string, number>;
  /** `stream seq` of every entry that the store said it has, with its hash. */
  readonly acknowledged: Map<string, string>;
  readonly problems: string[];
  /** The epoch of the lease that was given last. */
  epoch: number;
  appends: number;
}

export interface BreakerSeen {
  readonly last: string;
  readonly at: number;
  readonly period: number;
}

export interface Disk {
  readonly observed: Observed;
  /** The store for one process. */
  readonly storeFor: (user: StoreUser) => StoreFactory;
}

const FULL_MS = [200, 20_000] as const;
const SLOW_MS = [1, 4_000] as const;

interface DiskParts {
  readonly seed: number;
  readonly store: StoreFactory;
  readonly time: Scheduler;
  readonly schedule: Schedule;
  readonly events: DiskEvents;
}

/** The disk itself. */
interface Platter extends DiskParts {
  readonly observed: Observed;
  fullUntilMs: number;
  /** The newest epoch whose process handed the store over. */
  releasedEpoch: number;
}

export function simulatedDisk(parts: DiskParts): Disk {
  const observed: Observed = {
    results: new Set(),
    goingBack: new Set(),
    seqs: new Map(),
    intents: new Set(),
    announced: new Set(),
    breakers: new Map(),
    reservations: new Map(),
    appendOf: new Map(),
    acknowledged: new Map(),
    problems: [],
    epoch: 0,
    appends: 0,
  };
  const disk: Platter = { ...parts, observed, fullUntilMs: 0, releasedEpoch: 0 };
  return {
    observed,
    storeFor: (user) => async (mode) => {
      const inner = await parts.store(mode);
      return {
        ...inner,
        append: (request) => append(disk, user, inner, request),
        read: (...request) => reach(disk, user, () => inner.read(...request)),
        head: (stream) => reach(disk, user, () => inner.head(stream)),
        heads: (filter) => reach(disk, user, () => inner.heads(filter)),
        blob: (sha256) => reach(disk, user, () => inner.blob(sha256)),
        acquire: (...request) =>
          reach(disk, user, async () => {
            const result = await inner.acquire(...request);
            if (result.kind !== "acquired") return result;
            // A handle that was closed for a process that died looks to the store like one that was closed in good order.
            const isAbandoned = observed.epoch > 0 && disk.releasedEpoch !== observed.epoch;
            observed.epoch = user.epoch = result.epoch;
            return isAbandoned ? { ...result, abandoned: true } : result;
          }),
        lease: () => reach(disk, user, () => inner.lease()),
        renew: (epoch) => reach(disk, user, () => inner.renew(epoch)),
        release: (epoch) =>
          reach(disk, user, async () => {
            await inner.release(epoch);
            disk.releasedEpoch = epoch;
          }),
      };
    },
  };
}

/** Asks the store on behalf of a process, and gives the answer in a turn of that process. */
async function reach<X>(
  { time }: Platter,
  user: StoreUser,
  ask: () => Promise<X>,
  lateMs = 0,
): Promise<X> {
  while (user.cut !== undefined && !user.dead) await user.cut;
  if (user.dead) return await never<X>();
  let answer: () => X;
  try {
    const given = await ask();
    answer = () => given;
  } catch (error) {
    answer = () => {
      throw error;
    };
  }
  await new Promise<void>((resolve) => {
    if (lateMs > 0) time.after(user, lateMs, resolve);
    else time.soon(user, resolve);
  });
  return user.dead ? await never<X>() : answer();
}

async function append(
  disk: Platter,
  user: StoreUser,
  inner: JournalStore,
  request: AppendRequest,
): Promise<AppendResult> {
  const { observed, schedule, time, seed, events } = disk;
  observed.appends += 1;
  if (user.dead) return await never<AppendResult>();
  const number = observed.appends;
  const fault = schedule.atAppend(number);
  const ask = async () => {
    const result = await inner.append(request);
    if (result.kind === "appended") keep(observed, events, request, number);
    return result;
  };
  if (fault !== undefined) return await struck(disk, user, ask, fault);
  if (time.elapsedMs() < disk.fullUntilMs) return await refused(disk, user);
  return await reach(disk, user, ask, jitterMs(seed, number));
}

/** An append that something happens to. */
function struck(
  disk: Platter,
  user: StoreUser,
  ask: () => Promise<AppendResult>,
  fault: AppendFault,
): Promise<AppendResult> {
  const { seed, time, events, observed } = disk;
  const number = observed.appends;
  switch (fault) {
    case "crashBefore":
      events.die(user);
      return never<AppendResult>();
    case "crashAfter": {
      const kept = ask();
      events.die(user);
      // The answer comes to nobody.
      kept.catch(() => undefined);
      return never<AppendResult>();
    }
    case "loseAnswer":
      return reach(disk, user, async () => {
        await ask();
        throw new BatonError("STORE_FAILED", "The answer was lost, says the simulation.");
      });
    case "slowDisk":
      return reach(disk, user, ask, wholeAt(seed, ...SLOW_MS, "slow", number));
    case "diskFull":
      disk.fullUntilMs = time.elapsedMs() + wholeAt(seed, ...FULL_MS, "full", number);
      return refused(disk, user);
    case "leaseLoss":
      events.cutOff(user);
      return reach(disk, user, ask);
  }
}

function refused(disk: Platter, user: StoreUser): Promise<never> {
  return reach(disk, user, async () => {
    throw new BatonError("STORE_FAILED", "The disk is full, says the simulation.");
  });
}

/** A disk takes its time, mostly little. */
function jitterMs(seed: number, append: number): number {
  return Math.floor(chanceAt(seed, "disk", append) ** 8 * 40);
}

function keep(
  observed: Observed,
  events: DiskEvents,
  request: AppendRequest,
  number: number,
): void {
  const { epoch, streams } = request;
  for (const { stream, entries } of streams) {
    if (epoch !== observed.epoch) {
      observed.problems.push(
        `An append to ${stream} under epoch ${epoch} was kept, though the lease is at epoch ${observed.epoch}.`,
      );
    }
    for (const { seq, hash, text } of entries) {
      observed.acknowledged.set(`${stream} ${seq}`, hash);
      // The engine sealed it: an entry of format 1.
      const entry = JSON.parse(text) as Entry;
      if (stream.startsWith("run/") || stream.startsWith("event/"))
        observed.appendOf.set(`${stream} ${seq}`, number);
      if (stream.startsWith("run/")) {
        note(observed, stream.slice("run/".length), entry);
        events.kept(entry);
      } else if (stream.startsWith("breaker/")) {
        const name = stream.slice("breaker/".length);
        observed.breakers.set(name, { last: entry.kind, at: entry.at, period: seq + 1 });
      } else if (stream.startsWith("budget/")) {
        noteBudget(observed, stream.slice("budget/".length), entry);
      } else if (stream.startsWith("event/") || stream.startsWith("subscription/")) {
        events.kept(entry);
      }
    }
  }
}

function noteBudget({ reservations }: Observed, budget: string, entry: Entry): void {
  if (entry.kind !== "budget.reserved") return;
  // The engine wrote it, in this very form.
  const payload = entry.payload as unknown as Payloads["budget.reserved"];
  for (const { run, path, turn, attempt, amounts } of payload.reservations) {
    const key = `${run} ${path} ${turn} ${attempt}`;
    const all = reservations.get(key) ?? [];
    all.push({ budget, since: payload.since, amounts });
    reservations.set(key, all);
  }
}

function note(observed: Observed, run: string, entry: Entry): void {
  const { results, goingBack, seqs, intents, announced } = observed;
  const { kind, path = "", turn = 0, payload, seq } = entry;
  const place = `${run} ${path} ${turn}`;
  seqs.set(run, seq);
  if (kind === "step.sealed" || kind === "item.sealed") results.add(place);
  if (kind === "attempt.begun") {
    intents.add(place);
    announced.add(`${place} ${entry.attempt ?? 1}`);
  }
  if (kind === "once.recorded") results.add(`${place} once ${JSON.stringify(payload["name"])}`);
  if (kind === "run.compensating") goingBack.add(run);
  if (kind === "run.restored") goingBack.delete(run);
  const isDealtWith = kind === "compensation.resolved" && payload["action"] !== "retry";
  if (kind === "compensation.sealed" || isDealtWith) results.add(`${place} undone`);
}

function never<X>(): Promise<X> {
  return new Promise<X>(() => {});
}
