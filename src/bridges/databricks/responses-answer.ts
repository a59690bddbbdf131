/**
 * Answers in the Responses shape, whole or streamed.
 *
 * R1. Items that are done are what counts; deltas are shown, and are the answer only where no message was ever done.
 * R2. `response.completed` ends one answer of a model, of which an agent may give several; what ends the stream is `[DONE]`, or
 *     its end, or silence, after such an event. A stream that ends anywhere else has broken off.
 * R3. Lenient where agents differ: `response.completed` and `responses.completed`, errors without a type, items without an
 *     event around them, events that nobody knows.
 */
import type { BatonError } from "../../model/errors.ts";
import type { JsonObject } from "../../model/json.ts";
import { approvalAsked, failed, incomplete, noMessage } from "./answer-faults.ts";
import { field, isObject, objectsIn, textField } from "./fields.ts";
import type { AnswerFold, RemoteUsage } from "./remote-answer.ts";

interface Told {
  readonly items: JsonObject[];
  readonly deltas: string[];
  readonly usage: RemoteUsage[];
  customOutputs: JsonObject;
  fault: BatonError | undefined;
  /** Set by a `response.completed` that told its tokens, which the other spelling repeats. */
  counted: boolean;
  mayEnd: boolean;
}

export function responsesFold(from: string): AnswerFold {
  const told: Told = {
    items: [],
    deltas: [],
    usage: [],
    customOutputs: {},
    fault: undefined,
    counted: false,
    mayEnd: false,
  };
  return {
    event: (event) => take(told, from, event),
    whole: (body) => ended(told, from, body),
    usage: () => told.usage,
    mayEnd: () => told.mayEnd,
    seemsWhole: () => told.mayEnd && seemsWhole(told),
    answer: () => {
      const { fault, items, deltas, customOutputs } = told;
      if (fault !== undefined) throw fault;
      const asked = items.find((item) => item["type"] === "mcp_approval_request");
      if (asked !== undefined && !isAnswered(items, asked)) throw approvalAsked(from, asked);
      const message = items.findLast(isMessage);
      if (message !== undefined) return { text: textOf(from, message), items, customOutputs };
      if (deltas.length === 0) throw noMessage(from, items);
      return { text: deltas.join(""), items, customOutputs };
    },
  };
}

/** What goes on as a rule ends with the call of a tool, with what it gave, or with a thought. */
function seemsWhole({ fault, items }: Told): boolean {
  const last = items.at(-1);
  if (fault !== undefined || last === undefined || isMessage(last)) return true;
  return last["type"] === "mcp_approval_request";
}

function take(told: Told, from: string, event: JsonObject): readonly (string | JsonObject)[] {
  const custom = field(event, "custom_outputs");
  if (isObject(custom)) told.customOutputs = { ...told.customOutputs, ...custom };
  switch (event["type"]) {
    case "response.output_text.delta": {
      const delta = textField(event, "delta") ?? "";
      told.deltas.push(delta);
      told.mayEnd = false;
      return delta === "" ? [] : [delta];
    }
    case "response.output_item.done":
      return item(told, field(event, "item"));
    case "function_call_output":
      return item(told, event);
    case "response.completed":
    case "responses.completed":
    case "response.incomplete":
    case "response.failed":
      ended(told, from, field(event, "response"), event["type"]);
      told.mayEnd = true;
      return [];
    case "error":
    case "response.error":
      told.fault ??= failed(from, field(event, "error") ?? event, told.customOutputs);
      told.mayEnd = true;
      return [];
    default:
      if (event["type"] === undefined && event["error"] !== undefined) {
        told.fault ??= failed(from, event["error"], told.customOutputs);
        told.mayEnd = true;
      }
      return [];
  }
}

function item(told: Told, given: unknown): readonly JsonObject[] {
  if (!isObject(given)) return [];
  told.items.push(given);
  told.mayEnd = false;
  // The text of a message was shown by its deltas, if at all.
  return isMessage(given) ? [] : [given];
}

/** The end of one answer: what it used, and whether it is one. */
function ended(told: Told, from: string, response: unknown, type?: string): void {
  if (!isObject(response)) return;
  const custom = field(response, "custom_outputs");
  if (isObject(custom)) told.customOutputs = { ...told.customOutputs, ...custom };
  if (told.items.length === 0) told.items.push(...objectsIn(field(response, "output")));
  const status = textField(response, "status");
  const isUnfinished =
    status === "incomplete" ||
    status === "in_progress" ||
    status === "queued" ||
    type === "response.incomplete";
  // What a run has used so far is told again, with the rest, to the attempt that waits for its end.
  if (!isUnfinished || textField(told.customOutputs, "run") === undefined)
    count(told, response, type);
  const error = field(response, "error") ?? undefined;
  if (error !== undefined || status === "failed" || type === "response.failed")
    told.fault ??= failed(from, error, told.customOutputs);
  else if (status === "cancelled")
    told.fault ??= failed(from, "It was cancelled.", told.customOutputs);
  else if (isUnfinished) told.fault ??= incomplete(from, response);
}

function count(told: Told, response: JsonObject, type: string | undefined): void {
  if (type === "responses.completed" && told.counted) return;
  const usage = field(response, "usage");
  const inputTokens = field(usage, "input_tokens");
  const outputTokens = field(usage, "output_tokens");
  if (!isCount(inputTokens) || !isCount(outputTokens)) return;
  told.usage.push({ model: textField(response, "model"), inputTokens, outputTokens });
  if (type === "response.completed") told.counted = true;
}

/** A whole number of zero or more. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isMessage(item: JsonObject): boolean {
  return item["type"] === "message" && (item["role"] ?? "assistant") === "assistant";
}

function isAnswered(items: readonly JsonObject[], asked: JsonObject): boolean {
  return items.some(
    (each) =>
      each["type"] === "mcp_approval_response" && each["approval_request_id"] === asked["id"],
  );
}

/** @throws BatonError REMOTE_FAILED for a message that declines */
function textOf(from: string, message: JsonObject): string {
  const content = field(message, "content");
  if (typeof content === "string") return content;
  const parts = objectsIn(content);
  const refusal = parts.find((part) => part["type"] === "refusal");
  if (refusal !== undefined)
    throw failed(from, `It declines: ${textField(refusal, "refusal") ?? ""}`, {});
  return parts.map((part) => textField(part, "text") ?? "").join("");
}
