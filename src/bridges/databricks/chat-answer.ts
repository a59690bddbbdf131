/** Answers in the shape of chat completions, whole or streamed. */
import type { BatonError } from "../../model/errors.ts";
import type { JsonObject } from "../../model/json.ts";
import { failed, incomplete, noMessage, notEnded } from "./answer-faults.ts";
import { field, isObject, objectsIn, textField } from "./fields.ts";
import type { AnswerFold, RemoteUsage } from "./remote-answer.ts";
import { isCount } from "./responses-answer.ts";

/** Why a message has ended that goes on once tools have been called. */
const TOOL_REASONS: ReadonlySet<string> = new Set(["tool_calls", "function_call"]);

export function chatFold(from: string): AnswerFold {
  const pieces: string[] = [];
  let custom: JsonObject = {};
  let message: JsonObject | undefined;
  let usage: RemoteUsage | undefined;
  let reason: string | undefined;
  let fault: BatonError | undefined;

  /** What chunks and whole answers have alike. */
  const take = (body: JsonObject): JsonObject | undefined => {
    usage = usageIn(body) ?? usage;
    const outputs = field(body, "custom_outputs");
    if (isObject(outputs)) custom = { ...custom, ...outputs };
    const error = field(body, "error") ?? undefined;
    if (error !== undefined) fault ??= notEnded(from, error) ?? failed(from, error, custom);
    const choice = objectsIn(field(body, "choices"))[0];
    reason = textField(choice, "finish_reason") ?? reason;
    return choice;
  };
  return {
    event: (event) => {
      const piece = textIn(field(field(take(event), "delta"), "content"));
      if (piece !== "") pieces.push(piece);
      return piece === "" ? [] : [piece];
    },
    whole: (body) => {
      const given = field(take(body), "message");
      if (!isObject(given)) return;
      message = given;
      pieces.push(textIn(given["content"]));
    },
    usage: (isOver) => (usage === undefined || !isOver ? [] : [usage]),
    mayEnd: () => reason !== undefined || fault !== undefined,
    seemsWhole: () => fault !== undefined || (reason !== undefined && !TOOL_REASONS.has(reason)),
    answer: () => {
      if (fault !== undefined) throw fault;
      if (reason === "length") throw unfinished(from, "max_output_tokens");
      if (reason === "content_filter") throw unfinished(from, "content_filter");
      const calls = objectsIn(field(message, "tool_calls"));
      if (reason === "tool_calls" || calls.length > 0) throw noMessage(from, toolCalls(calls));
      const text = pieces.join("");
      if (message === undefined && pieces.length === 0) throw noMessage(from, []);
      const items = [message ?? { role: "assistant", content: text }];
      return { text, items, customOutputs: custom };
    },
  };
}

function unfinished(from: string, reason: string): BatonError {
  return incomplete(from, { status: "incomplete", incomplete_details: { reason } });
}

function toolCalls(calls: readonly JsonObject[]): readonly JsonObject[] {
  const name = textField(field(calls[0], "function"), "name") ?? "a tool";
  return [{ type: "function_call", name }];
}

/** Text, or a list of parts of which some are text; reasoning is none. */
function textIn(content: unknown): string {
  if (typeof content === "string") return content;
  return objectsIn(content)
    .filter((part) => part["type"] === "text")
    .map((part) => textField(part, "text") ?? "")
    .join("");
}

function usageIn(body: JsonObject): RemoteUsage | undefined {
  const usage = field(body, "usage");
  const inputTokens = field(usage, "prompt_tokens");
  const outputTokens = field(usage, "completion_tokens");
  if (!isCount(inputTokens) || !isCount(outputTokens)) return undefined;
  return { model: textField(body, "model"), inputTokens, outputTokens };
}
