/**
 * A run as a stream of events in the Responses shape.
 *
 * S1. Entries of the journal are told by `response.in_progress`, which every client knows and may be said often; what is in an entry
 *     stays in the journal, only its place is told.
 * S2. The message is begun at its first delta, and done once. What is done counts: deltas of an attempt that failed can't be taken
 *     back, so that only those of the first attempt that spoke are passed on.
 * S3. It ends with one of `response.completed`, `response.failed` and `response.incomplete`, and `[DONE]`.
 */
import type { JsonObject } from "../../model/json.ts";
import {
  beginningOf,
  errorOf,
  messageId,
  messageOf,
  responseOf,
  type Standing,
  statusOf,
} from "./responses-response.ts";
import type { ServedItem } from "./served-baton.ts";

export interface StreamOptions {
  readonly run: string;
  readonly workflow: string;
  readonly startedAt: number;
  /** The step whose text is passed on as it comes. */
  readonly deltas: string | undefined;
}

export interface EventWriter {
  readonly begin: () => readonly JsonObject[];
  readonly item: (item: ServedItem) => readonly JsonObject[];
  readonly end: (standing: Standing, text: string | undefined) => readonly JsonObject[];
}

export function eventWriter({ run, workflow, startedAt, deltas }: StreamOptions): EventWriter {
  const beginning = beginningOf(run, workflow, startedAt);
  const place = { item_id: messageId(run), output_index: 0, content_index: 0 };
  let sequence = 0;
  let spoken = "";
  let speaker: string | undefined;
  const event = (type: string, more: JsonObject): JsonObject => {
    sequence += 1;
    return { type, sequence_number: sequence - 1, ...more };
  };
  const openMessage = (): readonly JsonObject[] => {
    const item = { ...messageOf(run, ""), status: "in_progress", content: [] };
    const part = { type: "output_text", text: "", annotations: [] };
    return [
      event("response.output_item.added", { output_index: 0, item }),
      event("response.content_part.added", { ...place, part }),
    ];
  };
  const delta = (text: string): JsonObject => {
    spoken += text;
    return event("response.output_text.delta", { ...place, delta: text });
  };
  const speak = ({ path, attempt, chunk }: Extract<ServedItem, { kind: "partial" }>) => {
    if (typeof chunk !== "string" || chunk === "" || path !== deltas) return [];
    const begins = speaker === undefined;
    speaker ??= `${path}#${attempt}`;
    if (speaker !== `${path}#${attempt}`) return [];
    return [...(begins ? openMessage() : []), delta(chunk)];
  };
  const closeMessage = (text: string): readonly JsonObject[] => {
    const opening = speaker === undefined ? openMessage() : [];
    // Where what was said is not how the answer begins, the rest would be nonsense.
    const rest = text.startsWith(spoken) ? text.slice(spoken.length) : "";
    const part = { type: "output_text", text, annotations: [] };
    return [
      ...opening,
      ...(rest === "" ? [] : [delta(rest)]),
      event("response.output_text.done", { ...place, text }),
      event("response.content_part.done", { ...place, part }),
      event("response.output_item.done", { output_index: 0, item: messageOf(run, text) }),
    ];
  };
  return {
    begin: () => [
      event("response.created", { response: beginning, custom_outputs: { run } }),
      event("response.in_progress", { response: beginning, custom_outputs: { run } }),
    ],
    item: (item) => {
      if (item.kind === "partial") return speak(item);
      if (item.kind === "progress") return [];
      const entry = placeOf(item);
      return [
        event("response.in_progress", { response: beginning, custom_outputs: { run, entry } }),
      ];
    },
    end: (standing, text) => {
      const { report, traceId } = standing;
      const response = responseOf(standing, text);
      const { custom_outputs = null } = response;
      // Events are numbered as they are made.
      const closing = text === undefined ? [] : closeMessage(text);
      const last = ended(event, response, statusOf(report), () => errorOf(report));
      return [
        ...closing,
        ...last.map((each) => ({ ...each, custom_outputs })),
        // As MLflow's server says it, where it was asked for.
        ...(traceId === undefined ? [] : [{ trace_id: traceId }]),
      ];
    },
  };
}

type MakeEvent = (type: string, more: JsonObject) => JsonObject;

function ended(
  event: MakeEvent,
  response: JsonObject,
  status: ReturnType<typeof statusOf>,
  error: () => JsonObject,
): readonly JsonObject[] {
  switch (status) {
    case "completed": {
      const { id = null, usage = null } = response;
      return [
        event("response.completed", { response }),
        // Databricks' own client of the AI SDK takes the tokens from this spelling only.
        event("responses.completed", { response: { id, status, usage } }),
      ];
    }
    case "failed":
      // The first for clients that know no failed answer.
      return [event("error", { ...error(), param: null }), event("response.failed", { response })];
    case "incomplete":
      return [event("response.incomplete", { response })];
  }
}

function placeOf({ entry }: Extract<ServedItem, { kind: "entry" }>): JsonObject {
  const { seq, kind, path, turn, attempt, at } = entry;
  return {
    seq,
    kind,
    at,
    ...(path === undefined ? {} : { path }),
    ...(turn === undefined ? {} : { turn }),
    ...(attempt === undefined ? {} : { attempt }),
  };
}
