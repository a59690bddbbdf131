/**
 * A task of a remote agent: begun once for a call, and followed to its end.
 *
 * M1. What was sent is recorded before it is followed, with the id of the task: an attempt that is made again, in another process
 *     too, goes on with that task.
 * M2. A message's id follows from the call. Where what was recorded is of no more use (the task failed in an attempt before this
 *     one, was cancelled, or is not known any more), another message is sent, with another id.
 */
import type { Client } from "@a2a-js/sdk/client";
import { setTimeout as pause } from "node:timers/promises";
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { callFailed } from "./remote-errors.ts";
import type { ClientSdk } from "./sdk.ts";
import { TERMINAL_STATES, type WirePart, type WireTask, valueOf } from "./wire.ts";

/** After so many times the pause between two looks, a stream that says nothing is looked behind. */
const QUIET_POLLS = 30;
/** However long that pause is: Node's fetch gives up a stream that has been silent for five minutes. */
const QUIET_MAX_MS = 4 * 60_000;

/** So many looks in a row may fail before the attempt does: what is followed for hours outlives a restart of the other side. */
const FAILED_LOOKS_MAX = 5;
/** The longest pause that the other side may ask for between two of them; Node's timers don't hold any. */
const PAUSE_MAX_MS = 86_400_000;

/** A remote agent, ready to be asked. */
export interface Remote {
  readonly sdk: ClientSdk;
  readonly client: Client;
  readonly streams: boolean;
  readonly pollMs: number;
  readonly onAsked: "fail" | "wait";
}

/** What hears of a task while it is followed. */
export interface Listener {
  readonly signal: AbortSignal;
  readonly beat: () => void;
  readonly tell: (chunk: Json) => void;
}

/** What came of a message: an answer at once, or a task. */
export type Sent =
  | { readonly kind: "message"; readonly parts: readonly WirePart[] }
  | { readonly kind: "task"; readonly id: string };

/** Sends a message, and waits for no more than to hear what it is. */
export async function send(
  { sdk, client }: Remote,
  message: {
    readonly id: string;
    readonly parts: readonly WirePart[];
    readonly metadata: JsonObject;
  },
  signal: AbortSignal,
): Promise<Sent> {
  const { protocol } = sdk;
  const { id: messageId, parts, metadata } = message;
  const request = protocol.SendMessageRequest.fromJSON({
    message: { messageId, role: "ROLE_USER", parts, metadata },
    configuration: { returnImmediately: true },
  });
  try {
    const result = await client.sendMessage(request, { signal });
    if (!("messageId" in result)) return { kind: "task", id: result.id };
    // The SDK's own JSON of a message is what wire.ts describes.
    const wire = protocol.Message.toJSON(result) as { readonly parts?: readonly WirePart[] };
    return { kind: "message", parts: wire.parts ?? [] };
  } catch (error) {
    throw callFailed(sdk, error);
  }
}

/** A task as it is now; undefined where the agent does not know it (any more). */
async function look(
  { sdk, client }: Remote,
  id: string,
  signal: AbortSignal,
): Promise<WireTask | undefined> {
  try {
    const task = await client.getTask({ tenant: "", id }, { signal });
    // As above.
    return sdk.protocol.Task.toJSON(task) as WireTask;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw callFailed(sdk, error);
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name.endsWith("TaskNotFoundError");
}

/** A task as it is now, once the agent can be asked: an outage that is short costs no attempt. */
export async function lookAgain(
  remote: Remote,
  id: string,
  signal: AbortSignal,
): Promise<WireTask | undefined> {
  for (let failed = 1; ; failed += 1) {
    try {
      return await look(remote, id, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isBatonError(error, "REMOTE_UNAVAILABLE") || failed === FAILED_LOOKS_MAX) throw error;
      const { retryAfterMs } = error.details;
      const waits = typeof retryAfterMs === "number" ? retryAfterMs : remote.pollMs;
      await pause(Math.min(waits, PAUSE_MAX_MS), undefined, { signal });
    }
  }
}

/** Follows a task until it has ended, or asks something. */
export async function follow(remote: Remote, id: string, listener: Listener): Promise<WireTask> {
  const { signal } = listener;
  let { streams } = remote;
  let wasTold = false;
  for (;;) {
    const task = await lookAgain(remote, id, signal);
    if (task === undefined) {
      const message = `The remote agent does not know its task ${id} any more.`;
      throw new BatonError("REMOTE_FAILED", message, { details: { remote: id } });
    }
    listener.beat();
    if (isEnd(remote, task)) return task;
    const heard = streams ? await listen(remote, id, listener) : "nothing";
    // The look that follows comes at once; where it shows no end yet, the next one waits as usual.
    if (heard === "end" && !wasTold) {
      wasTold = true;
      continue;
    }
    // It is still listened to: a pause would be deaf to what comes in it.
    if (heard === "silence") continue;
    // A card may promise streams that are none: then it is asked now and then.
    if (heard === "nothing") streams = false;
    await pause(remote.pollMs, undefined, { signal });
  }
}

function isEnd({ onAsked }: Remote, { status }: Pick<WireTask, "status">): boolean {
  if (status === undefined) return false;
  if (TERMINAL_STATES.has(status.state)) return true;
  return onAsked === "fail" && isAsking(status.state);
}

export function isAsking(state: string): boolean {
  return state === "TASK_STATE_INPUT_REQUIRED" || state === "TASK_STATE_AUTH_REQUIRED";
}

/** What a stream says, in the SDK's own JSON. Its first word is the task as it is. */
interface WireEvent {
  readonly task?: WireTask;
  readonly statusUpdate?: JsonObject;
  readonly artifactUpdate?: JsonObject;
}

/**
 * Listens until the agent says that the task has come to its end here, or has said nothing for a while: a stream may stay open after
 * that, and one whose other end is gone does. What ends it is no failure: the task is looked at next.
 */
async function listen(
  remote: Remote,
  id: string,
  { signal, beat, tell }: Listener,
): Promise<"end" | "more" | "silence" | "nothing"> {
  const { sdk, client, pollMs } = remote;
  let heard: "more" | "nothing" = "nothing";
  const silence = new AbortController();
  const quiet = setTimeout(() => silence.abort(), Math.min(QUIET_POLLS * pollMs, QUIET_MAX_MS));
  const either = { signal: AbortSignal.any([signal, silence.signal]) };
  try {
    for await (const event of client.resubscribeTask({ tenant: "", id }, either)) {
      heard = "more";
      quiet.refresh();
      beat();
      const said = sdk.protocol.StreamResponse.toJSON(event) as WireEvent;
      const { task, statusUpdate, artifactUpdate } = said;
      if (statusUpdate !== undefined) tell({ kind: "status", ...statusUpdate });
      if (artifactUpdate !== undefined) tell({ kind: "artifact", ...artifactUpdate });
      // As wire.ts describes both.
      const state = (task ?? statusUpdate ?? {}) as Pick<WireTask, "status">;
      if (isEnd(remote, state)) return "end";
    }
  } catch (error) {
    signal.throwIfAborted();
    // What has ended in between is not listened to, and told so.
    if (error instanceof Error && error.name.endsWith("UnsupportedOperationError")) return "end";
    if (silence.signal.aborted && heard === "more") return "silence";
  } finally {
    clearTimeout(quiet);
    silence.abort();
  }
  return heard;
}

/** The parts of a task's artifacts. @throws BatonError REMOTE_FAILED, REMOTE_ASKS */
export function resultOf({ id, status, artifacts = [] }: WireTask): readonly WirePart[] {
  const state = status?.state ?? "TASK_STATE_UNSPECIFIED";
  const said = status?.message?.parts ?? [];
  if (state === "TASK_STATE_COMPLETED") {
    const given = artifacts.flatMap(({ parts = [] }) => parts);
    // Agents that answer in words say them with their last state.
    return given.length > 0 ? given : said;
  }
  const text = said.flatMap((part) => part.text ?? []).join(" ");
  const details = { remote: id, state, said: valueOf(said)?.value ?? null };
  if (isAsking(state)) {
    const what = state === "TASK_STATE_AUTH_REQUIRED" ? "for credentials" : "for more";
    const message = `The remote agent asks ${what}: ${text}`;
    throw new BatonError("REMOTE_ASKS", message, { details });
  }
  const how = state.slice("TASK_STATE_".length).toLowerCase();
  throw new BatonError("REMOTE_FAILED", `The remote agent has ended as ${how}: ${text}`, {
    details: { ...details, final: state !== "TASK_STATE_FAILED" },
  });
}
