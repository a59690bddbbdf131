/**
 * The check of a value against a contract: the one place where outside data becomes a sealed value.
 *
 * This is the hot path (several checks per step), so a value that is right costs no more than its validation, one sealed
 * copy, and one comparison; all else happens only once something is wrong.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnyContract, AnyRule } from "./contract.ts";
import { refuseAnswer } from "./contract.ts";
import { BatonError, isBatonError } from "./errors.ts";
import type { Finding } from "./evidence.ts";
import { violationsOf } from "./evidence.ts";
import type { Json } from "./json.ts";
import { sealJson } from "./json.ts";
import type { Tokens } from "./json-pointer.ts";
import { firstDifference, pointerTokens, sameJson } from "./json-pointer.ts";
import type { Violation } from "./violation.ts";

/**
 * Where the check happens. `edge`: what comes out will be stored (a run's input, an agent's output, a signal's payload,
 * an event), so it must validate again unchanged. `handoff`: a consumer's input, which is not stored as such.
 */
export type CheckMode = "edge" | "handoff";

/** What a check found. `value` is sealed: frozen canonical JSON; `changed` says that it is not what was passed in. */
export type Checked =
  | { readonly kind: "ok"; readonly value: Json; readonly changed: boolean }
  | { readonly kind: "violated"; readonly violations: readonly Violation[] };

/**
 * Checks a value: the schema first (which may set defaults, trim, drop unknown fields), then that the outcome is JSON, then
 * every rule. All that is wrong is listed, redacted where fields are sensitive.
 *
 * @param what names the value in errors, e.g. `output of credit-score`.
 * @throws BatonError `CONTRACT_ASYNC` if the schema or a rule answers with a promise; `CONTRACT_UNSTABLE` if, at the edge,
 * what the schema gave out does not validate again unchanged.
 */
export function check(
  contract: AnyContract,
  value: unknown,
  what: string,
  mode: CheckMode,
): Checked {
  const first = validated(contract, value, what);
  if (first.kind === "violated") return first;
  const broken = brokenRules(contract, first.value);
  if (broken !== undefined) return violated(contract, first.value, broken);
  const changed = !sameJson(first.value, value);
  if (changed && mode === "edge") refuseUnstable(contract, first.value, what);
  return { kind: "ok", value: first.value, changed };
}

type Validated =
  | { readonly kind: "ok"; readonly value: Json }
  | (Checked & { readonly kind: "violated" });

function validated(contract: AnyContract, value: unknown, what: string): Validated {
  let result: StandardSchemaV1.Result<unknown> | Promise<unknown>;
  try {
    result = contract.schema["~standard"].validate(value);
  } catch (error) {
    return violated(contract, value, [thrown("schema", [], "The schema", error)]);
  }
  if (result instanceof Promise) refuseAnswer(contract.id, result);
  if (result.issues !== undefined)
    return violated(contract, value, result.issues.flatMap(findings));
  try {
    return { kind: "ok", value: sealJson(result.value, what) };
  } catch (error) {
    if (!isBatonError(error, "VALUE_NOT_JSON")) throw error;
    const path = error.details["path"];
    const tokens = (typeof path === "string" ? pointerTokens(path) : undefined) ?? [];
    const finding = { path: tokens, rule: "json", message: error.message, quotes: true };
    return violated(contract, result.value, [finding]);
  }
}

function violated(
  contract: AnyContract,
  root: unknown,
  found: readonly Finding[],
): Checked & { kind: "violated" } {
  return { kind: "violated", violations: violationsOf(contract, root, found) };
}

/** The codes by which libraries say that a key is not known to the schema. */
const UNKNOWN_KEY: ReadonlySet<string> = new Set([
  "unrecognized_keys",
  "strict_object",
  "additionalProperties",
  "unevaluatedProperties",
]);

/** What the libraries add to an issue of Standard Schema: a code under one of two names, and the keys not known. */
interface LibraryIssue extends StandardSchemaV1.Issue {
  readonly code?: unknown;
  readonly type?: unknown;
  readonly keys?: unknown;
}

function findings(issue: LibraryIssue): Finding[] {
  const path = (issue.path ?? []).map((step) => String(typeof step === "object" ? step.key : step));
  const named = [issue.code, issue.type].find((each) => typeof each === "string");
  const rule = typeof named === "string" ? named : "schema";
  if (rule === "unrecognized_keys" && Array.isArray(issue.keys)) {
    return issue.keys.map((key) => ({ ...unknownKey([...path, String(key)]), rule }));
  }
  const finding = { path, rule, message: issue.message, quotes: true };
  return [UNKNOWN_KEY.has(rule) ? { ...finding, mayShowAny: true } : finding];
}

function unknownKey(path: Tokens) {
  return { path, message: "The schema does not know this key.", quotes: false, mayShowAny: true };
}

/** The rules that don't hold of a sealed value; undefined when all do, which is the usual case and allocates nothing. */
function brokenRules(contract: AnyContract, value: Json): Finding[] | undefined {
  let found: Finding[] | undefined;
  for (const rule of contract.rules) {
    const finding = brokenRule(contract, rule, value);
    if (finding === undefined) continue;
    found ??= [];
    found.push(finding);
  }
  return found;
}

function brokenRule(
  contract: AnyContract,
  { name, path, holds }: AnyRule,
  value: Json,
): Finding | undefined {
  let held: unknown;
  try {
    // The schema has validated the value, so it is of the type that the contract's rules take.
    held = holds(value as never);
  } catch (error) {
    return { ...thrown(name, pointerTokens(path) ?? [], "The rule", error), mayShowAny: true };
  }
  if (held === true) return undefined;
  if (held instanceof Promise) refuseAnswer(contract.id, held);
  return {
    path: pointerTokens(path) ?? [],
    rule: name,
    message: `It does not hold that ${name}.`,
    quotes: false,
  };
}

function thrown(rule: string, path: Tokens, what: string, error: unknown): Finding {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { path, rule, message: `${what} threw ${message}`, quotes: true };
}

/** Checks what came out once more: a value that is stored must be one that the contract leaves as it is. */
function refuseUnstable(contract: AnyContract, value: Json, what: string): void {
  const again = validated(contract, value, what);
  if (again.kind === "ok" && sameJson(again.value, value)) return;
  const path =
    again.kind === "ok" ? firstDifference(value, again.value) : again.violations[0]?.path;
  const outcome = again.kind === "ok" ? "gives another value" : "refuses it";
  throw new BatonError(
    "CONTRACT_UNSTABLE",
    `Contract "${contract.id}" changed the ${what}, and when it checks what came out it ${outcome} (at "${path}").`,
    { details: { contract: contract.id, what, path } },
  );
}
