/** What comes out of an attempt, as it crosses into the run: a checked output, or a failure without its stack. */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import { check } from "../../model/check.ts";
import type { Failure } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import { tooLarge } from "../value-size.ts";
import type { Core } from "./core.ts";

type CheckedOutput =
  | { readonly kind: "ok"; readonly output: Json }
  | { readonly kind: "refused"; readonly error: Failure; readonly final: boolean };

/** Checks what an agent gave against its output contract and the limits. */
export function checkedOutput(
  { limits }: Pick<Core, "limits">,
  agent: AgentDefinition,
  raw: unknown,
): CheckedOutput {
  try {
    const checked = check(agent.output, raw, `output of ${agent.id}`, "edge");
    if (checked.kind === "violated") {
      const message = `The output of ${agent.id} breaks ${agent.output.id}: ${checked.violations[0]?.message ?? ""}`;
      return {
        kind: "refused",
        error: { code: "CONTRACT_VIOLATED", message, violations: checked.violations },
        final: false,
      };
    }
    const message = tooLarge(limits, checked.value, `output of ${agent.id}`);
    if (message === undefined) return { kind: "ok", output: checked.value };
    return { kind: "refused", error: { code: "VALUE_TOO_LARGE", message }, final: true };
  } catch (error) {
    // A contract that can't be relied on (asynchronous, or unstable) fails the step: another attempt would meet it again.
    return { kind: "refused", error: failureOf(error), final: true };
  }
}

/** What is recorded of an error: never its stack, which speaks of the machine. */
export function failureOf(error: unknown): Failure {
  if (isBatonError(error)) {
    const { code, message, details } = error;
    return { code, message, ...retryAfter(details) };
  }
  if (!(error instanceof Error)) return { code: "THROWN", message: wellFormed(String(error)) };
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return { code: wellFormed(code), message: wellFormed(error.message), ...retryAfter(error) };
}

/** How long the caller is asked to wait, if that is a time. */
function retryAfter(said: object): { readonly retryAfterMs?: number } {
  const ms = "retryAfterMs" in said ? said.retryAfterMs : undefined;
  if (typeof ms !== "number" || !(ms > 0)) return {};
  return { retryAfterMs: Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER) };
}

/** Messages come from anywhere; a lone surrogate in one must not keep a failure from being recorded. */
function wellFormed(text: string): string {
  return text.slice(0, 4_000).toWellFormed();
}

/** Whether an agent answers later. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}
