/** The embedded engine's state, as it is when a store was opened: nothing is in memory yet. */
import { isBatonError } from "../../model/errors.ts";
import type { Limits } from "../../model/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { Catalogue } from "../definitions.ts";
import type { PriceTable } from "../usage.ts";
import type { Admission } from "./admission.ts";
import { agentPlaces } from "./agent-places.ts";
import { breakers } from "./breakers.ts";
import { budgets } from "./budgets.ts";
import { children } from "./children.ts";
import { line } from "./line.ts";
import { newPace } from "./overload.ts";
import { ownContext } from "./own-context.ts";
import { rates } from "./rates.ts";
import { retryBudgets } from "./retry-budgets.ts";
import { quarantine } from "./quarantine.ts";
import { intakes } from "./intakes.ts";
import { routes } from "./routes.ts";
import { unclaimed } from "./unclaimed.ts";
import { busLines, type OutsideBus } from "./bus-lines.ts";
import { wakes } from "./wakes.ts";
import { processActor } from "./actors.ts";
import type { Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import type { AcquiredLease } from "./lease-keeper.ts";
import { actorOf, notLoaded } from "./runs.ts";

/** Of whoever opens a store first. */
const FIRST_EPOCH = 1;

export interface EngineOptions {
  readonly store: JournalStore;
  readonly namespace: string;
  readonly holder: string;
  readonly standby: boolean;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: LogSink;
  readonly limits: Limits;
  readonly prices: PriceTable;
  readonly catalogue: Catalogue;
  /** Is given the input of each attempt that ends, before its entry is written: its hash, and its canonical JSON. */
  readonly tellInput?: (hash: string, text: string) => void;
  /** How often the watchdog looks by itself; 0 for never. */
  readonly watchdogMs: number;
  /** The bus outside of the store, if there is one. */
  readonly bus?: OutsideBus;
}

/** What the engine knows before it has read anything. */
export function makeCore(
  options: EngineOptions,
  { epoch, abandoned }: AcquiredLease,
  admission?: (core: () => Core) => Admission,
): Core {
  const { store, namespace, clock, ids, log, limits, prices, catalogue } = options;
  const core: Core = {
    store,
    namespace,
    epoch,
    crashedEpoch: abandoned === true ? epoch - 1 : undefined,
    clock,
    ids,
    log,
    limits,
    prices,
    catalogue,
    tellInput: options.tellInput,
    inOwnContext: ownContext(),
    agentPlaces: agentPlaces(),
    breakers: breakers(() => core),
    rates: rates(clock, catalogue.rates, epoch === FIRST_EPOCH),
    retryBudgets: retryBudgets(clock),
    budgets: budgets(() => core),
    quarantine: quarantine(),
    admission: admission?.(() => core),
    children: children(() => core),
    intakes: intakes(() => core),
    routes: routes(() => core),
    unclaimed: unclaimed(() => core),
    busLines: busLines(() => core, options.bus),
    topicWatchers: new Map(),
    process: (actor) => processActor(core, actor),
    activate: (run) => activate(core, run),
    wakes: wakes(clock, (run) => activate(core, run)),
    actors: new Map(),
    loading: new Map(),
    unfinished: new Set(),
    listed: [],
    tickSet: false,
    placesTaken: 0,
    placeQueue: line(),
    starting: 0,
    pace: newPace(clock),
    placeFreed: [],
    waiters: new Map(),
    watchers: new Map(),
    stopped: undefined,
    closing: false,
  };
  return core;
}

/** A run's time has come, or it left memory by mistake: it is loaded, or, if it is here, told that time has passed. */
export function activate(core: Core, run: string): void {
  actorOf(core, run).then(
    (actor) => deliver(core, actor, { kind: "tick" }),
    (error: unknown) => {
      if (core.stopped !== undefined || isBatonError(error, "RUN_FINISHED")) return;
      notLoaded(core, run, error);
    },
  );
}
