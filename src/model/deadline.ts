/** Deadlines: the moment by which a run, or a step of it, must have ended. */
import type { Failure } from "./entry.ts";

/** A moment in milliseconds since 1970, and whose it is. */
export interface Deadline {
  readonly at: number;
  readonly of: "step" | "run";
}

/**
 * The failure of what has missed its deadline. `step` where it is, or was to be, the step's attempt that is ended. When that was
 * is said beside it: a failure can become a part of the state, which no clock decides.
 */
export function deadlineFailure({ of }: Pick<Deadline, "of">, step?: string): Failure {
  const what = of === "run" ? "The run's deadline" : `The deadline of ${step ?? "the step"}`;
  return { code: "DEADLINE_EXCEEDED", message: `${what} has passed.` };
}

/** The failure of a call that could be made again, but not in time. `reason` is what its last attempt said. */
export function noTimeLeft({ of }: Pick<Deadline, "of">, path: string, reason: Failure): Failure {
  const whose = of === "run" ? "the run's deadline" : "its deadline";
  const message = `${path} can't be tried again before ${whose}: ${reason.message}`;
  return { code: "DEADLINE_EXCEEDED", message: message.slice(0, 4_000).toWellFormed() };
}
