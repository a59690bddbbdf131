/**
 * The ids of tasks, which are those of runs seen by one caller.
 *
 * A run that a message has begun is `a2a/<caller>/<message>/<context>`, or `.../-` where the message named no context, which is then
 * called like the message; its task is `<message>~<context>`, or `<message>`. So the same message is the same run, all that a task needs to say of itself is in its id, and a caller
 * who names a task of another names one of its own that does not exist.
 */
import { sha256Hex } from "../../journal/hash.ts";
import type { Author } from "../../model/entry.ts";

/** Of messages and contexts: what may stand in a run's id, and leaves room for the rest of it. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$/;
const CALLER_LENGTH = 16;
/** In a run's id, a context that is called like its message. No context begins with it. */
const OWN = "-";

/** What a message, or a task that it has begun, is called. */
export interface TaskName {
  readonly message: string;
  readonly context: string;
}

export function isTaskWord(word: string): boolean {
  return NAME.test(word);
}

/** Under which all runs of a caller stand. */
export function callerPrefix({ kind, id, onBehalfOf = "" }: Author): string {
  return `a2a/${sha256Hex(`baton/a2a-caller/v1\n${kind}\n${id}\n${onBehalfOf}`).slice(0, CALLER_LENGTH)}`;
}

export function runIdOf(prefix: string, { message, context }: TaskName): string {
  return `${prefix}/${message}/${context === message ? OWN : context}`;
}

export function taskIdOf({ message, context }: TaskName): string {
  return message === context ? message : `${message}~${context}`;
}

/** Undefined for what is no task's id. */
export function taskNameOf(taskId: string): TaskName | undefined {
  const [message = "", context = message, more] = taskId.split("~");
  if (more !== undefined || !isTaskWord(message) || !isTaskWord(context)) return undefined;
  return { message, context };
}

/** The task of a run of this caller; undefined for other runs, such as a child of such a run. */
export function taskNameOfRun(prefix: string, run: string): TaskName | undefined {
  const [message = "", context = "", more] = run.slice(prefix.length + 1).split("/");
  if (!run.startsWith(`${prefix}/`) || more !== undefined || context === "") return undefined;
  return { message, context: context === OWN ? message : context };
}

/** The same of a run that is part of such a run, too. */
export function taskNameAbove(prefix: string, run: string): TaskName | undefined {
  const [message = "", context = ""] = run.slice(prefix.length + 1).split("/");
  return taskNameOfRun(prefix, `${prefix}/${message}/${context}`);
}
