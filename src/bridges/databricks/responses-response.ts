/** A run as an answer in the Responses shape. All of it follows from the run's report: asked again, it is the same. */
import type { RunReport } from "../../history/report.ts";
import type { RunWaits } from "../../history/run-wait.ts";
import type { Json, JsonObject } from "../../model/json.ts";

/** A run, as far as it has come. */
export interface Standing {
  readonly report: RunReport;
  /** Set while it has not ended. */
  readonly waits: RunWaits | undefined;
  readonly traceId: string | undefined;
}

/** How the outside sees it. */
type AnswerStatus = "completed" | "failed" | "incomplete";

/** Waits that are named in an answer. */
const WAITS_MAX = 20;

export function statusOf({ status }: RunReport): AnswerStatus {
  switch (status) {
    case "completed":
      return "completed";
    case "failed":
    case "compensated":
    case "cancelled":
    case "refused":
      return "failed";
    case "running":
    case "waiting":
    case "parked":
    case "compensating":
      return "incomplete";
  }
}

/** The whole answer. `text` is that of its one message, where the run has completed. */
export function responseOf(standing: Standing, text: string | undefined): JsonObject {
  const { report, traceId } = standing;
  const status = statusOf(report);
  return {
    ...beginningOf(report.id, report.workflow, report.startedAt),
    status,
    error: status === "failed" ? errorOf(report) : null,
    incomplete_details: status === "incomplete" ? { reason: "run_not_ended" } : null,
    output: text === undefined ? [] : [messageOf(report.id, text)],
    usage: usageOf(report),
    ...(traceId === undefined ? {} : { metadata: { trace_id: traceId } }),
    custom_outputs: customOutputsOf(standing),
  };
}

/** What is known of an answer from the beginning. */
export function beginningOf(run: string, workflow: string, startedAt: number): JsonObject {
  return {
    id: `resp_${run}`,
    object: "response",
    created_at: Math.floor(startedAt / 1_000),
    model: workflow,
    status: "in_progress",
    output: [],
    parallel_tool_calls: false,
    tool_choice: "auto",
    tools: [],
  };
}

export function messageId(run: string): string {
  return `msg_${run}`;
}

export function messageOf(run: string, text: string): JsonObject {
  const content = [{ type: "output_text", text, annotations: [] }];
  return { type: "message", id: messageId(run), role: "assistant", status: "completed", content };
}

/** What it says beside its message: where the run stands, for programs. */
export function customOutputsOf({ report, waits }: Standing): JsonObject {
  const { id: run, status, version, output } = report;
  return {
    run,
    status,
    version,
    ...(status === "completed" ? { output: output ?? null } : {}),
    ...(report.error === undefined ? {} : { error: { ...failureOf(report) } }),
    ...(waits === undefined ? {} : { waits: waits.waits.slice(0, WAITS_MAX).map(waitOf) }),
  };
}

function waitOf(wait: RunWaits["waits"][number]): Json {
  const { what } = wait;
  return {
    what,
    ...("path" in wait && wait.path !== undefined ? { path: wait.path } : {}),
    ...("dueAt" in wait && wait.dueAt !== undefined ? { dueAt: wait.dueAt } : {}),
  };
}

/** Why the run has failed, in the form of an error of the protocol. */
export function errorOf(report: RunReport): { readonly code: string; readonly message: string } {
  const { status, error, reason, id } = report;
  if (status === "cancelled")
    return { code: "RUN_CANCELLED", message: `Run ${id} was cancelled: ${reason ?? ""}` };
  const code = status === "compensated" ? "RUN_COMPENSATED" : "RUN_FAILED";
  return { code, message: `${error?.code ?? "UNKNOWN"}: ${error?.message ?? ""}` };
}

function failureOf({ error }: RunReport): JsonObject {
  return { code: error?.code ?? "UNKNOWN", message: error?.message ?? "" };
}

function usageOf({ usage }: RunReport): JsonObject {
  const input = usage.reduce((sum, { inputTokens }) => sum + inputTokens, 0);
  const output = usage.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  };
}
