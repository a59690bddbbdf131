/** Whether deadlines were kept, of runs and of steps: found a second time, from the entries and from what the agents saw. */
import { parsePath } from "../../decide/evolve.ts";
import type { RecordedEntry } from "../../history/read.ts";
import type { EntryKind } from "../../model/entry.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { SeenCall } from "./outside.ts";

/** What begins something in a run. */
const BEGINNINGS: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "step.opened",
  "attempt.begun",
  "attempt.held",
]);
const RESULTS: ReadonlySet<EntryKind> = new Set<EntryKind>(["step.sealed", "item.sealed"]);
/** From where on a run is being wound down, or goes back: what is sealed after it is late, and was under way. */
const TURNED: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "run.overdue",
  "run.cancelling",
  "run.compensating",
  "step.failed",
  "event.refused",
]);

/** The deadlines of one run, while its journal is read. */
interface Reading {
  readonly definition: WorkflowDefinition;
  /** When each key was settled. */
  readonly settledAt: Map<string, number>;
  runAt: number;
  turned: boolean;
  /** Set where a run goes on though it has missed a deadline, or has begun anew: then the moments are others. */
  moved: boolean;
}

/** What is wrong with what a run did after its deadline, or after those of its steps. */
export function checkDeadlines(
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
): readonly string[] {
  const broken: string[] = [];
  const reading = newReading(definition);
  for (const { entry } of entries) {
    const { kind, path = "", at, seq, payload } = entry;
    if (reading.moved) break;
    const { step } = parsePath(path);
    const dueAt = Math.min(reading.runAt, stepDeadline(reading, step));
    const isLate = at >= dueAt && !reading.turned;
    if (isLate && BEGINNINGS.has(kind))
      broken.push(`entry ${seq}: ${kind} ${path} came ${at - dueAt} ms after its deadline.`);
    if (isLate && RESULTS.has(kind))
      broken.push(`entry ${seq}: ${path} was sealed ${at - dueAt} ms after its deadline.`);
    if (kind === "run.completed" && at >= reading.runAt)
      broken.push(`completed ${at - reading.runAt} ms after its deadline.`);
    if (kind === "run.overdue" && at < reading.runAt)
      broken.push(`entry ${seq}: it was overdue before its deadline.`);
    const missed = kind === "step.failed" ? payload["deadlineAt"] : undefined;
    // What could not be tried again in time is given up before.
    if (typeof missed === "number" && missed !== dueAt)
      broken.push(`entry ${seq}: ${path} missed ${missed}, and its deadline is ${dueAt}.`);
    take(reading, entry);
  }
  return broken;
}

/** Calls that began after the deadline of their run. A wall clock that was set forward is heard of by the next thing that happens. */
export function checkCallsInTime(
  run: string,
  entries: readonly RecordedEntry[],
  calls: readonly SeenCall[],
  definition: WorkflowDefinition,
): readonly string[] {
  const started = entries[0]?.entry;
  const deadlineAt = started?.payload["deadlineAt"];
  if (started === undefined || typeof deadlineAt !== "number") return [];
  const freeFrom = withoutDeadlineFrom(entries, definition);
  return calls
    .filter((call) => call.run === run && call.kind === "execute" && call.wallMs >= deadlineAt)
    .filter(({ atSeq }) => atSeq < freeFrom)
    .map(
      ({ path, turn, attempt, wallMs }) =>
        `attempt ${attempt} of ${path} ${turn} began ${wallMs - deadlineAt} ms after the run's deadline.`,
    );
}

/**
 * The entry from which a run has no deadline any more: the one that says that it is overdue behind a pivot; or, where the pivot
 * was sealed by an attempt that was under way by then, the one by which it goes on from there.
 */
function withoutDeadlineFrom(
  entries: readonly RecordedEntry[],
  { stepByName }: WorkflowDefinition,
): number {
  let isOverdue = false;
  let isPassed = false;
  for (const { entry } of entries) {
    const { kind, path = "", seq, payload } = entry;
    if (kind === "run.overdue" && "pivot" in payload) return seq;
    if (kind === "run.overdue") isOverdue = true;
    if (kind === "step.sealed" && stepByName.get(path)?.pivot === true) isPassed = true;
    if (kind === "run.restored" && isOverdue && isPassed) return seq;
  }
  return Number.POSITIVE_INFINITY;
}

function newReading(definition: WorkflowDefinition): Reading {
  return {
    definition,
    settledAt: new Map(),
    runAt: Number.POSITIVE_INFINITY,
    turned: false,
    moved: false,
  };
}

function take(reading: Reading, { kind, path = "", at, payload }: RecordedEntry["entry"]): void {
  const { settledAt } = reading;
  if (kind === "run.started") {
    settledAt.set("input", at);
    const { deadlineAt } = payload;
    if (typeof deadlineAt === "number") reading.runAt = deadlineAt;
  }
  if (kind === "step.sealed" || kind === "step.skipped") settledAt.set(path, at);
  const failsOn = reading.definition.choreography?.failsOn?.name;
  const isFailure = kind.startsWith("event.") && payload["topic"] === failsOn;
  if (TURNED.has(kind) || (failsOn !== undefined && isFailure)) reading.turned = true;
  // Behind a pivot nothing fails for a deadline; what goes back, or is sent back, has its clocks begin anew.
  reading.moved =
    kind === "run.restored" ||
    kind === "step.parked" ||
    kind === "run.blocked" ||
    kind === "handoff.refused" ||
    (kind === "step.sealed" && reading.definition.stepByName.get(path)?.pivot === true);
}

/** A step's deadline counts from the moment at which the last of its needs was settled. */
function stepDeadline({ definition, settledAt }: Reading, name: string): number {
  const step = definition.stepByName.get(name);
  if (step?.deadlineMs === undefined) return Number.POSITIVE_INFINITY;
  let ready = 0;
  for (const need of step.needs) {
    const at = settledAt.get(need);
    if (at === undefined) return Number.POSITIVE_INFINITY;
    ready = Math.max(ready, at);
  }
  return ready + step.deadlineMs;
}
