/** What the parts of one simulated life share. */
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { Json } from "../../model/json.ts";
import type { StoreFactory } from "../../ports/journal-store.ts";
import type { Limits } from "../../model/limits.ts";
import type { TopicDefinition } from "../../model/topic.ts";
import type { Passed } from "./call-watch.ts";
import type { Disk } from "./disk.ts";
import type { Outside } from "./outside.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Schedule } from "./schedule.ts";
import type { Owner, Scheduler } from "./scheduler.ts";

/** Puts a store together for one seed: what a simulation's processes share. */
export type SimulatedStore = (parts: {
  /** The simulation's wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Calls its argument in a later turn; the simulation chooses when. */
  readonly soon: (run: () => void) => void;
}) => StoreFactory;

/** An event that is published from outside, under the correlation id of a simulated run. */
export interface SimulatedEvent {
  readonly topic: TopicDefinition;
  readonly data: unknown;
}

/** An event from outside whose publisher was told that it is in the journal. */
export interface Acknowledged {
  readonly topic: string;
  readonly data: unknown;
  readonly correlation?: string;
}

export interface Plan {
  readonly seed: number;
  readonly workflow: WorkflowDefinition;
  /** The workflow that is simulated, and those beside it. */
  readonly workflows: readonly WorkflowDefinition[];
  /** By run id; of those that begin with an event from outside, by that event's. */
  readonly inputs: ReadonlyMap<string, unknown>;
  /** Which of these begin with an event from outside. */
  readonly published: ReadonlySet<string>;
  /** What else is published from outside, once for each beginning. */
  readonly events: readonly SimulatedEvent[];
  /** Whether any of the workflows publishes, or takes events. */
  readonly isEventful: boolean;
  /** What a run or a path is called in both lives of a seed; see timeless.ts. */
  readonly nameOf: (name: string) => string;
  /** What distinguishes the calls of one place, where its name does not. */
  readonly tagOf: (input: Json) => string;
  /** What a step that waits is answered; undefined leaves it to its timeout. */
  readonly answer: (run: string, step: string) => unknown;
  readonly store: SimulatedStore;
  readonly schedule: Schedule;
  readonly limits: Limits;
}

/** The system while it lives, as processes, agents and clients see it. */
export interface World {
  readonly plan: Plan;
  readonly time: Scheduler;
  readonly disk: Disk;
  /** Of what belongs to no process. */
  readonly owner: Owner;
  readonly wallMs: () => number;
  readonly problems: string[];
  /** How far the wall clock has jumped. */
  jumpedMs: number;
  readonly outside: Outside;
  /** Calls of agents that really wait for something, and of whom. */
  readonly waiting: Set<{ readonly owner: Owner }>;
  /** By place, the dead letters that a person had tried again. */
  readonly retries: Map<string, Set<number>>;
  /** By id, the events from outside that somebody was told of. */
  readonly published: Map<string, Acknowledged>;
  /** Calls that are under way behind a breaker. */
  readonly passed: Set<Passed>;
  /** The process that clients reach now. */
  current: SimulatedProcess | undefined;
  readonly processes: SimulatedProcess[];
}
