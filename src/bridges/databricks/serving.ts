/** One request for a run: begun or joined, then answered as a whole or as a stream. */
import type { Entry } from "../../model/entry.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { JsonObject } from "../../model/json.ts";
import type { AnswerShape } from "./answer-shape.ts";
import { sameAuthor } from "./app-author.ts";
import { errorAnswer, refusedAnswer, thrownAnswer } from "./http-answers.ts";
import { inputIn, type ResponsesRequest, runIdIn } from "./responses-request.ts";
import { type Standing, statusOf } from "./responses-response.ts";
import type { Served } from "./served.ts";

/** Proxies cut connections that are silent; a comment is no event. */
const KEEP_ALIVE_MS = 15_000;
const KEEP_ALIVE = ": keep-alive\n\n";
/** Once a request has waited long enough, whoever does not take what is there for so long is not waited for: others want the place. */
const UNREAD_MS = 10_000;

/** Answers, and calls `done` once the answer is given or nobody waits for it any more. */
export async function serveRun(
  served: Served,
  http: Request,
  { request, shape }: { readonly request: ResponsesRequest; readonly shape: AnswerShape },
  done: () => void,
): Promise<Response> {
  const { baton } = served;
  const by = served.author(http);
  const run = await begun(served, http.headers, request, by);
  const first = await begunBy(served, run, by);
  if (first.payload["workflow"] !== served.workflow.id) throw runNotFound(served, run);
  if (first.kind === "run.refused") {
    const { violations = [] } = await baton.report(run);
    done();
    return refusedAnswer("RUN_REFUSED", violations);
  }
  const wantsTrace = http.headers.get("x-mlflow-return-trace-id")?.toLowerCase() === "true";
  const traceId = wantsTrace && first.traceId !== undefined ? `tr-${first.traceId}` : undefined;
  const waiting = waitingFor(served, http.signal);
  if (request.stream === true)
    return streamed(served, { run, first, traceId, shape }, waiting, done);
  try {
    for await (const _ of baton.watch(run, { signal: waiting.signal })) {
      // To its end, or as long as the request waits.
    }
    const standing = await standingOf(served, run, traceId);
    return shape.whole(standing, textOf(served, standing));
  } finally {
    waiting.stop();
    done();
  }
}

/** The run that is meant, which is in the journal then. @throws BatonError as startUntyped(); ARGUMENT_INVALID */
async function begun(
  served: Served,
  headers: Headers,
  request: ResponsesRequest,
  by: Entry["by"],
): Promise<string> {
  const { baton, workflow, toInput } = served;
  const id = runIdIn(request, headers);
  const input = toInput === undefined ? inputIn(request, workflow.input) : toInput(request);
  if (input !== undefined) {
    const traceparent = headers.get("traceparent");
    const options = {
      by,
      ...(id === undefined ? {} : { id }),
      ...(traceparent === null ? {} : { traceparent }),
    };
    try {
      return (await baton.startUntyped(workflow, input, options)).id;
    } catch (error) {
      // Whoever may not join a run is not told either that it is there, with another input.
      if (id !== undefined && isBatonError(error, "RUN_CONFLICT")) await begunBy(served, id, by);
      throw error;
    }
  }
  if (id !== undefined) return id;
  throw new BatonError(
    "ARGUMENT_INVALID",
    "There is neither `custom_inputs.input`, nor a message of the user, nor `custom_inputs.run_id` of a run to join.",
  );
}

/** The first entry of a run that this author has begun. @throws BatonError RUN_NOT_FOUND */
async function begunBy(served: Served, run: string, by: Entry["by"]): Promise<Entry> {
  const first = await firstEntry(served, run);
  if (first === undefined || !sameAuthor(first.by, by)) throw runNotFound(served, run);
  return first;
}

function runNotFound({ workflow }: Served, run: string): BatonError {
  return new BatonError("RUN_NOT_FOUND", `There is no run ${run} of ${workflow.id}.`);
}

/** @throws BatonError RUN_NOT_FOUND */
async function firstEntry({ baton }: Served, run: string): Promise<Entry | undefined> {
  for await (const item of baton.watch(run)) if (item.kind === "entry") return item.entry;
  return undefined;
}

interface Waiting {
  /** Aborted when the request has waited long enough, or whoever asked is gone. */
  readonly signal: AbortSignal;
  readonly stop: () => void;
}

function waitingFor({ clock, waitMs }: Served, left: AbortSignal): Waiting {
  const over = new AbortController();
  const abort = () => over.abort();
  const cancel = clock.after(waitMs, abort);
  left.addEventListener("abort", abort);
  if (left.aborted) abort();
  return {
    signal: over.signal,
    stop: () => {
      cancel();
      left.removeEventListener("abort", abort);
      abort();
    },
  };
}

async function standingOf(
  { baton }: Served,
  run: string,
  traceId: string | undefined,
): Promise<Standing> {
  const report = await baton.report(run);
  const waits = statusOf(report) === "incomplete" ? await baton.waits(run) : undefined;
  return { report, waits, traceId };
}

function textOf({ toText }: Served, { report }: Standing): string | undefined {
  return report.status === "completed" ? toText(report.output ?? null) : undefined;
}

interface Streamed {
  readonly run: string;
  readonly first: Entry;
  readonly traceId: string | undefined;
  readonly shape: AnswerShape;
}

function streamed(served: Served, what: Streamed, waiting: Waiting, done: () => void): Response {
  const encoder = new TextEncoder();
  const lines = linesOf(served, what, waiting.signal);
  let stopKeeping: () => void = () => {};
  let giveUp: () => void = () => {};
  const patience = patienceOf(served.clock, waiting.signal, () => giveUp());
  const stop = () => {
    stopKeeping();
    patience.stop();
    waiting.stop();
    done();
  };
  let left = false;
  const leave = () => {
    left = true;
    stop();
    lines.return().catch(() => {});
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      giveUp = () => {
        controller.error(new Error("Nobody has read the answer for too long."));
        leave();
      };
      const keep = () => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(KEEP_ALIVE));
        stopKeeping = served.clock.after(KEEP_ALIVE_MS, keep, true);
      };
      stopKeeping = served.clock.after(KEEP_ALIVE_MS, keep, true);
    },
    // Only when whoever asked has taken what is there: what waits meanwhile waits in the journal.
    pull: async (controller) => {
      patience.asked();
      const next = await lines.next();
      if (left) return;
      if (next.done === true) {
        stop();
        return controller.close();
      }
      controller.enqueue(encoder.encode(next.value));
      patience.given();
    },
    cancel: leave,
  });
  const headers = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // What buffers answers would keep the events.
    "x-accel-buffering": "no",
  };
  return new Response(body, { headers });
}

/** Gives a reader up that does not ask for more, once `over` is aborted. One that has asked waits for us. */
function patienceOf(clock: Served["clock"], over: AbortSignal, giveUp: () => void) {
  let isAsked = false;
  let stopUrging: () => void = () => {};
  const urge = () => {
    if (!isAsked && over.aborted) stopUrging = clock.after(UNREAD_MS, giveUp, true);
  };
  over.addEventListener("abort", urge);
  return {
    asked: () => {
      isAsked = true;
      stopUrging();
    },
    given: () => {
      isAsked = false;
      urge();
    },
    stop: () => {
      over.removeEventListener("abort", urge);
      stopUrging();
    },
  };
}

async function* linesOf(
  served: Served,
  { run, first, traceId, shape }: Streamed,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const { baton, workflow, deltas } = served;
  const writer = shape.writer({ run, workflow: workflow.id, startedAt: first.at, deltas });
  try {
    yield linesFor(writer.begin());
    for await (const item of baton.watch(run, { partials: deltas !== undefined, signal })) {
      const events = writer.item(item);
      if (events.length > 0) yield linesFor(events);
    }
    const standing = await standingOf(served, run, traceId);
    yield linesFor(writer.end(standing, textOf(served, standing)));
  } catch (error) {
    served.log({ level: "error", message: String(error), at: served.clock.now(), run });
    yield linesFor(writer.broken());
  }
  yield "data: [DONE]\n\n";
}

function linesFor(events: readonly JsonObject[]): string {
  return events.map((event) => `${nameLine(event)}data: ${JSON.stringify(event)}\n\n`).join("");
}

function nameLine({ type }: JsonObject): string {
  return typeof type === "string" ? `event: ${type}\n` : "";
}

/** The answer to what was thrown. What is ours to mend is logged, since whoever asked is not told. */
export function failedAnswer(served: Served, error: unknown): Response {
  const answer = thrownAnswer(error);
  if (answer.status === 500)
    served.log({ level: "error", message: String(error), at: served.clock.now() });
  return answer;
}

export function notFound(path: string): Response {
  return errorAnswer({ status: 404, code: "NOT_FOUND", message: `There is nothing at ${path}.` });
}
