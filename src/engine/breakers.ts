/** Breakers as every engine and every reader sees them: which there are, and how they stand. */
import { type Breaker, newBreaker, restoredBreaker } from "../decide/breaker.ts";
import { factOf, readStream, type RecordedEntry } from "../history/read.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import { type BreakerSettings, type BreakerSnapshot, breakerStream } from "../model/breaker.ts";
import type { Fact, FactOf } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import type { JournalStore, StreamHead } from "../ports/journal-store.ts";
import type { Catalogue } from "./definitions.ts";
import { headPages } from "./head-pages.ts";
import { makeBell, type WatchSource } from "./watch.ts";

/** A breaker that agents declare. */
export interface DeclaredBreaker {
  readonly settings: BreakerSettings;
  /** `name@version` of the agents behind it. */
  readonly agents: readonly string[];
}

/** For a breaker that only the journal knows: nothing is called behind it, so that nothing opens or closes it but a person. */
export const UNKNOWN_SETTINGS: BreakerSettings = {
  failures: undefined,
  window: undefined,
  cooldownMs: 30_000,
  probes: 1,
};

const PREFIX = breakerStream("");

/** The breakers that agents declare, by name. Agents that share one and disagree are a problem. */
export function declaredBreakers(
  agents: Iterable<AgentDefinition>,
  problems: string[],
): ReadonlyMap<string, DeclaredBreaker> {
  const declared = new Map<string, DeclaredBreaker>();
  for (const { id, breaker } of agents) {
    if (breaker === undefined) continue;
    const { name, settings } = breaker;
    const known = declared.get(name);
    // Plain data, whose fields are always written in the same order.
    if (known !== undefined && JSON.stringify(known.settings) !== JSON.stringify(settings)) {
      problems.push(
        `The agents ${known.agents.join(", ")} and ${id} share the breaker "${name}", with different settings.`,
      );
    } else declared.set(name, { settings, agents: [...(known?.agents ?? []), id] });
  }
  return declared;
}

async function* breakerHeads(store: JournalStore, namespace: string): AsyncGenerator<StreamHead> {
  for await (const page of headPages(store, { namespace, prefix: PREFIX })) yield* page;
}

/** The breakers that the store has streams of. */
export async function breakerNames(
  store: JournalStore,
  namespace: string,
): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { stream } of breakerHeads(store, namespace))
    names.push(stream.slice(PREFIX.length));
  return names;
}

export type BreakerFact = FactOf<"breaker.opened" | "breaker.halfOpened" | "breaker.closed">;

/** The newest entry of a breaker's stream, and its hash; undefined if it has none. @throws BatonError JOURNAL_BROKEN */
export async function newestTransition(
  store: JournalStore,
  namespace: string,
  name: string,
): Promise<{ readonly fact: BreakerFact; readonly hash: string } | undefined> {
  const stream = { namespace, stream: breakerStream(name) };
  const head = await store.head(stream);
  if (head === undefined) return undefined;
  for await (const recorded of readStream(store, stream, head.lastSeq)) {
    const fact = factOf(recorded);
    if (isBreakerFact(fact)) return { fact, hash: recorded.hash };
  }
  throw new BatonError("JOURNAL_BROKEN", `The newest entry of ${stream.stream} is no transition.`);
}

function isBreakerFact(fact: Fact): fact is BreakerFact {
  return (
    fact.kind === "breaker.opened" ||
    fact.kind === "breaker.halfOpened" ||
    fact.kind === "breaker.closed"
  );
}

/** When, by whom and why a breaker came to stand as it does. */
export type Entered = Pick<BreakerSnapshot, "since" | "by" | "reason">;

/** The same from the newest transition; nothing where there was none. */
export function enteredBy(fact: BreakerFact | undefined): Entered {
  return fact === undefined ? {} : { since: fact.at, by: fact.by, reason: fact.payload.reason };
}

/** How a breaker stands, for people and programs. */
export function breakerSnapshot(known: {
  readonly name: string;
  readonly breaker: Breaker;
  readonly agents: readonly string[];
  readonly entered: Entered;
  readonly waitingRuns: number;
}): BreakerSnapshot {
  const { name, breaker, agents, entered, waitingRuns } = known;
  const { state, openedCount, evidence } = breaker;
  return Object.freeze({
    name,
    state: state.kind,
    failuresInARow: state.kind === "closed" ? state.failuresInARow : 0,
    openedCount,
    ...(state.kind === "open" && state.untilMs !== undefined ? { until: state.untilMs } : {}),
    ...entered,
    evidence,
    waitingRuns,
    agents,
  });
}

/** How breakers stand, read from the journal: for a process that does not execute. */
export async function readBreakers(
  store: JournalStore,
  namespace: string,
  catalogue: Catalogue,
): Promise<readonly BreakerSnapshot[]> {
  const names = new Set([...catalogue.breakers.keys(), ...(await breakerNames(store, namespace))]);
  const snapshots: BreakerSnapshot[] = [];
  for (const name of names) {
    const { settings = UNKNOWN_SETTINGS, agents = [] } = catalogue.breakers.get(name) ?? {};
    const newest = await newestTransition(store, namespace, name);
    const breaker =
      newest === undefined ? newBreaker(settings) : restoredBreaker(newest.fact, settings);
    const entered = enteredBy(newest?.fact);
    snapshots.push(breakerSnapshot({ name, breaker, agents, entered, waitingRuns: 0 }));
  }
  return snapshots;
}

/** The transitions of all breakers, from now on: told in memory where this process writes, else looked for now and then. */
export async function* watchBreakers(
  source: WatchSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<RecordedEntry, void, undefined> {
  const { store, namespace, clock, subscribeBreakers } = source;
  const bell = makeBell();
  let over = false;
  const leave = subscribeBreakers?.({
    changed: bell.ring,
    ended: () => {
      over = true;
      bell.ring();
    },
  });
  signal?.addEventListener("abort", bell.ring);
  const seen = new Map<string, number>();
  try {
    for await (const head of breakerHeads(store, namespace)) seen.set(head.stream, head.lastSeq);
    while (signal?.aborted !== true && !over) {
      const heard = bell.heard();
      for await (const { stream, lastSeq } of breakerHeads(store, namespace)) {
        const known = seen.get(stream) ?? -1;
        if (lastSeq <= known) continue;
        seen.set(stream, lastSeq);
        for await (const entry of readStream(store, { namespace, stream }, known + 1)) {
          if (entry.entry.seq <= lastSeq) yield entry;
        }
      }
      await bell.wait(heard, subscribeBreakers === undefined ? clock : undefined);
    }
  } finally {
    leave?.();
    signal?.removeEventListener("abort", bell.ring);
  }
}
