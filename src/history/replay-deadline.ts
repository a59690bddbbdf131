/**
 * What replay compares of deadlines. When a run's deadline falls is recorded with its start; when a step's does follows from
 * today's definition and the journal's times.
 */
import { deadlineOf } from "../decide/deadline.ts";
import { pivotPassed } from "../decide/savepoint.ts";
import type { FactOf } from "../model/entry.ts";
import type { StepDefinition } from "../model/workflow-definition.ts";
import { differ, type Replaying } from "./replay-difference.ts";

/** The workflow's own deadline bounds every run; one that was given at the start, or by a parent, may be shorter. */
export function compareRunDeadline(replaying: Replaying, fact: FactOf<"run.started">): void {
  const { deadlineMs } = replaying.definition;
  if (deadlineMs === undefined) return;
  const today = fact.at + deadlineMs;
  const { deadlineAt } = fact.payload;
  if (deadlineAt !== undefined && deadlineAt <= today) return;
  replaying.differ({
    seq: fact.seq,
    path: "",
    what: "timer",
    message: "Today the run would have an earlier deadline.",
    recorded: deadlineAt ?? null,
    today,
  });
}

/** A run is overdue when the deadline that it was started with has come, and not before. */
export function compareOverdue(replaying: Replaying, fact: FactOf<"run.overdue">): void {
  const today = replaying.run.deadlineAt ?? null;
  const { deadlineAt } = fact.payload;
  if (deadlineAt === today && deadlineAt <= fact.at) return;
  replaying.differ({
    seq: fact.seq,
    path: "",
    what: "timer",
    message: "Today the run would not be overdue.",
    recorded: deadlineAt,
    today,
  });
}

/** What was ended by a deadline must have that deadline today. */
export function compareMissed(
  replaying: Replaying,
  fact: FactOf<"step.failed" | "item.failed">,
  step: StepDefinition,
): void {
  const { deadlineAt } = fact.payload;
  if (deadlineAt === undefined) return;
  const today = deadlineOf(replaying.run, step.name)?.at;
  if (today === deadlineAt) return;
  differ(replaying, fact, {
    what: "timer",
    message: "Today its deadline would not have ended it then.",
    recorded: deadlineAt,
    today: today ?? null,
  });
}

/** What was sealed must have been sealed in time, unless the run was ending by then. */
export function compareInTime(
  replaying: Replaying,
  fact: FactOf<"step.sealed">,
  step: StepDefinition,
): void {
  const { run } = replaying;
  const today = run.stepDeadlines?.get(step.name);
  if (run.phase.kind !== "going" || today === undefined || fact.at < today) return;
  // Behind a pivot nothing fails for its deadline.
  if (pivotPassed(run) !== undefined) return;
  differ(replaying, fact, {
    what: "timer",
    message: "Today the step would have missed its deadline.",
    recorded: fact.at,
    today,
  });
}

/** A pause that ends after the deadline is not waited for. */
export function comparePause(
  replaying: Replaying,
  fact: FactOf<"attempt.failed">,
  step: StepDefinition,
): void {
  const { retryAt } = fact.payload;
  const today = deadlineOf(replaying.run, step.name)?.at;
  if (retryAt === undefined || today === undefined || retryAt < today) return;
  differ(replaying, fact, {
    what: "timer",
    message: "Today the next attempt would come after the deadline, and not be made.",
    recorded: retryAt,
    today,
  });
}
