/** One question and its answer: asked, read to its end, shown as it comes, and counted. */
import type { AgentContext } from "../../model/agent-definition.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import { type JsonObject, sealJson } from "../../model/json.ts";
import { answerEvents, DONE } from "./answer-events.ts";
import { ask, type Line } from "./call.ts";
import { chatFold } from "./chat-answer.ts";
import { isObject, quoted } from "./fields.ts";
import { limitedPieces } from "../limited-body.ts";
import { limitOf } from "./too-long.ts";
import type { AnswerFold, RemoteAnswer } from "./remote-answer.ts";
import { brokenOff, usageMissing, usageUnknown } from "./remote-errors.ts";
import { responsesFold } from "./responses-answer.ts";

export interface Question {
  readonly request: JsonObject;
  readonly api: "responses" | "chat" | undefined;
  readonly stream: boolean | undefined;
  /** Named in the usage where the answer does not name one. */
  readonly model: string;
  /** Whether a limit hangs on the usage: then an answer of which nothing is told can't be taken. */
  readonly mustCount: boolean;
}

/**
 * A stream that stays open after its end is left once it has been silent for so long: what was said last is the answer. Agents pause
 * between the answers of one stream, yet this long as a rule only where the last one has asked for something.
 */
const SILENCE_MS = 10_000;

/**
 * @throws BatonError as {@link ask}, and REMOTE_FAILED, REMOTE_INCOMPLETE, REMOTE_ASKS, REMOTE_ANSWER_INVALID, VALUE_TOO_LARGE,
 *   MODEL_USAGE_MISSING; with `usageUnknown` in its details where tokens may have been used that nobody told of
 */
export async function converse(
  line: Line,
  { request, api = "responses", stream = true, model, mustCount }: Question,
  context: AgentContext,
): Promise<RemoteAnswer> {
  const { label } = line.place;
  const body = JSON.stringify(sealJson({ ...request, stream }, `request to the ${label}`));
  const response = await ask(line, body, context);
  const fold = api === "chat" ? chatFold(label) : responsesFold(label);
  const count = counting(fold, model, context);
  let isRead = false;
  try {
    try {
      await read(line, response, { fold, count }, context);
      isRead = true;
    } finally {
      // Also where it went wrong: the tokens are spent.
      count(true);
    }
    const answer = fold.answer();
    if (mustCount && fold.usage(true).length === 0) throw usageMissing(label);
    return answer;
  } catch (error) {
    // The error of an attempt that was told to stop is that it was.
    if (context.signal.aborted) throw context.signal.reason;
    // What broke while it was read is the connection's fault, unless it is one of ours.
    const fault = isBatonError(error) ? error : brokenOff(label, error);
    throw isUncounted(fold, isRead, fault) ? usageUnknown(fault) : fault;
  }
}

/** Whether the other side may have used what it has not told. */
function isUncounted(fold: AnswerFold, isRead: boolean, { code, details }: BatonError): boolean {
  // A run that goes on tells all that it used to the attempt that waits for its end.
  if (code === "REMOTE_INCOMPLETE" && details["run"] !== undefined) return false;
  return fold.usage(true).length === 0 || !(isRead || fold.mayEnd());
}

/** Reports what was used as it becomes known: once an attempt is out of time, nobody listens any more. */
function counting(
  fold: AnswerFold,
  model: string,
  context: AgentContext,
): (isOver: boolean) => void {
  let counted = 0;
  return (isOver) => {
    for (const used of fold.usage(isOver).slice(counted)) {
      counted += 1;
      context.usage({ ...used, model: quoted(used.model ?? model) });
    }
  };
}

interface Reading {
  readonly fold: AnswerFold;
  readonly count: (isOver: boolean) => void;
}

async function read(
  { place, answerBytesMax: bytesMax, clock }: Line,
  response: Response,
  { fold, count }: Reading,
  context: AgentContext,
): Promise<void> {
  const silent = new AbortController();
  const limit = { ...limitOf(place.label, bytesMax), enough: silent.signal };
  const pieces = limitedPieces(response, limit);
  // An endpoint that can't stream answers as a whole, whatever it was asked for.
  if (!(response.headers.get("content-type") ?? "").includes("text/event-stream"))
    return await readWhole(pieces, fold, place.label);
  let done = false;
  let stopWaiting: () => void = () => {};
  try {
    for await (const event of answerEvents(pieces, { from: place.label, bytesMax })) {
      stopWaiting();
      context.heartbeat();
      done ||= event === DONE;
      if (event !== DONE) for (const chunk of fold.event(event)) show(context, chunk);
      count(false);
      if (fold.seemsWhole())
        stopWaiting = clock.after(silenceMs(context), () => silent.abort(), true);
    }
  } finally {
    stopWaiting();
  }
  if (done || fold.mayEnd()) return;
  throw new BatonError("REMOTE_UNAVAILABLE", `The answer of the ${place.label} broke off.`);
}

/** Half of the time that is left, where that is less: an answer that is there must not be lost to the timeout. */
function silenceMs({ remainingMs }: AgentContext): number {
  return Math.min(SILENCE_MS, (remainingMs() ?? Number.POSITIVE_INFINITY) / 2);
}

/** Shows what has come. What no journal could hold is not worth the attempt: it is not shown. */
function show(context: AgentContext, chunk: string | JsonObject): void {
  if (typeof chunk === "string") return context.stream(chunk.toWellFormed());
  try {
    context.stream(sealJson(chunk, "item"));
  } catch (error) {
    if (!isBatonError(error, "VALUE_NOT_JSON")) throw error;
  }
}

async function readWhole(
  pieces: AsyncIterable<string>,
  fold: AnswerFold,
  label: string,
): Promise<void> {
  const texts: string[] = [];
  for await (const piece of pieces) texts.push(piece);
  let value: unknown;
  try {
    value = JSON.parse(texts.join(""));
  } catch {
    value = undefined;
  }
  if (!isObject(value))
    throw new BatonError(
      "REMOTE_ANSWER_INVALID",
      `The ${label} answered with what is no JSON object.`,
    );
  fold.whole(value);
}
