/**
 * The handoff: the moment a step's input is computed from sealed values and checked. Nothing crosses it unchecked.
 */
import type { AnyContract } from "../model/contract.ts";
import { check } from "../model/check.ts";
import { isBatonError } from "../model/errors.ts";
import type { Failure } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import type { Reads, Run } from "../model/run.ts";
import type { Violation } from "../model/violation.ts";
import type { StepDefinition, View } from "../model/workflow-definition.ts";

/** The keys that a step declared, frozen, and where each was sealed. */
export function viewOf(
  run: Run,
  keys: readonly string[],
): { readonly view: View; readonly reads: Reads } {
  const view: Record<string, Json | undefined> = {};
  const reads: Record<string, number> = {};
  for (const key of keys) {
    const sealed = run.values.get(key);
    view[key] = sealed?.value;
    if (sealed !== undefined) reads[key] = sealed.seq;
  }
  return { view: Object.freeze(view), reads };
}

export type Tried<X> =
  | { readonly ok: true; readonly value: X }
  | { readonly ok: false; readonly violations: readonly Violation[] };

/** Calls a user function; a throw is a refused handoff, never a crash of the run. */
export function tryCall<X>(what: string, call: () => X): Tried<X> {
  try {
    return { ok: true, value: call() };
  } catch (error) {
    // A message comes from anywhere: a lone surrogate in it must not keep the refusal from being recorded.
    const message = (error instanceof Error ? error.message : String(error))
      .slice(0, 4_000)
      .toWellFormed();
    const path =
      isBatonError(error) && typeof error.details["path"] === "string" ? error.details["path"] : "";
    return {
      ok: false,
      violations: [{ contract: "mapping", path, rule: what, message: `${what} threw: ${message}` }],
    };
  }
}

/** Computes a value by a user function and checks it against a consumer's contract. */
export function tryInput(contract: AnyContract, what: string, call: () => unknown): Tried<Json> {
  const mapped = tryCall("input", call);
  if (!mapped.ok) return mapped;
  return tryChecked(contract, mapped.value, what);
}

export function tryChecked(contract: AnyContract, value: unknown, what: string): Tried<Json> {
  const verdict = tryCall("contract", () => check(contract, value, what, "handoff"));
  if (!verdict.ok) return verdict;
  return verdict.value.kind === "ok"
    ? { ok: true, value: verdict.value.value }
    : { ok: false, violations: verdict.value.violations };
}

export type Gate =
  | { readonly kind: "pass"; readonly view: View; readonly reads: Reads }
  | { readonly kind: "skip"; readonly reads: Reads }
  | { readonly kind: "refused"; readonly reads: Reads; readonly violations: readonly Violation[] };

/** `when`, then every `requires`: all that comes before a step's own input. */
export function gate(run: Run, step: StepDefinition): Gate {
  const { view, reads } = viewOf(run, step.needs);
  return gateOn(step, view, reads);
}

/** The same over what a step sees. */
export function gateOn(step: StepDefinition, view: View, reads: Reads): Gate {
  const { when } = step;
  if (when !== undefined) {
    const wanted = tryCall("when", () => when(view));
    if (!wanted.ok) return { kind: "refused", reads, violations: wanted.violations };
    if (!wanted.value) return { kind: "skip", reads };
  }
  if (step.requires.length === 0) return { kind: "pass", view, reads };
  const violations: Violation[] = [];
  for (const { name, holds } of step.requires) {
    const verdict = tryCall(name, () => holds(view));
    if (!verdict.ok)
      violations.push(
        ...verdict.violations.map((violation) => ({ ...violation, contract: "requires" })),
      );
    else if (!verdict.value) {
      violations.push({
        contract: "requires",
        path: "",
        rule: name,
        message: `Step ${step.name} requires: ${name}.`,
      });
    }
  }
  return violations.length > 0
    ? { kind: "refused", reads, violations }
    : { kind: "pass", view, reads };
}

/** A refused handoff as the failure of its step. */
export function refusalFailure(step: string, violations: readonly Violation[]): Failure {
  const first = violations[0];
  const message =
    first === undefined
      ? `The handoff to ${step} was refused.`
      : `The handoff to ${step} was refused: ${first.message}`;
  return { code: "HANDOFF_REFUSED", message, violations };
}
