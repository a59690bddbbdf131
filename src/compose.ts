/** The one place that picks implementations: the store that was given, the embedded engine, the machine's clock. */
import { hostname } from "node:os";
import type { Baton } from "./engine/baton.ts";
import { checkCurrencies } from "./engine/budgets.ts";
import type { Engine } from "./engine/engine.ts";
import { type Catalogue, catalogue } from "./engine/definitions.ts";
import { guardedLog } from "./engine/guarded-log.ts";
import type { OutsideBus } from "./engine/embedded/bus-lines.ts";
import { openEngine, type OpenEngineOptions } from "./engine/embedded/engine.ts";
import { makeBaton } from "./engine/make-baton.ts";
import { startMeasuring } from "./engine/measuring.ts";
import { reader } from "./engine/reader.ts";
import { systemClock } from "./engine/system-clock.ts";
import { systemIds } from "./engine/system-ids.ts";
import {
  openSink,
  openTracing,
  traceSource,
  type TracingRoom,
} from "./engine/trace-thread/open-tracing.ts";
import { exportTraces, type ExportTracesOptions, type TraceExport } from "./engine/tracing.ts";
import type { PriceTable } from "./engine/usage.ts";
import type { WatchSource } from "./engine/watch.ts";
import type { AgentDefinition } from "./model/agent-definition.ts";
import { type Duration, durationMs } from "./model/duration.ts";
import { BatonError } from "./model/errors.ts";
import { type Limits, limitsWith } from "./model/limits.ts";
import type { TopicDefinition } from "./model/topic.ts";
import type { WorkflowDefinition } from "./model/workflow-definition.ts";
import type { BusFactory } from "./ports/bus.ts";
import type { Clock } from "./ports/clock.ts";
import type { Ids } from "./ports/ids.ts";
import type { JournalStore, StoreFactory } from "./ports/journal-store.ts";
import type { LogSink } from "./ports/log-sink.ts";
import type { Registry, RegistryFactory } from "./ports/registry.ts";
import type { Tracing } from "./ports/tracing.ts";
import { embeddedRegistry } from "./registry/embedded.ts";
import { checkPrincipal } from "./registry/naming-checks.ts";

export interface OpenOptions {
  /** Where journals are kept: `sqlite("baton.db")` of `baton/sqlite`, or `memory()`. */
  readonly store: StoreFactory;
  /** Every workflow, and every version of one, that runs in the store may need. */
  readonly workflows: readonly WorkflowDefinition[];
  /** Agents that no workflow names now: older versions that unfinished runs are pinned to, newer ones for forks. */
  readonly agents?: readonly AgentDefinition[];
  /** Topics that no workflow names, to be listed with the others; whoever publishes to them needs no more than the topic. */
  readonly topics?: readonly TopicDefinition[];
  /** The tenant; `default` if left out. */
  readonly namespace?: string;
  readonly limits?: Partial<Limits>;
  /** What models cost; without a price, usage is recorded without a cost. */
  readonly prices?: PriceTable;
  /** Where log lines go; nowhere if left out. It must not throw: a line of which it does is lost. */
  readonly log?: LogSink;
  /**
   * Where traces go: `otel(...)` or `mlflow(...)` of `baton/otel`. They are made of the journal, by the process that writes it,
   * and its place is kept: what was not sent is sent when Baton is opened the next time. Opened for reading only, nothing is sent
   * by itself; `exportTraces` sends.
   */
  readonly tracing?: Tracing;
  /** A bus outside of the store: `nats({ ... })` of `baton/nats`. What is published here goes there, and what is taken here comes from there too. */
  readonly bus?: BusFactory;
  /**
   * Who this deployment is on the bus, such as `orders`: one store, with its standby. Deployments of different groups each get
   * each event. Needed with a bus; it does not change as long as the store is used.
   */
  readonly group?: string;
  /**
   * Who may have which agents and workflows executed: `embeddedRegistry()`, or `unityCatalog({ ... })`. Each call of an agent, and
   * each start of a workflow, is asked for anew: what is not registered as it is in the code, or not granted, is not called. Left
   * out, nothing is asked, and the catalogue in the store can be kept all the same: `baton.registry`.
   */
  readonly registry?: RegistryFactory;
  /** `false`: the registry is kept, and asked for nothing. */
  readonly admission?: boolean;
  /** For whom runs execute that don't say it themselves: see `by` of start(). With a `registry` only. */
  readonly principal?: string;
  /** Read only: no lease is taken, nothing is executed; works beside the process that writes. */
  readonly readOnly?: boolean;
  /** Wait for the lease, and take over when the process that has it dies or hangs, instead of throwing STORE_IN_USE. */
  readonly standby?: boolean;
  /** How often the watchdog looks for stuck runs by itself: every 30 seconds if left out; 0 for never. */
  readonly watchdog?: Duration | 0;
  /** For tests. */
  readonly clock?: Clock;
  /** For tests. */
  readonly ids?: Ids;
}

/**
 * Opens Baton over a store, and goes on with every unfinished run in it.
 * @throws BatonError STORE_IN_USE, STORE_FAILED, STORE_CORRUPT, STORE_NEWER, STORE_UNSUITABLE, WORKFLOW_CHANGED,
 *   TOPIC_CHANGED, DEFINITION_INVALID, ARGUMENT_INVALID
 */
export async function open(options: OpenOptions): Promise<Baton> {
  const {
    workflows,
    readOnly = false,
    clock = systemClock,
    ids = systemIds,
    prices = {},
  } = options;
  const log = guardedLog(options.log);
  const namespace = checkedNamespace(options.namespace ?? "default");
  const limits = limitsWith(options.limits ?? {});
  const watchdogMs = options.watchdog === 0 ? 0 : durationMs(options.watchdog ?? "30s");
  const known = catalogue(workflows, options.agents ?? [], limits, options.topics ?? []);
  checkCurrencies(known, prices);
  const bus = await outsideBus(options, known);
  const asked = registryOf(options);
  const store = await options.store({ readOnly, now: () => clock.now() });
  const { tracing } = options;
  const room = { store, namespace, catalogue: known, limits, clock, log };
  let abandonTracing = () => Promise.resolve();
  try {
    const opened = readOnly || tracing === undefined ? undefined : await openTracing(room, tracing);
    if (opened !== undefined) abandonTracing = opened.abandon;
    const engine = readOnly
      ? undefined
      : await openEngine({
          ...room,
          holder: `${hostname()}:${process.pid}`,
          standby: options.standby ?? false,
          ids,
          prices,
          watchdogMs,
          ...asked,
          ...(bus === undefined ? {} : { bus }),
          ...(opened?.tellInput === undefined ? {} : { tellInput: opened.tellInput }),
        });
    const registry = engine?.registry ?? (await readRegistry(asked, store, namespace, clock));
    const source = watched({ store, namespace, clock }, engine);
    const endTelling = await startTelling(options, { engine, opened, clock });
    return makeBaton({
      source,
      reader: reader({ ...source, catalogue: known, limits }),
      catalogue: known,
      workflows,
      ids,
      registry,
      engine,
      ...(tracing === undefined
        ? {}
        : { exportTraces: (asked) => sendHistory(room, tracing, asked) }),
      close: async (graceMs) => {
        try {
          // Before the engine, since the place is kept under its lease.
          await endTelling?.();
          if (engine === undefined) await registry.close();
          else await engine.close(graceMs);
        } finally {
          await store.close();
        }
      },
    });
  } catch (error) {
    await abandonTracing().catch(() => {});
    await store.close();
    throw error;
  }
}

/** Sends traces, and what is measured beside them, until what it gives is called; undefined where this process sends none. */
async function startTelling(
  { tracing }: OpenOptions,
  {
    engine,
    opened,
    clock,
  }: {
    readonly engine: Engine | undefined;
    readonly opened: Awaited<ReturnType<typeof openTracing>> | undefined;
    readonly clock: Clock;
  },
): Promise<(() => Promise<void>) | undefined> {
  if (tracing === undefined || engine === undefined || opened === undefined) return undefined;
  const { measure, stop } = opened.start(
    await engine.projection(tracing.name, tracing.from ?? "beginning"),
  );
  const endMeasuring =
    tracing.measured === true ? startMeasuring({ clock, engine, measure }) : undefined;
  return async () => {
    endMeasuring?.();
    await stop(TRACES_FLUSH_MS);
  };
}

/** The registry; and for whom it is asked, if it is. @throws BatonError ARGUMENT_INVALID */
function registryOf({
  registry,
  admission,
  principal,
}: OpenOptions): Pick<OpenEngineOptions, "registry" | "admission"> {
  if (principal !== undefined) checkPrincipal("principal", principal);
  if (registry === undefined && (admission !== undefined || principal !== undefined)) {
    throw new BatonError("ARGUMENT_INVALID", "There is no registry to ask.", {
      hint: "`admission` and `principal` go with a `registry`, such as embeddedRegistry().",
    });
  }
  if (registry === undefined) return { registry: embeddedRegistry() };
  if (admission === false) return { registry };
  return { registry, admission: principal === undefined ? {} : { principal } };
}

/** Where nothing is executed here: one that is kept in the store can be read. */
async function readRegistry(
  { registry }: Pick<OpenEngineOptions, "registry">,
  store: JournalStore,
  namespace: string,
  clock: Clock,
): Promise<Registry> {
  if (registry.kind === "outside") return await registry.open();
  return await registry.open({ store, namespace, now: () => clock.now(), epoch: undefined });
}

/** What watching needs: told in memory, where this process writes. */
function watched(source: WatchSource, engine: Engine | undefined): WatchSource {
  if (engine === undefined) return source;
  return {
    ...source,
    subscribe: (run, subscriber) => engine.subscribe(run, subscriber),
    subscribeBreakers: (subscriber) => engine.subscribeBreakers(subscriber),
    subscribeTopic: (topic, subscriber) => engine.subscribeTopic(topic, subscriber),
  };
}

/** How long closing waits for traces. What is not sent by then is sent at the next open. */
const TRACES_FLUSH_MS = 5_000;

async function sendHistory(
  room: TracingRoom,
  tracing: Tracing,
  asked: ExportTracesOptions,
): Promise<TraceExport> {
  const sink = await openSink(room, tracing);
  try {
    return await exportTraces(traceSource(room, tracing), sink, asked);
  } finally {
    await sink.close();
  }
}

/** The codec is loaded only where there is a bus. @throws BatonError ARGUMENT_INVALID */
async function outsideBus(
  { bus, group }: OpenOptions,
  { topics }: Catalogue,
): Promise<OutsideBus | undefined> {
  if (bus === undefined && group === undefined) return undefined;
  if (bus === undefined)
    throw new BatonError(
      "ARGUMENT_INVALID",
      "`group` says who this is on a bus, and there is none.",
    );
  if (group === undefined || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(group)) {
    const named =
      group === undefined ? "A bus needs a `group`." : `"${group.slice(0, 80)}" is not a group.`;
    throw new BatonError("ARGUMENT_INVALID", named, {
      hint: "Name this deployment: 1 to 63 lower-case letters, digits and dashes. No other store on the bus may have that name.",
    });
  }
  const lost = (bus.topics ?? []).filter((topic) => !topics.has(topic));
  if (lost.length > 0) {
    throw new BatonError(
      "TOPIC_NOT_FOUND",
      `The bus is to carry ${lost.join(", ")}, which no code names.`,
      {
        details: { topics: lost, known: [...topics.keys()].sort() },
      },
    );
  }
  const { busCodec } = await import("./bridges/cloud-events/message.ts");
  return { factory: bus, group, codec: busCodec(group) };
}

function checkedNamespace(namespace: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(namespace)) return namespace;
  throw new BatonError("ARGUMENT_INVALID", `"${namespace.slice(0, 120)}" is not a namespace.`, {
    hint: "Use 1 to 100 letters, digits and . _ - ; the first a letter or digit.",
  });
}
