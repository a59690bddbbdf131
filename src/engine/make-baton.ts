/** Baton out of its halves: the reader, and an engine where this process may write. */
import { remoteSpan } from "../journal/trace-ids.ts";
import { planFork, carriedInputs, type ForkOptions } from "../history/fork.ts";
import { runEntries } from "../history/read.ts";
import { durationMs } from "../model/duration.ts";
import { raiseOf } from "../model/budget.ts";
import { BatonError } from "../model/errors.ts";
import type { Json } from "../model/json.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { Ids } from "../ports/ids.ts";
import type { Registry } from "../ports/registry.ts";
import type {
  Baton,
  CompensationDecision,
  PublishOptions,
  RunHandle,
  RunOutcome,
  StartOptions,
  StepDecision,
} from "./baton.ts";
import { readBusLines, readRefused } from "./bus-lines.ts";
import { CALLER } from "./caller.ts";
import { readBreakers, watchBreakers } from "./breakers.ts";
import { readBudgets } from "./budgets.ts";
import type { Catalogue } from "./definitions.ts";
import type { Engine, StartRequest } from "./engine.ts";
import { readLate } from "./late-events.ts";
import { readHealth } from "./health.ts";
import { manifestBlob } from "./manifests.ts";
import { headOf, type Reader, workflowOf } from "./reader.ts";
import { readSubscriptions } from "./subscriptions.ts";
import type { ExportTracesOptions, TraceExport } from "./tracing.ts";
import { readEvent, readEvents, readTopics, topicNamed } from "./topics.ts";
import type { WatchSource } from "./watch.ts";

export interface BatonParts {
  readonly source: WatchSource;
  readonly reader: Reader;
  readonly catalogue: Catalogue;
  readonly workflows: readonly WorkflowDefinition[];
  readonly ids: Ids;
  readonly registry: Registry;
  /** Undefined where Baton was opened for reading only. */
  readonly engine: Engine | undefined;
  /** Undefined where there is nowhere to send them. */
  readonly exportTraces?: (options: ExportTracesOptions) => Promise<TraceExport>;
  readonly close: (graceMs: number) => Promise<void>;
}

const GRACE_MS = 5_000;

/** Refused messages that are listed if not told otherwise. */
const LISTED = 50;

export function makeBaton(parts: BatonParts): Baton {
  const { reader, catalogue, ids, source } = parts;
  let closing: Promise<void> | undefined;
  const writing = (): Engine => {
    if (parts.engine === undefined)
      throw new BatonError("STORE_READ_ONLY", "Baton was opened for reading only.");
    return parts.engine;
  };
  const start = async (
    definition: WorkflowDefinition,
    input: unknown,
    options: StartOptions = {},
  ): Promise<RunHandle<Json>> => {
    const engine = writing();
    if (catalogue.workflows.get(definition.id) !== definition) {
      throw new BatonError(
        "WORKFLOW_NOT_FOUND",
        `Workflow ${definition.id} was not given to open().`,
        { details: { workflow: definition.id } },
      );
    }
    const id = options.id ?? ids.runId();
    await engine.start({ id, definition, input, ...startedBy(options) });
    return handle(id);
  };
  const handle = (id: string): RunHandle<Json> => {
    const outcome = async () =>
      parts.engine === undefined
        ? await watchedOutcome(reader, id)
        : await parts.engine.outcome(id);
    return { id, outcome, result: async () => resultOf(id, await outcome()) };
  };
  return {
    ...reader,
    workflows: parts.workflows,
    readOnly: parts.engine === undefined,
    registry: parts.registry,
    // The definition's types say what its runs give; the engine checks that against its contracts, not its types.
    start: async <In, Out>(
      definition: WorkflowDefinition,
      input: NoInfer<In>,
      options?: StartOptions,
    ) => (await start(definition, input, options)) as RunHandle<never> as RunHandle<Out>,
    startUntyped: start,
    run: async (id) => {
      if (parts.engine?.holds(id) !== true) await headOf(source.store, source.namespace, id);
      return handle(id);
    },
    signal: (run, step, payload, { by, id }) =>
      writing().signal(run, step, payload, by, id ?? ids.runId()),
    approve: (run, step, { approved, by, reason }) => {
      const answer = { approved, ...(reason === undefined ? {} : { reason }) };
      return writing().signal(run, step, answer, by, ids.runId());
    },
    ...wayBack(reader, writing),
    ...gates(parts, writing),
    ...busDoor(parts, writing),
    fork: async (run, options) => {
      const engine = writing();
      const request = await forkRequest(parts, run, options);
      await engine.start(request);
      return handle(request.id);
    },
    ...traces(parts),
    close: ({ graceMs = GRACE_MS } = {}) => {
      closing ??= parts.close(graceMs);
      return closing;
    },
  };
}

function traces({ exportTraces }: BatonParts): Pick<Baton, "exportTraces"> {
  return {
    exportTraces: async (options = {}) => {
      if (exportTraces !== undefined) return await exportTraces(options);
      throw new BatonError("ARGUMENT_INVALID", "There is nowhere to send traces to.", {
        hint: "Give open(), or baton.config.ts, `tracing`: otel({ url }) or mlflow({ url, experiment }) of baton/otel.",
      });
    },
  };
}

/** Who starts a run, from where, and how long it may take. @throws BatonError DURATION_INVALID, ARGUMENT_INVALID */
function startedBy({
  by = CALLER,
  deadline,
  traceparent,
}: StartOptions): Pick<StartRequest, "by" | "deadlineMs" | "traceparent"> {
  const caller =
    traceparent === undefined || remoteSpan(traceparent) === undefined
      ? { by }
      : { by, traceparent };
  if (deadline === undefined) return caller;
  const deadlineMs = durationMs(deadline);
  if (deadlineMs > 0) return { ...caller, deadlineMs };
  throw new BatonError("ARGUMENT_INVALID", "The deadline is 0: no run could meet it.");
}

/** How people stop a run, and have it go back. */
function wayBack(
  reader: Reader,
  writing: () => Engine,
): Pick<Baton, "cancel" | "compensate" | "compensation" | "resolveStep"> {
  return {
    cancel: (run, { by, reason }) => writing().cancel(run, by, reason),
    compensate: async (run, options) => {
      const engine = writing();
      const { parent } = await reader.report(run);
      if (parent !== undefined) {
        throw new BatonError(
          "ARGUMENT_INVALID",
          `Run ${run} is a part of run ${parent.run}, which relies on what it did.`,
          { hint: `Compensate ${parent.run}: it takes its child runs with it.` },
        );
      }
      await engine.compensate(run, options);
    },
    compensation: async (run, path, decision) => {
      checkDecision(decision);
      await writing().compensation(run, path, decision);
    },
    resolveStep: async (run, path, decision) => {
      checkStepDecision(decision);
      await writing().resolveStep(run, path, decision);
    },
  };
}

/** @throws BatonError ARGUMENT_INVALID */
function checkDecision({ action, reason, turn }: CompensationDecision): void {
  if (action !== "retry" && action !== "done" && action !== "skip")
    throw new BatonError("ARGUMENT_INVALID", `"${String(action)}" is not retry, done or skip.`);
  if (action !== "retry" && (reason ?? "").trim() === "")
    throw new BatonError("ARGUMENT_INVALID", `"${action}" needs a reason, for the journal.`);
  if (turn !== undefined && !(Number.isSafeInteger(turn) && turn >= 0))
    throw new BatonError("ARGUMENT_INVALID", `The turn ${turn} is not a whole number.`);
}

/** @throws BatonError ARGUMENT_INVALID */
function checkStepDecision({ action, output, reason, turn, nothingDone }: StepDecision): void {
  const refuse = (message: string) => {
    throw new BatonError("ARGUMENT_INVALID", message);
  };
  if (action !== "retry" && action !== "done" && action !== "fail")
    refuse(`"${String(action)}" is not retry, done or fail.`);
  if (action !== "retry" && (reason ?? "").trim() === "")
    refuse(`"${action}" needs a reason, for the journal.`);
  if (action === "done" && output === undefined)
    refuse('"done" needs an output: what the agent would have given.');
  if (action !== "done" && output !== undefined) refuse(`"${action}" takes no output.`);
  if (action === "done" && nothingDone === true)
    refuse('"done" says that it was done; `nothingDone` says that it was not.');
  if (turn !== undefined && !(Number.isSafeInteger(turn) && turn >= 0))
    refuse(`The turn ${turn} is not a whole number.`);
}

/** What people ask for about the gates that calls pass. */
function gates(parts: BatonParts, writing: () => Engine) {
  return { ...standing(parts, writing), ...budgetDoor(parts, writing) };
}

/** How runs and breakers stand, and what people do to breakers. */
function standing(
  { source, catalogue, engine }: BatonParts,
  writing: () => Engine,
): Pick<
  Baton,
  "health" | "breakers" | "openBreaker" | "closeBreaker" | "watchBreakers" | "pressure"
> {
  return {
    pressure: async () => writing().pressure(),
    health: async () =>
      engine === undefined ? await readHealth(source, catalogue) : await engine.health(),
    breakers: async () =>
      engine === undefined
        ? await readBreakers(source.store, source.namespace, catalogue)
        : engine.breakers(),
    openBreaker: async (name, { by, reason }) =>
      await writing().setBreaker(name, { to: "open", by, reason }),
    closeBreaker: async (name, { by, reason }) =>
      await writing().setBreaker(name, { to: "closed", by, reason }),
    watchBreakers: ({ signal } = {}) => watchBreakers(source, signal),
  };
}

/** What people and programs do with topics. */
function busDoor(
  { ids, source, catalogue, engine }: BatonParts,
  writing: () => Engine,
): Pick<
  Baton,
  | "topics"
  | "events"
  | "event"
  | "publishUntyped"
  | "publish"
  | "subscriptions"
  | "busLines"
  | "refusedMessages"
  | "lateEvents"
  | "pauseSubscription"
  | "resumeSubscription"
  | "rewindSubscription"
> {
  const publish = async (
    topic: TopicDefinition,
    data: unknown,
    { id = ids.runId(), correlation, by = CALLER }: PublishOptions = {},
  ) =>
    await writing().publish({
      topic,
      data,
      id,
      by,
      ...(correlation === undefined ? {} : { correlation }),
    });
  return {
    publish,
    publishUntyped: async (name, data, options) =>
      await publish(topicNamed(catalogue.topics, name), data, options),
    topics: async () => await readTopics(source, catalogue.topics),
    events: (topic, options) => readEvents(source, catalogue.topics, topic, options),
    event: (id) => readEvent(source, id),
    subscriptions: async () =>
      engine === undefined
        ? await readSubscriptions(source, catalogue.workflows.values())
        : await engine.subscriptions(),
    busLines: async () =>
      engine === undefined ? await readBusLines(source) : await engine.busLines(),
    refusedMessages: async ({ limit = LISTED } = {}) => await readRefused(source, limit),
    lateEvents: async ({ limit = LISTED } = {}) => await readLate(source, limit),
    pauseSubscription: async (name, { by, reason }) =>
      await writing().setSubscription(name, { to: { kind: "paused" }, by, reason }),
    resumeSubscription: async (name, { by, reason }) =>
      await writing().setSubscription(name, { to: { kind: "resumed" }, by, reason }),
    rewindSubscription: async (name, { by, reason, position }) => {
      const to = { kind: "rewound", ...(position === undefined ? {} : { position }) } as const;
      await writing().setSubscription(name, { to, by, reason });
    },
  };
}

/** What people ask for about budgets. */
function budgetDoor(
  { source, catalogue, engine }: BatonParts,
  writing: () => Engine,
): Pick<Baton, "budgets" | "raiseBudget"> {
  return {
    budgets: async () =>
      engine === undefined
        ? await readBudgets(source.store, source.namespace, catalogue, source.clock.now())
        : engine.budgets(),
    raiseBudget: async (name, amounts, { by, reason }) =>
      await writing().raiseBudget(name, { amounts: raiseOf(amounts), by, reason }),
  };
}

async function forkRequest(
  { source, catalogue, ids }: BatonParts,
  run: string,
  options: ForkOptions,
): Promise<StartRequest> {
  const head = await headOf(source.store, source.namespace, run);
  const entries = await runEntries(source.store, source.namespace, run);
  const plan = planFork(entries, workflowOf(catalogue, head.workflow), options);
  return {
    id: options.id ?? ids.runId(),
    definition: plan.definition,
    input: plan.input,
    by: options.by ?? CALLER,
    fork: { fork: plan.fork, carried: carriedInputs(plan) },
    blobs: [manifestBlob(plan.definition)],
  };
}

/** Where another process executes: the outcome is what the journal comes to say. */
async function watchedOutcome(reader: Reader, run: string): Promise<RunOutcome<Json>> {
  for await (const _ of reader.watch(run)) {
    // Read to the end; the report says it all.
  }
  const report = await reader.report(run);
  switch (report.status) {
    case "completed":
      return { kind: "completed", output: report.output ?? null };
    case "refused":
      return { kind: "refused", violations: report.violations ?? [] };
    case "cancelled":
      return { kind: "cancelled", reason: report.reason ?? "" };
    case "compensated":
      return {
        kind: "compensated",
        error: report.error ?? { code: "UNKNOWN", message: "The run was compensated." },
        ...(report.rollback?.step === undefined ? {} : { step: report.rollback.step }),
      };
    default:
      return {
        kind: "failed",
        error: report.error ?? { code: "UNKNOWN", message: "The run did not complete." },
      };
  }
}

function resultOf(run: string, outcome: RunOutcome<Json>): Json {
  switch (outcome.kind) {
    case "completed":
      return outcome.output;
    case "failed":
      throw new BatonError(
        "RUN_FAILED",
        `Run ${run} failed${outcome.step === undefined ? "" : ` at ${outcome.step}`}: ${outcome.error.message}`,
        {
          details: { run, ...outcome },
        },
      );
    case "compensated":
      throw new BatonError(
        "RUN_COMPENSATED",
        `Run ${run} was compensated${outcome.step === undefined ? "" : ` after ${outcome.step} failed`}: ${outcome.error.message}`,
        { details: { run, ...outcome } },
      );
    case "cancelled":
      throw new BatonError("RUN_CANCELLED", `Run ${run} was cancelled: ${outcome.reason}`, {
        details: { run, reason: outcome.reason },
      });
    case "refused":
      throw new BatonError(
        "RUN_REFUSED",
        `Run ${run} was refused: ${outcome.violations[0]?.message ?? "its input"}`,
        {
          details: { run, violations: outcome.violations },
        },
      );
  }
}
