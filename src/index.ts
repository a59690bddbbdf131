/** The public surface of `baton`. Names are listed one by one: what is not here is not promised. */
export {
  type Answer,
  type AnsweringPolicy,
  type BatonConfig,
  defineConfig,
  type Question,
  type SimulationConfig,
} from "./cli/config.ts";
export { type OpenOptions, open } from "./compose.ts";
export type {
  Baton,
  BusLine,
  Change,
  CompensateOptions,
  CompensationDecision,
  CompensationLetter,
  CompensationSummary,
  DeadLetter,
  ForkOptions,
  EventsOptions,
  ExportTracesOptions,
  IntakeSnapshot,
  RecordedEvent,
  LateEvent,
  RefusedLetter,
  TopicSummary,
  TraceExport,
  Health,
  DeliveryCounts,
  EventDifference,
  EventEdge,
  EventGraph,
  Lineage,
  LineageEvent,
  LineageNode,
  SubscriptionNode,
  TopicNode,
  Why,
  WhyReason,
  PublishedEvent,
  PublishOptions,
  RecordedEntry,
  ReplayDifference,
  ReplayReport,
  RestoreSummary,
  RollbackSummary,
  RunHandle,
  RunOutcome,
  RunReport,
  RunsFilter,
  RunSummary,
  RunWait,
  RunWaits,
  StartOptions,
  StateAt,
  StepDecision,
  StepLetter,
  StepSummary,
  SubscriptionControl,
  StandingReason,
  StuckReason,
  StuckRun,
  StuckSubscription,
  VerifyProblem,
  VerifyReport,
  VersionRef,
  WatchItem,
  WatchOptions,
} from "./engine/baton.ts";
export { asyncApi, type AsyncApiOptions } from "./engine/asyncapi.ts";
export type { Price, PriceTable } from "./engine/usage.ts";
export type { AdmissionMark, DefinitionDifference } from "./model/admission.ts";
export { type Agent, agent, exponential } from "./model/agent.ts";
export type {
  AgentContext,
  AgentDefinition,
  AgentLog,
  Backoff,
  CompensationContext,
  RetryBudget,
  ProbeAnswer,
  ProbeContext,
  RetryPolicy,
} from "./model/agent-definition.ts";
export type {
  BreakerEvidence,
  BreakerMark,
  BreakerPolicy,
  BreakerSettings,
  BreakerSnapshot,
  BreakerStateKind,
  FallbackMark,
} from "./model/breaker.ts";
export type { BreakerOptions, BreakerWindowOptions } from "./model/breaker-options.ts";
export { choreography, type ChoreographyOptions } from "./model/choreography.ts";
export type { Amounts, Measure } from "./model/amounts.ts";
export {
  type AmountOptions,
  type Budget,
  budget,
  type BudgetMark,
  type BudgetOptions,
  type BudgetSnapshot,
} from "./model/budget.ts";
export { type Compatibility, compatibility } from "./model/compatibility.ts";
export { type AnyContract, type Contract, contract, type Rule, rule } from "./model/contract.ts";
export type { Duration } from "./model/duration.ts";
export type {
  Author,
  CompensationAction,
  Entry,
  EntryKind,
  Failure,
  ParkedBecause,
  RollbackReason,
  Savepoint,
  StepAction,
  UsageRecord,
} from "./model/entry.ts";
export type { RunStatus } from "./model/run-status.ts";
export { BatonError, type ErrorCode, isBatonError } from "./model/errors.ts";
export type { Frozen, Json, JsonObject } from "./model/json.ts";
export { jsonSchemaContract } from "./model/json-schema.ts";
export { DEFAULT_LIMITS, type Limits } from "./model/limits.ts";
export { all, on, type Subscription, type SubscriptionOptions, to } from "./model/subscription.ts";
export { type Topic, topic, type TopicDefinition, type TopicOptions } from "./model/topic.ts";
export type { AgentPressure, PressureSnapshot } from "./model/pressure.ts";
export type {
  RateKeySnapshot,
  RateOptions,
  RatePolicy,
  RateSettings,
  RateSnapshot,
} from "./model/rate.ts";
export type {
  TraceFacts,
  TraceLink,
  TraceMoment,
  TraceSpan,
  TraceSpanKind,
} from "./model/trace-span.ts";
export type { Violation } from "./model/violation.ts";
export { type Workflow, workflow } from "./model/workflow.ts";
export type {
  ApprovalOutput,
  EmittedEvent,
  StepDefinition,
  WorkflowDefinition,
} from "./model/workflow-definition.ts";
export type { BusFactory, BusMessage, BusStart } from "./ports/bus.ts";
export type { Clock } from "./ports/clock.ts";
export type { Ids } from "./ports/ids.ts";
export type { JournalStore, StoreFactory } from "./ports/journal-store.ts";
export type { LogLine, LogSink } from "./ports/log-sink.ts";
export type { Portable } from "./ports/portable.ts";
export type {
  EngineMeasures,
  TraceBatch,
  TracedTransition,
  TraceSink,
  Tracing,
} from "./ports/tracing.ts";
export type {
  Grant,
  Published,
  RegisteredItem,
  RegisteredKind,
  Registry,
  RegistryFactory,
  RegistryHost,
  RegistryItem,
  RegistryKey,
} from "./ports/registry.ts";
export { catalogueItems, type Definitions } from "./registry/catalogue-items.ts";
export { differenceText } from "./registry/differences.ts";
export { type Drift, drift } from "./registry/drift.ts";
export { embeddedRegistry, type EmbeddedRegistryOptions } from "./registry/embedded.ts";
export {
  type DefinitionLineage,
  definitionLineage,
  type LineageOfDefinition,
} from "./registry/lineage.ts";
export { memory } from "./stores/memory/memory.ts";
