/**
 * One call of a workflow's tool: a run that is started or joined, waited for, and told.
 *
 * S1. A run is in the journal before anything is waited for: whoever calls again with the same key, joins it.
 * S2. A run id that comes of a key is the caller's own: no other caller gets at the run by the same key.
 */
import { createHash } from "node:crypto";
import type { Author } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import { IDEMPOTENCY_KEY, TRACEPARENT } from "./meta.ts";
import type { ServedBaton, ServedRun } from "../served-baton.ts";
import { endAnswer, errorAnswer, type ToolAnswer, unfinishedAnswer } from "./served-answers.ts";
import { unwrap } from "./served-schema.ts";
import type { WorkflowTool } from "./served-tools.ts";

/** A call as it came. */
export interface WorkflowCall {
  readonly by: Author;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly meta: Readonly<Record<string, unknown>>;
  /** Aborted by the client's cancellation, and by the end of its connection. */
  readonly signal: AbortSignal;
  /** Whether that may be the client's wish. Over HTTP by protocols before 2026 it is not: there a lost connection is no more than that. */
  readonly isWish: boolean;
  /** Tells the client how far the run has come; undefined where it did not ask. */
  readonly progress?: (done: number, message: string) => Promise<void>;
}

export interface CallOptions {
  readonly waitMs: number;
  /** What becomes of a run whose caller has gone; by whether the caller gave a key, if left out. */
  readonly whenAbandoned?: "cancel" | "leave";
  /** Aborted when the server closes: nobody has left, and nothing is cancelled. */
  readonly closing: AbortSignal;
  readonly onError: (error: Error) => void;
}

export async function callWorkflow(
  baton: ServedBaton,
  tool: WorkflowTool,
  call: WorkflowCall,
  options: CallOptions,
): Promise<ToolAnswer> {
  try {
    const key = keyOf(call.meta);
    const traceparent = call.meta[TRACEPARENT];
    const run = await baton.startUntyped(tool.definition, unwrap(tool.input, call.arguments), {
      by: call.by,
      ...(key === undefined ? {} : { id: runIdOf(call.by, key) }),
      ...(typeof traceparent === "string" ? { traceparent } : {}),
    });
    return await followed(baton, tool, { run, call, isKeyed: key !== undefined }, options);
  } catch (error) {
    return errorAnswer(error, options.onError);
  }
}

interface Followed {
  readonly run: ServedRun;
  readonly call: WorkflowCall;
  readonly isKeyed: boolean;
}

async function followed(
  baton: ServedBaton,
  tool: WorkflowTool,
  { run, call, isKeyed }: Followed,
  { waitMs, whenAbandoned = isKeyed || !call.isWish ? "leave" : "cancel", closing }: CallOptions,
): Promise<ToolAnswer> {
  const over = new AbortController();
  const told = tellProgress(baton, run.id, call, over.signal);
  try {
    const left = AbortSignal.any([call.signal, closing]);
    const outcome = await untilDue(run.outcome(), waitMs, left);
    if (outcome !== undefined) return endAnswer(tool, run.id, outcome);
    const isAbandoned = call.signal.aborted && !closing.aborted;
    if (isAbandoned && whenAbandoned === "cancel") await abandoned(baton, run.id, call.by);
    const { status } = await baton.report(run.id);
    const { waits } = await baton.waits(run.id);
    return unfinishedAnswer({ id: run.id, workflow: tool.definition.id, status }, waits);
  } finally {
    over.abort();
    await told;
  }
}

/** What comes of the run; undefined if it takes too long, or nobody waits for it any more. */
async function untilDue<X>(
  outcome: Promise<X>,
  waitMs: number,
  signal: AbortSignal,
): Promise<X | undefined> {
  let stop: () => void = () => undefined;
  const due = new Promise<undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), waitMs);
    const left = (): void => resolve(undefined);
    signal.addEventListener("abort", left);
    if (signal.aborted) left();
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", left);
    };
  });
  try {
    // Where the answer is due first, nobody hears how the run ends: its journal tells.
    outcome.catch(() => undefined);
    return await Promise.race([outcome, due]);
  } finally {
    stop();
  }
}

async function abandoned(baton: ServedBaton, run: string, by: Author): Promise<void> {
  try {
    await baton.cancel(run, { by, reason: "The client cancelled its call." });
  } catch (error) {
    // It has ended meanwhile, or is past the point from which it only goes forward.
    if (!isBatonError(error, "RUN_FINISHED") && !isBatonError(error, "PIVOT_PASSED")) throw error;
  }
}

/** Tells of each step that is sealed, until the call is over. */
async function tellProgress(
  baton: ServedBaton,
  run: string,
  { progress, signal }: WorkflowCall,
  over: AbortSignal,
): Promise<void> {
  if (progress === undefined) return;
  let done = 0;
  const ended = AbortSignal.any([signal, over]);
  // Over stdio it is not told before the client has read what came before it, which it may never do.
  const end = new Promise<void>((resolve) => {
    ended.addEventListener("abort", () => resolve(), { once: true });
  });
  try {
    for await (const item of baton.watch(run, { signal: ended })) {
      if (!("entry" in item) || item.entry.kind !== "step.sealed") continue;
      done += 1;
      await Promise.race([progress(done, `${item.entry.path ?? ""} is done`), end]);
    }
  } catch {
    // Progress is for whoever looks on. What comes of the run is told by the answer.
  }
}

function keyOf(meta: Readonly<Record<string, unknown>>): string | undefined {
  const key = meta[IDEMPOTENCY_KEY];
  return typeof key === "string" && key !== "" ? key : undefined;
}

function runIdOf({ kind, id, onBehalfOf }: Author, key: string): string {
  const whose = JSON.stringify([kind, id, onBehalfOf ?? null, key]);
  return `mcp-${createHash("sha256").update(whose).digest("hex").slice(0, 32)}`;
}
