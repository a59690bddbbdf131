/**
 * A run as an answer in the shape of chat completions, for clients that know no other. The shape has no word for a run that failed, or
 * goes on: both are errors, with a status that no client tries again by itself.
 */
import { check } from "../../model/check.ts";
import type { JsonObject } from "../../model/json.ts";
import { jsonSchemaContract } from "../../model/json-schema.ts";
import type { AnswerShape, EventWriter, StreamOptions } from "./answer-shape.ts";
import { errorAnswer, errorBody, type HttpError, jsonAnswer } from "./http-answers.ts";
import { requestIn, type TakenRequest } from "./responses-request.ts";
import { customOutputsOf, errorOf, type Standing, statusOf } from "./responses-response.ts";
import { speech } from "./speech.ts";

export const CHAT_SHAPE: AnswerShape = { whole, writer };

const CHAT_REQUEST = jsonSchemaContract<{ readonly messages: readonly JsonObject[] }>(
  "chat-request",
  "1.0.0",
  {
    type: "object",
    required: ["messages"],
    properties: { messages: { type: "array", items: { type: "object" } } },
  },
);

/** A chat request as one in the Responses shape: its messages are the input. */
export function chatRequestIn(body: unknown): TakenRequest {
  const checked = check(CHAT_REQUEST, body, "request", "handoff");
  if (checked.kind === "violated") return checked;
  // It has passed the schema of an object with messages.
  const { messages, ...rest } = checked.value as JsonObject;
  return requestIn({ ...rest, input: messages ?? [] });
}

function whole(standing: Standing, text: string | undefined): Response {
  const { report } = standing;
  if (text === undefined) return errorAnswer(refusalOf(standing));
  const message = { role: "assistant", content: text };
  return jsonAnswer({
    ...chunkOf({ run: report.id, workflow: report.workflow, startedAt: report.startedAt }),
    object: "chat.completion",
    choices: [{ index: 0, message, finish_reason: "stop" }],
    usage: usageOf(standing),
    custom_outputs: customOutputsOf(standing),
  });
}

function writer(options: StreamOptions): EventWriter {
  const said = speech(options.deltas);
  const chunk = (delta: JsonObject, more: JsonObject = {}): JsonObject => ({
    ...chunkOf(options),
    choices: [{ index: 0, delta, finish_reason: null, ...more }],
  });
  return {
    begin: () => [chunk({ role: "assistant", content: "" })],
    item: (item) => {
      const content = said.heard(item);
      return content === undefined ? [] : [chunk({ content })];
    },
    end: (standing, text) => {
      const custom_outputs = customOutputsOf(standing);
      if (text === undefined) return [{ ...errorBody(refusalOf(standing)), custom_outputs }];
      const rest = said.rest(text);
      const last = chunk({}, { finish_reason: "stop" });
      return [
        ...(rest === "" ? [] : [chunk({ content: rest })]),
        { ...last, usage: usageOf(standing), custom_outputs },
      ];
    },
    broken: () => {
      const message = "The agent failed to answer.";
      return [errorBody({ status: 500, code: "INTERNAL", message })];
    },
  };
}

function chunkOf({ run, workflow, startedAt }: Omit<StreamOptions, "deltas">): JsonObject {
  const created = Math.floor(startedAt / 1_000);
  return { id: `chatcmpl-${run}`, object: "chat.completion.chunk", created, model: workflow };
}

/** 422: clients try 409, 429 and 500 again by themselves, which without an id would be another run. */
function refusalOf(standing: Standing): HttpError {
  const { report } = standing;
  const custom = { custom_outputs: customOutputsOf(standing) };
  if (statusOf(report) === "failed") {
    return { status: 422, ...errorOf(report), more: custom };
  }
  const message = `Run ${report.id} has not ended. Ask again with its id.`;
  return { status: 422, code: "RUN_NOT_ENDED", message, more: custom };
}

function usageOf({ report: { usage } }: Standing): JsonObject {
  const prompt = usage.reduce((sum, { inputTokens }) => sum + inputTokens, 0);
  const completion = usage.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
  };
}
