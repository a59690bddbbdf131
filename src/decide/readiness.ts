/** What is known of a step once its needs are settled: that it is to be looked at, and by when it must have ended. */
import TinyQueue from "tinyqueue";
import type { DeadlineTimer, Run } from "../model/run.ts";

/** The needs of a step are settled: from here on its deadline counts. */
export function ready(run: Run, step: string, at: number): void {
  run.agenda.add(step);
  if (run.definition.hasStepDeadlines === undefined) return;
  const deadlineMs = run.definition.stepByName.get(step)?.deadlineMs;
  if (deadlineMs !== undefined) noteDeadline(run, at + deadlineMs, step);
}

/** Notes a deadline of the run (without `step`), or of a step that has become ready. */
export function noteDeadline(run: Run, dueAt: number, step?: string): void {
  if (step === undefined) run.deadlineAt = dueAt;
  else {
    run.stepDeadlines ??= new Map();
    run.stepDeadlines.set(step, dueAt);
  }
  run.deadlines ??= new TinyQueue<DeadlineTimer>([], byMoment);
  run.deadlines.push({ dueAt, step });
}

function byMoment(a: DeadlineTimer, b: DeadlineTimer): number {
  return a.dueAt - b.dueAt || (a.step === undefined ? -1 : 1);
}
