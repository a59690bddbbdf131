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
  statusOf,
} from "./responses-response.ts";
import type { AnswerShape, EventWriter, StreamOptions } from "./answer-shape.ts";
import { jsonAnswer } from "./http-answers.ts";
import type { ServedItem } from "../served-baton.ts";
import { speech } from "./speech.ts";

export const RESPONSES_SHAPE: AnswerShape = {
  whole: (standing, text) => jsonAnswer(responseOf(standing, text)),
  writer: eventWriter,
};

export function eventWriter({ run, workflow, startedAt, deltas }: StreamOptions): EventWriter {
  const beginning = beginningOf(run, workflow, startedAt);
  const place = { item_id: messageId(run), output_index: 0, content_index: 0 };
  let sequence = 0;
  const said = speech(deltas);
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
  const delta = (text: string): JsonObject =>
    event("response.output_text.delta", { ...place, delta: text });
  const speak = (item: ServedItem) => {
    const isFirst = !said.hasBegun();
    const text = said.heard(item);
    if (text === undefined) return [];
    return [...(isFirst ? openMessage() : []), delta(text)];
  };
  const closeMessage = (text: string): readonly JsonObject[] => {
    const opening = said.hasBegun() ? [] : openMessage();
    const rest = said.rest(text);
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
    broken: () => {
      const error = { code: "INTERNAL", message: "The agent failed to answer.", param: null };
      return [event("error", { ...error, custom_outputs: { run } })];
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
