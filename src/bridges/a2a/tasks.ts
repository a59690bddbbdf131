/**
 * What callers do with tasks: each is a run, read and acted upon by what Baton gives everybody.
 *
 * T1. A message begins a run under an id that follows from the caller and the message: sent again it joins that run, and with
 *     another content it is refused.
 * T2. A caller reaches the runs that its own messages have begun, and no others: the caller is a part of their ids.
 */
import type { Author } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import { changesOf, type Partial } from "./changes.ts";
import { answeredBefore, type Definitions, openQuestions } from "./questions.ts";
import type { ServedBaton } from "../served-baton.ts";
import { entriesOf } from "./run-entries.ts";
import type { A2aSkill } from "./server-options.ts";
import {
  callerPrefix,
  isTaskWord,
  runIdOf,
  type TaskName,
  taskNameAbove,
  taskNameOf,
  taskNameOfRun,
} from "./task-id.ts";
import { taskOf } from "./task-view.ts";
import { TERMINAL_STATES, valueOf, type WireMessage, type WireTask } from "./wire.ts";

/** What is served, and to whom. */
export interface Desk {
  readonly baton: ServedBaton;
  readonly skills: ReadonlyMap<string, A2aSkill>;
  readonly definitions: Definitions;
  readonly author: Author;
  /** Of the request, where it has one. */
  readonly traceparent: string | undefined;
  readonly partials: boolean;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
}

/** What callers are told is wrong; the protocol's own names for it are in protocol-errors.ts. */
export type Refusal = "malformed" | "not found" | "content type" | "unsupported" | "not cancelable";

/** Refuses what a caller asks. */
export class Refused extends Error {
  readonly why: Refusal;
  constructor(why: Refusal, message: string) {
    super(message);
    this.why = why;
  }
}

/** A task of this caller, as it is now. */
export interface Found {
  readonly name: TaskName;
  readonly run: string;
  readonly task: WireTask;
}

/** @throws Refused */
export async function findTask(desk: Desk, taskId: string): Promise<Found> {
  const name = taskNameOf(taskId);
  const missing = () => new Refused("not found", `There is no task ${taskId.slice(0, 200)}.`);
  if (name === undefined) throw missing();
  try {
    return await lookAt(desk, name);
  } catch (error) {
    throw isBatonError(error, "RUN_NOT_FOUND") ? missing() : error;
  }
}

async function lookAt({ baton, definitions, author }: Desk, name: TaskName): Promise<Found> {
  const run = runIdOf(callerPrefix(author), name);
  const entries = await entriesOf(baton, run);
  const questions = await openQuestions(baton, definitions, run);
  return { name, run, task: taskOf(name, entries, questions) };
}

export function isOver({ status }: WireTask): boolean {
  return status !== undefined && TERMINAL_STATES.has(status.state);
}

/** Whether a caller who waits is told now: it is over, or asks. */
export function isSettled({ status }: WireTask): boolean {
  return (
    status !== undefined &&
    (TERMINAL_STATES.has(status.state) || status.state === "TASK_STATE_INPUT_REQUIRED")
  );
}

/** Whether a task stands as before. */
export function standsAs({ status: a }: WireTask, { status: b }: WireTask): boolean {
  return (
    a?.state === b?.state && JSON.stringify(a?.message?.parts) === JSON.stringify(b?.message?.parts)
  );
}

/** Takes a message: it begins a task, or answers what one asks. @throws Refused; BatonError as start() and signal() */
export async function takeMessage(
  desk: Desk,
  message: WireMessage,
  metadata: Readonly<Record<string, unknown>>,
): Promise<Found> {
  if (!isTaskWord(message.messageId)) refuseWord("messageId", message.messageId);
  const isAnswer = message.taskId !== undefined && message.taskId !== "";
  return isAnswer
    ? await takeAnswer(desk, message, message.taskId ?? "")
    : await takeOrder(desk, message, metadata);
}

async function takeOrder(
  desk: Desk,
  message: WireMessage,
  metadata: Readonly<Record<string, unknown>>,
): Promise<Found> {
  const { baton, author, traceparent } = desk;
  const prefix = callerPrefix(author);
  const name = { message: message.messageId, context: contextOf(message) };
  const { workflow } = skillFor(desk, { ...metadata, ...message.metadata });
  const value = contentOf(message);
  // All that the message has begun, child runs too, stands under it and its context.
  const [known] = await baton.runs({ correlation: `${prefix}/${name.message}`, limit: 1 });
  const before = known === undefined ? undefined : taskNameAbove(prefix, known.id);
  if (before !== undefined && before.context !== name.context) {
    const why = `The message ${name.message} was sent before, in another context.`;
    throw new Refused("malformed", why);
  }
  const options = { id: runIdOf(prefix, name), by: author };
  await baton.startUntyped(workflow, value, {
    ...options,
    ...(traceparent === undefined ? {} : { traceparent }),
  });
  return await lookAt(desk, name);
}

function contextOf({ contextId = "", messageId }: WireMessage): string {
  if (contextId === "") return messageId;
  if (!isTaskWord(contextId)) refuseWord("contextId", contextId);
  return contextId;
}

function skillFor({ skills }: Desk, { skill: asked }: Readonly<Record<string, unknown>>): A2aSkill {
  const only = skills.size === 1 ? [...skills.values()][0] : undefined;
  const found = typeof asked === "string" ? skills.get(asked) : only;
  if (found !== undefined) return found;
  const all = [...skills.keys()].join(", ");
  throw new Refused("malformed", `The message's metadata.skill names none of these: ${all}.`);
}

function contentOf({ parts = [] }: WireMessage): Json {
  if (parts.some(({ raw, url }) => raw !== undefined || url !== undefined))
    throw new Refused("content type", "Files are not taken: send data, or JSON as text.");
  if (parts.filter(({ data }) => data !== undefined).length > 1)
    throw new Refused("malformed", "The message has more than one part with data.");
  const said = valueOf(parts);
  if (said === undefined)
    throw new Refused("malformed", "The message has no part with data or text.");
  return said.value;
}

async function takeAnswer(desk: Desk, message: WireMessage, taskId: string): Promise<Found> {
  const { baton, definitions, author } = desk;
  const { messageId: id, contextId = "" } = message;
  const value = contentOf(message);
  const found = await findTask(desk, taskId);
  if (contextId !== "" && contextId !== found.name.context)
    throw new Refused("malformed", `The task ${taskId} is not of the context ${contextId}.`);
  const before = await answeredBefore(baton, definitions, found.run, { id, value });
  if (before === "the same") return found;
  if (before === "another")
    throw new Refused("malformed", `The message ${id} was sent before, with another answer.`);
  if (isOver(found.task)) throw new Refused("unsupported", `The task ${taskId} has ended.`);
  const questions = await openQuestions(baton, definitions, found.run);
  const step = message.metadata?.["step"];
  const asked = questions.filter((each) => step === undefined || each.step === step);
  const [question] = asked;
  if (question === undefined || asked.length > 1) {
    const steps = questions.map((each) => each.step).join(", ");
    const why = questions.length === 0 ? "waits for no answer" : `waits for answers: ${steps}`;
    throw new Refused(
      questions.length === 0 ? "unsupported" : "malformed",
      `The task ${taskId} ${why}. With several, metadata.step says which.`,
    );
  }
  await baton.signal(question.run, question.step, value, { by: author, id });
  return await lookAt(desk, found.name);
}

function refuseWord(what: string, word: string): never {
  throw new Refused(
    "malformed",
    `The ${what} "${word.slice(0, 100)}" is not 1 to 80 letters, digits and . _ : - (the first a letter or digit).`,
  );
}

/** The task whenever it may stand otherwise, from now on, until it is over, asks something else than before, or the caller has gone. */
export async function* followTask(
  desk: Desk,
  { name, run, task: before }: Found,
  partials: boolean,
): AsyncGenerator<{ readonly task: WireTask; readonly partials: readonly Partial[] }> {
  const signal = desk.signal;
  for await (const told of changesOf(desk.baton, run, { partials, signal })) {
    const { task } = await lookAt(desk, name);
    yield { task, partials: told };
    if (isOver(task) || (isSettled(task) && !standsAs(task, before))) return;
  }
}

/** How long a caller without a stream is kept waiting: many wait for a minute, and what they hear then is that nobody is there. */
const WAIT_MS = 50_000;

/** With a desk whose signal aborts when the caller has gone, or has waited for long enough. */
async function inTime<X>(desk: Desk, work: (desk: Desk) => Promise<X>): Promise<X> {
  const due = new AbortController();
  const timer = setTimeout(() => due.abort(), WAIT_MS);
  try {
    return await work({ ...desk, signal: AbortSignal.any([desk.signal, due.signal]) });
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a task is over, or asks; what takes longer is answered as it is then. */
export async function settled(desk: Desk, found: Found): Promise<WireTask> {
  if (isSettled(found.task)) return found.task;
  return await inTime(desk, async (limited) => {
    let { task } = found;
    for await (const change of followTask(limited, found, false)) task = change.task;
    return task;
  });
}

/** Cancels, and waits until that is over, or an operator is needed for it; not for ever. @throws Refused */
export async function cancelTask(desk: Desk, taskId: string): Promise<WireTask> {
  const found = await findTask(desk, taskId);
  const { baton, author } = desk;
  if (found.task.status?.state === "TASK_STATE_CANCELED") return found.task;
  const refuse = () =>
    new Refused("not cancelable", `The task ${taskId} can't be cancelled any more.`);
  if (isOver(found.task)) throw refuse();
  try {
    await baton.cancel(found.run, { by: author, reason: "The caller has cancelled the task." });
  } catch (error) {
    throw isBatonError(error, "RUN_FINISHED") || isBatonError(error, "PIVOT_PASSED")
      ? refuse()
      : error;
  }
  const task = await inTime(desk, (limited) => cancelled(limited, found));
  if (isOver(task) && task.status?.state !== "TASK_STATE_CANCELED") throw refuse();
  return task;
}

async function cancelled(desk: Desk, { run, name, task: before }: Found): Promise<WireTask> {
  const { baton, signal } = desk;
  let task = before;
  for await (const _ of changesOf(baton, run, { partials: false, signal })) {
    ({ task } = await lookAt(desk, name));
    const { waits } = await baton.waits(run);
    if (isOver(task) || waits.some(({ what }) => what === "person")) break;
  }
  return task;
}

/** Tasks that are listed: of those that were begun last. */
const LISTED_MAX = 1_000;

/** The tasks of a caller, those first of which something was heard last. */
export async function tasksOf(
  desk: Desk,
  only: { readonly context: string; readonly changedAfterMs: number },
): Promise<readonly { readonly name: TaskName; readonly atMs: number }[]> {
  const { baton, author } = desk;
  const prefix = callerPrefix(author);
  const tasks: { readonly name: TaskName; readonly atMs: number }[] = [];
  for (const { id, lastSeq } of await baton.runs({ correlation: prefix, limit: LISTED_MAX })) {
    const name = taskNameOfRun(prefix, id);
    if (name === undefined || (only.context !== "" && name.context !== only.context)) continue;
    let atMs = 0;
    for await (const { entry } of baton.entries(id, lastSeq)) atMs = entry.at;
    if (atMs > only.changedAfterMs) tasks.push({ name, atMs });
  }
  return tasks.sort((a, b) => b.atMs - a.atMs || (a.name.message < b.name.message ? -1 : 1));
}

export async function taskNamed(desk: Desk, name: TaskName): Promise<WireTask> {
  return (await lookAt(desk, name)).task;
}
