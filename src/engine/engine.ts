/** What every engine does for Baton; the engines themselves are folders beside this file. */
import type { Input } from "../decide/accept.ts";
import type { Amounts } from "../model/amounts.ts";
import type { BudgetSnapshot } from "../model/budget.ts";
import type { BreakerSnapshot } from "../model/breaker.ts";
import type { Author, Position } from "../model/entry.ts";
import type { EventFacts } from "../model/event-facts.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type { Json } from "../model/json.ts";
import type { PressureSnapshot } from "../model/pressure.ts";
import type { ProjectionStart } from "../model/projection.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { Blob } from "../ports/journal-store.ts";
import type { Registry } from "../ports/registry.ts";
import type {
  CompensateOptions,
  CompensationDecision,
  IntakeChange,
  IntakeSnapshot,
  PublishedEvent,
  RunOutcome,
  StepDecision,
} from "./baton.ts";
import type { BusLine } from "./bus-lines.ts";
import type { Health } from "./health.ts";
import type { ProjectionPlace } from "./tracing.ts";
import type { BreakerSubscriber, Subscriber, TopicSubscriber } from "./watch.ts";

export interface StartRequest {
  readonly id: string;
  readonly definition: WorkflowDefinition;
  readonly input: unknown;
  readonly by: Author;
  readonly parent?: { readonly run: string; readonly path: string };
  readonly fork?: Pick<Extract<Input, { readonly kind: "start" }>, "fork" | "carried">;
  /** Where it is not the run's own id. */
  readonly correlation?: string;
  /** The event that begins a run of a choreography, where it was published elsewhere. */
  readonly event?: { readonly facts: EventFacts; readonly from: Position };
  /** Of a child run: how far the event that led to it is from the first of its chain. */
  readonly hops?: number;
  /** Go into the journal with the start: the manifest of a fork. */
  readonly blobs?: readonly Blob[];
  /** How long the run may take, from its start to its end. */
  readonly deadlineMs?: number;
  /** When it must have ended, of a child run. */
  readonly deadlineAt?: number;
  /** The span of whoever starts it, by W3C Trace Context; valid. */
  readonly traceparent?: string;
}

/** An event from outside. */
export interface PublishRequest {
  readonly topic: TopicDefinition;
  readonly data: unknown;
  readonly id: string;
  readonly correlation?: string;
  readonly by: Author;
}

/** What a person does to a breaker. */
export interface BreakerChange {
  readonly to: "open" | "closed";
  readonly by: Author;
  readonly reason: string;
}

/** What a person adds to a budget's window. */
export interface BudgetRaise {
  readonly amounts: Amounts;
  readonly by: Author;
  readonly reason: string;
}

export interface Engine {
  readonly registry: Registry;
  /** Resolves when the run's first entry is in the journal. @throws BatonError RUN_CONFLICT, ARGUMENT_INVALID, VALUE_TOO_LARGE */
  start(request: StartRequest): Promise<void>;
  /** Waits for the run's end. @throws BatonError RUN_NOT_FOUND, STORE_CLOSED, STORE_FENCED */
  outcome(run: string): Promise<RunOutcome<Json>>;
  /** Whether a run is in memory, with its start in the journal: then it need not be looked for. */
  holds(run: string): boolean;
  signal(run: string, step: string, payload: unknown, by: Author, id: string): Promise<void>;
  cancel(run: string, by: Author, reason: string): Promise<void>;
  /** @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, AGENT_NOT_FOUND, PIVOT_PASSED, SAVEPOINT_NOT_FOUND */
  compensate(run: string, options: CompensateOptions): Promise<void>;
  /** @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, COMPENSATION_UNKNOWN */
  compensation(run: string, path: string, decision: CompensationDecision): Promise<void>;
  /** @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, STEP_NOT_PARKED, OUTPUT_REFUSED, VALUE_TOO_LARGE, AGENT_NOT_FOUND */
  resolveStep(run: string, path: string, decision: StepDecision): Promise<void>;
  subscribe(run: string, subscriber: Subscriber): () => void;
  /** Looks how everything stands, and what is stuck. */
  health(): Promise<Health>;
  /** How every breaker stands. */
  breakers(): readonly BreakerSnapshot[];
  /** A person opens or closes a breaker: resolves when that is in the journal. @throws BatonError BREAKER_NOT_FOUND */
  setBreaker(name: string, change: BreakerChange): Promise<void>;
  /** How busy it is. */
  pressure(): PressureSnapshot;
  subscribeBreakers(subscriber: BreakerSubscriber): () => void;
  subscribeTopic(topic: string, subscriber: TopicSubscriber): () => void;
  /** @throws BatonError EVENT_REFUSED, EVENT_CONFLICT, ARGUMENT_INVALID, VALUE_TOO_LARGE */
  publish(request: PublishRequest): Promise<PublishedEvent>;
  subscriptions(): Promise<readonly IntakeSnapshot[]>;
  busLines(): Promise<readonly BusLine[]>;
  /** @throws BatonError SUBSCRIPTION_NOT_FOUND */
  setSubscription(name: string, change: IntakeChange): Promise<void>;
  /** How every budget stands. */
  budgets(): readonly BudgetSnapshot[];
  /** Resolves when it is in the journal. @throws BatonError BUDGET_NOT_FOUND, ARGUMENT_INVALID */
  raiseBudget(name: string, raise: BudgetRaise): Promise<void>;
  /** How far something that is made of the journal elsewhere has come. `from`: where it begins that is new. */
  projection(name: string, from: ProjectionStart): Promise<ProjectionPlace>;
  close(graceMs: number): Promise<void>;
}
