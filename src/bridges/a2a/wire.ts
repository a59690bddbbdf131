/**
 * Tasks and messages as the protocol writes them in JSON (A2A 1.0), as far as they are made and read here. The SDK turns its own
 * form into this one and back, so that nothing here depends on how it keeps a union.
 */
import type { Json, JsonObject } from "../../model/json.ts";

export type WireState =
  | "TASK_STATE_SUBMITTED"
  | "TASK_STATE_WORKING"
  | "TASK_STATE_COMPLETED"
  | "TASK_STATE_FAILED"
  | "TASK_STATE_CANCELED"
  | "TASK_STATE_INPUT_REQUIRED"
  | "TASK_STATE_REJECTED"
  | "TASK_STATE_AUTH_REQUIRED";

/** States that a task does not leave. */
export const TERMINAL_STATES: ReadonlySet<WireState> = new Set<WireState>([
  "TASK_STATE_COMPLETED",
  "TASK_STATE_FAILED",
  "TASK_STATE_CANCELED",
  "TASK_STATE_REJECTED",
]);

/** One of `text`, `data`, `raw` (base64) and `url` is there. */
export interface WirePart {
  readonly text?: string;
  readonly data?: Json;
  readonly raw?: string;
  readonly url?: string;
  readonly mediaType?: string;
}

export interface WireMessage {
  readonly messageId: string;
  readonly role: "ROLE_USER" | "ROLE_AGENT";
  readonly contextId?: string;
  readonly taskId?: string;
  readonly parts?: readonly WirePart[];
  readonly metadata?: JsonObject;
}

export interface WireStatus {
  readonly state: WireState;
  readonly message?: WireMessage;
  /** ISO 8601. */
  readonly timestamp?: string;
}

export interface WireArtifact {
  readonly artifactId: string;
  readonly name?: string;
  readonly parts?: readonly WirePart[];
}

export interface WireTask {
  readonly id: string;
  readonly contextId?: string;
  readonly status?: WireStatus;
  readonly artifacts?: readonly WireArtifact[];
  readonly history?: readonly WireMessage[];
}

export const JSON_MEDIA_TYPE = "application/json";

/** A value as a part: data, or text where the protocol has no data for it. */
export function valuePart(value: Json): WirePart {
  // A part whose data is null is one without data to the SDK.
  if (value === null) return { text: "null", mediaType: JSON_MEDIA_TYPE };
  return { data: value, mediaType: JSON_MEDIA_TYPE };
}

export function textPart(text: string): WirePart {
  return { text, mediaType: "text/plain" };
}

/** What parts say: undefined if nothing. */
export type Said = { readonly value: Json } | undefined;

/**
 * The value of the last part with data. Without one, all texts together: as JSON where they are that, else as they are.
 */
export function valueOf(parts: readonly WirePart[]): Said {
  const data = parts.findLast((part) => part.data !== undefined);
  if (data?.data !== undefined) return { value: data.data };
  const texts = parts.flatMap(({ text }) => (text === undefined ? [] : [text]));
  if (texts.length === 0) return undefined;
  const text = texts.join("");
  try {
    // What was written as JSON is read as it.
    return { value: JSON.parse(text) as Json };
  } catch {
    return { value: text };
  }
}
