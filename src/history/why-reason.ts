/** What answers to "why" are made of, and what they are read from. */
import { parsePath } from "../decide/path.ts";
import type { BreakerSnapshot } from "../model/breaker.ts";
import type { BudgetSnapshot } from "../model/budget.ts";
import type { RunStatus } from "../model/run-status.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { EventDifference } from "./event-difference.ts";
import type { RecordedEntry } from "./read.ts";
import type { RunReport } from "./report.ts";
import { eventsIn } from "./run-events.ts";
import type { RunWaits } from "./waits.ts";

/** One reason, in a sentence, with what lies behind it. Times are milliseconds since 1970. */
export interface WhyReason {
  readonly sentence: string;
  readonly run?: string;
  readonly path?: string;
  /** The entry of the run that says so. */
  readonly seq?: number;
  /** Since when it is so. */
  readonly since?: number;
  /** When something happens by itself. */
  readonly dueAt?: number;
  /** The next command to type. */
  readonly next?: string;
  readonly because: readonly WhyReason[];
}

/** The answer for an id: of a run, or of a correlation. */
export interface Why {
  readonly id: string;
  /** Of the run of that id; absent where it is a correlation id only. */
  readonly status?: RunStatus;
  /** Whether all of it has given what it should. */
  readonly complete: boolean;
  readonly reasons: readonly WhyReason[];
}

/** A run, as far as it is known without its journal. */
export interface KnownRun {
  readonly id: string;
  readonly workflow: string;
  readonly status: RunStatus;
}

/** An event, as far as an answer needs it. */
export interface KnownEvent {
  readonly id: string;
  readonly topic: string;
  readonly key?: string;
  readonly at: number;
}

/** An event that came before the runs which take it. */
export interface EarlyEvent extends KnownEvent {
  /** Names of their workflows. */
  readonly workflows: readonly string[];
}

/** Where the subscription of a choreography to its first topic stands. */
export interface KnownSubscription {
  readonly name: string;
  readonly topic: string;
  /** Events that are being dealt with. */
  readonly underWay: number;
  readonly heldUp: readonly { readonly key: string; readonly run: string }[];
}

/** What the answer is read from. */
export interface WhySource {
  /** All entries of a run. @throws BatonError RUN_NOT_FOUND */
  entries(run: string): Promise<readonly RecordedEntry[]>;
  /** Its definition, where that is here. */
  definition(entries: readonly RecordedEntry[]): Promise<WorkflowDefinition | undefined>;
  /** The run of this id, and those whose ids begin with it: oldest first. */
  runs(correlation: string): Promise<readonly KnownRun[]>;
  /** The event from outside of this id; else the events from outside that were published under it as a correlation id. */
  events(id: string): Promise<readonly KnownEvent[]>;
  /** Events that came under a correlation id for workflows of which no run had begun. */
  early(correlation: string): Promise<readonly EarlyEvent[]>;
  /** How the subscriptions of choreographies stand, those that only the journal knows included. */
  subscriptions(): Promise<readonly KnownSubscription[]>;
  /** The entry with which the subscription of a choreography was paused, if it is. */
  paused(choreography: string): Promise<RecordedEntry | undefined>;
  breaker(name: string): Promise<BreakerSnapshot | undefined>;
  budget(name: string): Promise<BudgetSnapshot | undefined>;
  readonly workflows: readonly WorkflowDefinition[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** What one walk knows. */
export interface Walk {
  readonly source: WhySource;
  readonly runs: readonly KnownRun[];
  /** Runs and topics that were looked at: a loop ends there. */
  readonly seen: Set<string>;
}

/** A run that is looked at. */
export interface Place {
  readonly walk: Walk;
  readonly entries: readonly RecordedEntry[];
  readonly report: RunReport;
  readonly waits: RunWaits;
  readonly definition: WorkflowDefinition | undefined;
  readonly differences: readonly EventDifference[];
}

/** A path with who works there, and on which events: `writing#3 (writing@1.0.0, event r@3 of found)`. */
export function named({ entries, report, definition }: Place, path: string): string {
  const { step } = parsePath(path);
  const summary = report.steps.find((each) => each.path === path);
  const agent = summary?.agent ?? targetOf(definition, step);
  const seqs = new Set(path.includes("#") ? Object.values(summary?.reads ?? {}) : []);
  // What was never called has read nothing yet; its path names the event.
  const own = Number(/#(\d+)$/.exec(path)?.[1]);
  if (seqs.size === 0 && Number.isSafeInteger(own)) seqs.add(own);
  const events = eventsIn(entries)
    .filter(({ seq }) => seqs.has(seq))
    .map(({ payload: { id, topic } }) => `${id} of ${topic}`);
  const facts = [
    ...(agent === undefined ? [] : [agent]),
    ...(events.length === 0 ? [] : [`event ${events.join(" and ")}`]),
  ];
  return facts.length === 0 ? path : `${path} (${facts.join(", ")})`;
}

function targetOf(definition: WorkflowDefinition | undefined, name: string): string | undefined {
  const step = definition?.stepByName.get(name);
  if (step?.kind === "agent") return step.agent.id;
  if (step?.kind !== "subscription") return undefined;
  return step.target.kind === "agent" ? step.target.agent.id : step.target.workflow.id;
}
