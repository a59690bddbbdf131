/** What a request in the Responses shape says. */
import { sha256Hex } from "../../journal/hash.ts";
import { check } from "../../model/check.ts";
import type { AnyContract } from "../../model/contract.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import { jsonSchemaContract } from "../../model/json-schema.ts";
import type { Violation } from "../../model/violation.ts";
import { field, isObject, objectsIn, textField } from "./fields.ts";

/** A request in the Responses shape, with what MLflow adds to it. What is not named here is left as it came. */
export interface ResponsesRequest {
  /** Messages and items of earlier answers, or the text of one message. */
  readonly input: string | readonly JsonObject[];
  readonly stream?: boolean | null;
  readonly custom_inputs?: JsonObject | null;
  readonly context?: JsonObject | null;
  readonly [other: string]: Json | undefined;
}

const ABSENT_OR_OBJECT = { type: ["object", "null"] };

const REQUEST = jsonSchemaContract<ResponsesRequest>("responses-request", "1.0.0", {
  type: "object",
  required: ["input"],
  properties: {
    input: { anyOf: [{ type: "string" }, { type: "array", items: { type: "object" } }] },
    stream: { type: ["boolean", "null"] },
    custom_inputs: {
      ...ABSENT_OR_OBJECT,
      properties: { run_id: { type: "string", minLength: 1, maxLength: 200 } },
    },
    context: ABSENT_OR_OBJECT,
  },
});

/** A request, or all that is wrong with it. */
export type TakenRequest =
  | { readonly kind: "ok"; readonly request: ResponsesRequest }
  | { readonly kind: "violated"; readonly violations: readonly Violation[] };

export function requestIn(body: unknown): TakenRequest {
  const checked = check(REQUEST, body, "request", "handoff");
  // It has passed the schema of the type.
  if (checked.kind === "ok") return { kind: "ok", request: checked.value as ResponsesRequest };
  return checked;
}

/** What may be a run's id without further ado. */
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._:@/~-]{0,199}$/;

/**
 * The id of the run that the request begins, or joins: `custom_inputs.run_id`, or what follows from the header `Idempotency-Key`, which
 * may have signs that no id has. Undefined if it has neither.
 */
export function runIdIn({ custom_inputs }: ResponsesRequest, headers: Headers): string | undefined {
  const named = textField(custom_inputs, "run_id");
  if (named !== undefined) return named;
  const key = headers.get("idempotency-key") ?? "";
  if (key === "" || RUN_ID.test(key)) return key === "" ? undefined : key;
  return `key-${sha256Hex(key).slice(0, 32)}`;
}

/**
 * What the run is started with: `custom_inputs.input`, or the last message of the user: its text where the contract is of text,
 * else what it says as JSON, if it is that. Undefined if there is neither.
 */
export function inputIn(request: ResponsesRequest, contract: AnyContract): Json | undefined {
  const { custom_inputs } = request;
  if (isObject(custom_inputs) && Object.hasOwn(custom_inputs, "input"))
    return custom_inputs["input"];
  const text = lastUserText(request);
  if (text === undefined || contract.jsonSchema?.["type"] === "string") return text;
  try {
    const value: unknown = JSON.parse(text);
    // Parsed from text: JSON, whatever it is.
    return value as Json;
  } catch {
    return text;
  }
}

function lastUserText({ input }: ResponsesRequest): string | undefined {
  if (typeof input === "string") return input;
  const last = input.findLast(
    ({ role, type = "message" }) => role === "user" && type === "message",
  );
  if (last === undefined) return undefined;
  const content = field(last, "content");
  if (typeof content === "string") return content;
  return objectsIn(content)
    .map((part) => textField(part, "text") ?? "")
    .join("");
}
