/** What a run waits for, in words. */
import type { Failure, ParkedBecause, RunWait } from "../index.ts";
import { moment, printable } from "./text.ts";

/** What is waited for, without its place: `the breaker bureau, until 2026-05-01 09:30:00Z`. */
export function awaited(wait: RunWait): string {
  switch (wait.what) {
    case "retry":
      return `attempt ${wait.attempt}${until(wait.dueAt)}${why(wait.error)}`;
    case "probe":
      return `its probe${until(wait.dueAt)}`;
    case "breaker":
    case "budget":
    case "rate":
      return `the ${wait.what} ${wait.gate.slice(wait.what.length + 1)}${until(wait.dueAt)}`;
    case "timer":
      return `a timer${until(wait.dueAt)}`;
    case "approval":
      return `an approval${until(wait.dueAt)}${reminder(wait.remindAt)}`;
    case "event":
      return `an event${ofTopics(wait.topics)}${until(wait.dueAt)}${reminder(wait.remindAt)}`;
    case "signal":
      return `a signal${until(wait.dueAt)}${reminder(wait.remindAt)}`;
    case "run":
      return `the run ${wait.run}`;
    case "code":
      return `code: ${wait.missing.join(", ")}`;
    case "person":
      return wait.because === undefined
        ? `a person${why(wait.error)}`
        : `a person: ${PARKED_BECAUSE[wait.because]}`;
    case "execution":
      return "nothing: it is executed, or can begin";
  }
}

/** Where it waits: the path, or that the path is being undone; empty for the run itself. */
export function waitsAt(wait: RunWait): string {
  if (wait.what === "code" || wait.path === undefined) return "";
  const undoes = "compensates" in wait && wait.compensates === true;
  return undoes ? `undoing ${wait.path}` : wait.path;
}

/** What a person can do about it, if anything. */
export function nextOf(run: string, wait: RunWait): string | undefined {
  switch (wait.what) {
    case "approval":
      return printable(`baton approve ${run} ${wait.path}`);
    case "signal":
      return printable(`baton signal ${run} ${wait.path} payload.json`);
    case "breaker":
      return "baton breakers";
    case "budget":
      return "baton budgets";
    case "event":
      return printable(`baton why ${run}`);
    case "run":
      return printable(`baton show ${wait.run}`);
    case "code":
      return "pass it in `workflows` or `agents` of baton.config.ts; the run then goes on";
    case "person":
      return printable(`baton dead-letters show ${run}`);
    default:
      return undefined;
  }
}

const PARKED_BECAUSE: Readonly<Record<ParkedBecause, string>> = {
  unknown: "what its attempt did is not known",
  poison: "it took its process with it",
  pivot: "it failed where the run may only go forward",
  failed: "its last attempt failed",
  refused: "its handoff was refused",
};

function why(error: Failure | undefined): string {
  return error === undefined ? "" : ` (${error.code}: ${error.message})`;
}

function ofTopics(topics: readonly string[] = []): string {
  return topics.length === 0 ? "" : ` of ${topics.join(" and ")}`;
}

function until(dueAt: number | undefined): string {
  return dueAt === undefined ? "" : `, until ${moment(dueAt)}`;
}

function reminder(remindAt: number | undefined): string {
  return remindAt === undefined ? "" : `, next reminder ${moment(remindAt)}`;
}
