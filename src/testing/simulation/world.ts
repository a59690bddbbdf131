/** What the parts of one simulated life share. */
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { StoreFactory } from "../../ports/journal-store.ts";
import type { Limits } from "../../model/limits.ts";
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

export interface Plan {
  readonly seed: number;
  readonly workflow: WorkflowDefinition;
  /** By run id. */
  readonly inputs: ReadonlyMap<string, unknown>;
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
  /** Calls that are under way behind a breaker. */
  readonly passed: Set<Passed>;
  /** The process that clients reach now. */
  current: SimulatedProcess | undefined;
  readonly processes: SimulatedProcess[];
}
