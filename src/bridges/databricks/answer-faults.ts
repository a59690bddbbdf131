/** What an agent elsewhere can answer instead of an answer. */
import { BatonError } from "../../model/errors.ts";
import type { JsonObject } from "../../model/json.ts";
import { field, isObject, quoted, textField } from "./fields.ts";

/** Why an answer that is not complete goes no further, however often it is asked for. */
const FINAL_REASONS: ReadonlySet<string> = new Set(["max_output_tokens", "content_filter"]);

/** The agent says that it failed: `{ code, message }`, or just a text. */
export function failed(from: string, error: unknown, customOutputs: JsonObject): BatonError {
  const code = textField(error, "code");
  const said =
    typeof error === "string" ? error : (textField(error, "message") ?? "no reason given");
  const run = textField(customOutputs, "run");
  return new BatonError("REMOTE_FAILED", `The ${from} failed: ${quoted(said)}`, {
    details: {
      ...(code === undefined ? {} : { code }),
      // A run has ended, and the same request finds the same run.
      ...(run === undefined ? {} : { run, final: true }),
    },
  });
}

/** The agent has stopped before its end, or is still at it. */
export function incomplete(from: string, response: JsonObject): BatonError {
  const status = textField(response, "status") ?? "incomplete";
  const reason = textField(field(response, "incomplete_details"), "reason");
  const run = textField(field(response, "custom_outputs"), "run");
  return new BatonError(
    "REMOTE_INCOMPLETE",
    `The ${from} has not come to an end: ${quoted(reason ?? status)}${run === undefined ? "" : ` (run ${quoted(run)})`}.`,
    {
      details: {
        status,
        ...(reason === undefined ? {} : { reason }),
        ...(run === undefined ? {} : { run }),
        ...(reason !== undefined && FINAL_REASONS.has(reason) ? { final: true } : {}),
      },
    },
  );
}

/** A run that goes on, where the shape has no word for it: an error with a code. Undefined for any other error. */
export function notEnded(from: string, error: unknown): BatonError | undefined {
  if (textField(error, "code") !== "RUN_NOT_ENDED") return undefined;
  const custom = field(error, "custom_outputs");
  return incomplete(from, {
    incomplete_details: { reason: "run_not_ended" },
    custom_outputs: isObject(custom) ? custom : {},
  });
}

/** A tool of the agent waits for somebody's consent. */
export function approvalAsked(from: string, item: JsonObject): BatonError {
  const tool = textField(item, "name") ?? "a tool";
  const server = textField(item, "server_label");
  return new BatonError(
    "REMOTE_ASKS",
    `The ${from} asks whether it may use ${quoted(tool)}${server === undefined ? "" : ` of ${quoted(server)}`}.`,
    {
      details: {
        tool,
        ...(server === undefined ? {} : { server }),
        ...(textField(item, "id") === undefined ? {} : { request: textField(item, "id") }),
      },
    },
  );
}

/** There is no message to take the output from. */
export function noMessage(from: string, items: readonly JsonObject[]): BatonError {
  const last = items.at(-1);
  const calls = last !== undefined && textField(last, "type") === "function_call";
  const tool = calls ? textField(last, "name") : undefined;
  const why =
    tool === undefined
      ? "gave no message"
      : `wants ${quoted(tool)} to be called, which nobody here does`;
  return new BatonError("REMOTE_ANSWER_INVALID", `The ${from} ${why}.`, {
    details: isObject(last) ? { last: textField(last, "type") ?? "unknown" } : {},
  });
}
