/** One process of a simulation: an engine over the store, on its own clock, that can die at any moment. */
import type { Baton } from "../../engine/baton.ts";
import { catalogue } from "../../engine/definitions.ts";
import { openEngine } from "../../engine/embedded/engine.ts";
import { embeddedRegistry } from "../../registry/embedded.ts";
import { makeBaton } from "../../engine/make-baton.ts";
import { reader } from "../../engine/reader.ts";
import type { WatchSource } from "../../engine/watch.ts";
import type { Limits } from "../../model/limits.ts";
import type { TopicDefinition } from "../../model/topic.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JournalStore, StoreFactory } from "../../ports/journal-store.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import { chanceAt } from "./chance.ts";
import type { StoreUser } from "./disk.ts";

export const NAMESPACE = "default";

export interface SimulatedProcess extends StoreUser {
  readonly name: string;
  /** Rejects when it has died. */
  readonly gone: Promise<never>;
  readonly tellGone: (why: Error) => void;
  readonly standby: boolean;
  /** Its handle on the store, once it has one. */
  store: JournalStore | undefined;
  baton: Baton | undefined;
}

export function newProcess(name: string, standby: boolean): SimulatedProcess {
  let tellGone: (why: Error) => void = () => {};
  const gone = new Promise<never>((_, reject) => {
    tellGone = reject;
  });
  gone.catch(() => undefined);
  return {
    name,
    gone,
    tellGone: (why) => tellGone(why),
    standby,
    dead: false,
    epoch: 0,
    cut: undefined,
    store: undefined,
    baton: undefined,
  };
}

/** Opens Baton in a process, as `open()` does, with what the simulation has in the place of the machine. */
export async function openIn(
  process: SimulatedProcess,
  parts: {
    readonly seed: number;
    readonly store: StoreFactory;
    readonly clock: Clock;
    readonly workflows: readonly WorkflowDefinition[];
    readonly topics: readonly TopicDefinition[];
    readonly limits: Limits;
    readonly log: LogSink;
  },
): Promise<Baton> {
  const { seed, clock, workflows, topics, limits, log } = parts;
  const known = catalogue(workflows, [], limits, topics);
  const store = await parts.store({ readOnly: false, now: () => clock.now() });
  process.store = store;
  let drawn = 0;
  const ids = {
    runId: () => `${process.name}-${(drawn += 1)}`,
    random: () => chanceAt(seed, process.name, (drawn += 1)),
  };
  const engine = await openEngine({
    store,
    namespace: NAMESPACE,
    holder: process.name,
    standby: process.standby,
    clock,
    ids,
    log,
    limits,
    prices: {},
    catalogue: known,
    // What would be healed here must be found by the promises.
    watchdogMs: 0,
    registry: embeddedRegistry(),
  });
  const source: WatchSource = {
    store,
    namespace: NAMESPACE,
    clock,
    subscribe: (run, subscriber) => engine.subscribe(run, subscriber),
  };
  return makeBaton({
    source,
    reader: reader({ ...source, catalogue: known, limits }),
    catalogue: known,
    workflows,
    ids,
    registry: engine.registry,
    engine,
    close: async (graceMs) => {
      await engine.close(graceMs);
      await store.close();
    },
  });
}
