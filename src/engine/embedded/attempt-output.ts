/** What comes out of an attempt, as it crosses into the run: a checked output, or a failure without its stack. */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import { check } from "../../model/check.ts";
import type { Failure } from "../../model/entry.ts";
import { type BatonError, isBatonError } from "../../model/errors.ts";
import { EVIDENCE_CHARS_MAX, VIOLATIONS_MAX } from "../../model/evidence.ts";
import { type Json, sealJson } from "../../model/json.ts";
import type { Violation } from "../../model/violation.ts";
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
    const { code, details } = error;
    const message = wellFormed(error.message);
    return { code, message, ...foundViolations(error), ...retryAfter(details) };
  }
  if (!(error instanceof Error)) return { code: "THROWN", message: wellFormed(String(error)) };
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return { code: wellFormed(code), message: wellFormed(error.message), ...retryAfter(error) };
}

/** What an agent itself found wrong with what it was to give: the next attempt is told, as of what the check here finds. */
function foundViolations({ code, details }: BatonError): {
  readonly violations?: readonly Violation[];
} {
  const found: unknown = details["violations"];
  if (code !== "CONTRACT_VIOLATED" || !Array.isArray(found)) return {};
  const violations = found.filter(isViolation).slice(0, VIOLATIONS_MAX).map(recorded);
  return violations.length === 0 ? {} : { violations };
}

function isViolation(value: unknown): value is Violation {
  if (typeof value !== "object" || value === null) return false;
  return ["contract", "path", "rule", "message"].every(
    (key) => typeof Reflect.get(value, key) === "string",
  );
}

/** As it is recorded: what is too large for evidence, or no JSON, is left out. */
function recorded({ contract, path, rule, message, value }: Violation): Violation {
  const named = {
    contract: wellFormed(contract),
    path: wellFormed(path),
    rule: wellFormed(rule),
    message: wellFormed(message),
  };
  if (value === undefined) return named;
  try {
    const sealed = sealJson(value, "offending value");
    return JSON.stringify(sealed).length > EVIDENCE_CHARS_MAX ? named : { ...named, value: sealed };
  } catch {
    return named;
  }
}

/** Whether an error says of a call that nobody can tell what it used: then all that was set aside for it counts. */
export function isUsageUnknown(error: unknown): boolean {
  const said = isBatonError(error) ? error.details : error;
  return (
    typeof said === "object" &&
    said !== null &&
    "usageUnknown" in said &&
    said.usageUnknown === true
  );
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
