/** What a tool answers: never a stack trace, and of the world's errors only the code. */
import type { RunReport } from "../../history/report.ts";
import type { RunWait } from "../../history/run-wait.ts";
import type { Failure } from "../../model/entry.ts";
import { type BatonError, type ErrorCode, isBatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { Violation } from "../../model/violation.ts";
import { isObject } from "./fields.ts";
import { RUN } from "./meta.ts";
import type { ServedOutcome } from "../served-baton.ts";
import { wrap } from "./served-schema.ts";
import { STATUS_TOOL, type WorkflowTool } from "./served-tools.ts";

/** A result of `tools/call`. */
export interface ToolAnswer {
  readonly content: { readonly type: "text"; readonly text: string }[];
  readonly structuredContent?: Record<string, unknown>;
  readonly isError?: boolean;
  readonly _meta?: Record<string, unknown>;
  // The SDK's results may have further fields.
  readonly [field: string]: unknown;
}

/** Which run an answer is about. */
export interface RunMark {
  readonly id: string;
  readonly workflow: string;
  readonly status: string;
}

/** How a run has ended. */
export function endAnswer(tool: WorkflowTool, run: string, outcome: ServedOutcome): ToolAnswer {
  const mark = { id: run, workflow: tool.definition.id, status: outcome.kind };
  switch (outcome.kind) {
    case "completed":
      return completed(tool, mark, outcome.output);
    case "refused":
      return failed(mark, "RUN_REFUSED", refusedText(tool, outcome.violations), {
        violations: told(outcome.violations, tool),
      });
    case "cancelled":
      return failed(mark, "RUN_CANCELLED", `The run was cancelled: ${outcome.reason}`);
    case "failed":
    case "compensated":
      return failed(mark, outcome.error.code, failedText(outcome.kind, outcome.error), {
        ...(outcome.step === undefined ? {} : { step: outcome.step }),
        ...(outcome.error.violations === undefined
          ? {}
          : { violations: told(outcome.error.violations) }),
      });
  }
}

function completed(tool: WorkflowTool, mark: RunMark, output: Json): ToolAnswer {
  const { output: shape } = tool;
  const value = shape === undefined ? output : wrap(shape, output);
  return {
    content: [{ type: "text", text: JSON.stringify(value) }],
    ...(isObject(value) ? { structuredContent: value } : {}),
    _meta: { [RUN]: mark },
  };
}

/** A run that has not ended when the answer is due. It is no success, since the output that the tool promises is not there. */
export function unfinishedAnswer(mark: RunMark, waits: readonly RunWait[]): ToolAnswer {
  const text = [
    `The run ${mark.id} has not ended yet, and goes on by itself${waitsText(waits)}.`,
    `Ask later how it stands with the tool ${STATUS_TOOL} and {"run":${JSON.stringify(mark.id)}}.`,
    "Calling this tool again without the same idempotency key would start another run.",
  ].join(" ");
  return failed(mark, "RUN_UNFINISHED", text, { waits: toldWaits(waits) });
}

/** A run as the status tool tells of it. */
export function statusAnswer(report: RunReport, waits: readonly RunWait[]): ToolAnswer {
  const { id, workflow, status, output, error, violations } = report;
  const told_: Record<string, unknown> = {
    run: id,
    workflow,
    status,
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    ...(violations === undefined ? {} : { violations: told(violations) }),
    ...(waits.length === 0 ? {} : { waits: toldWaits(waits) }),
  };
  return {
    content: [{ type: "text", text: JSON.stringify(told_) }],
    structuredContent: told_,
    _meta: { [RUN]: { id, workflow, status } },
  };
}

/** What the caller can do something about; of anything else only the code is told. */
const TOLD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "RUN_CONFLICT",
  "RUN_NOT_FOUND",
  "VALUE_TOO_LARGE",
  "VALUE_NOT_JSON",
  "OVERLOADED",
  "ARGUMENT_INVALID",
]);

/** A call of which nothing has come, or of which nothing is known. */
export function errorAnswer(error: unknown, onError: (error: Error) => void): ToolAnswer {
  const code = isBatonError(error) ? error.code : "SERVER_ERROR";
  const isTold = isBatonError(error) && TOLD.has(error.code);
  // What the caller is not told, whoever runs the server is.
  if (!isTold) onError(error instanceof Error ? error : new Error(String(error)));
  const text = isTold ? error.message : "The server could not do this now.";
  const retryAfterMs = isBatonError(error) ? retryAfter(error) : undefined;
  return failed(undefined, code, text, retryAfterMs === undefined ? {} : { retryAfterMs });
}

function retryAfter({ details }: BatonError): number | undefined {
  const { retryAfterMs } = details;
  return typeof retryAfterMs === "number" ? retryAfterMs : undefined;
}

function failed(
  mark: RunMark | undefined,
  code: string,
  text: string,
  more: Readonly<Record<string, unknown>> = {},
): ToolAnswer {
  return {
    isError: true,
    content: [{ type: "text", text: `${code}: ${text}` }],
    structuredContent: {
      code,
      message: text,
      ...(mark === undefined ? {} : { run: mark.id, status: mark.status }),
      ...more,
    },
    ...(mark === undefined ? {} : { _meta: { [RUN]: mark } }),
  };
}

function failedText(kind: "failed" | "compensated", { message }: Failure): string {
  return kind === "failed" ? message : `${message} What had been done was undone.`;
}

function refusedText(tool: WorkflowTool, violations: readonly Violation[]): string {
  const lines = told(violations, tool).map(
    ({ path, message }) => `${path === "" ? "/" : path}: ${message}`,
  );
  return [
    "The arguments were refused, and nothing was done. Mend them and call again:",
    ...lines,
  ].join("\n");
}

interface ToldViolation {
  readonly path: string;
  readonly rule: string;
  readonly message: string;
}

/** By the paths of the arguments, where these are the input. The value is known to who gave it, and to nobody else. */
function told(violations: readonly Violation[], tool?: WorkflowTool): readonly ToldViolation[] {
  const above = tool?.input.isWrapped === true ? "/value" : "";
  return violations.map(({ path, rule, message }) => ({ path: `${above}${path}`, rule, message }));
}

function toldWaits(waits: readonly RunWait[]): readonly Readonly<Record<string, unknown>>[] {
  return waits.map((wait) => ({
    what: wait.what,
    ...("path" in wait && wait.path !== undefined ? { path: wait.path } : {}),
    ...("dueAt" in wait && wait.dueAt !== undefined
      ? { dueAt: new Date(wait.dueAt).toISOString() }
      : {}),
  }));
}

function waitsText(waits: readonly RunWait[]): string {
  const named = waits.flatMap((wait) =>
    "path" in wait && wait.path !== undefined && wait.what !== "execution"
      ? [`${wait.what} at ${wait.path}`]
      : [],
  );
  return named.length === 0 ? "" : `; it waits for ${named.join(", ")}`;
}
