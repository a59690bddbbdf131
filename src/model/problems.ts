/** Problems of a definition are collected, not thrown one by one: whoever mends a workflow wants to see them all. */
import type { AgentDefinition } from "./agent-definition.ts";
import type { AnyContract } from "./contract.ts";
import { type Duration, durationMs } from "./duration.ts";
import { BatonError, isBatonError } from "./errors.ts";
import type { WorkflowDefinition } from "./workflow-definition.ts";

/** The error for a definition with problems, each a sentence. */
export function definitionInvalid(what: string, problems: readonly string[]): BatonError {
  const message = `The ${what} has ${problems.length} problem(s): ${problems.join(" ")}`;
  return new BatonError("DEFINITION_INVALID", message, {
    details: { definition: what, problems },
  });
}

/** The length in milliseconds; undefined if none is given, or if it is a problem, which is added to `problems`. */
export function durationOr(
  duration: Duration | undefined,
  what: string,
  problems: string[],
): number | undefined {
  if (duration === undefined) return undefined;
  try {
    return durationMs(duration);
  } catch (error) {
    if (!isBatonError(error, "DURATION_INVALID")) throw error;
    problems.push(`The ${what}, "${duration}", is not a duration such as "5s".`);
    return undefined;
  }
}

/** A problem for each option that nobody reads: a misspelt one would be silently without effect. */
export function unknownOptions(
  options: object,
  known: ReadonlySet<string>,
  where: string,
): string[] {
  return Object.keys(options)
    .filter((key) => !known.has(key))
    .map((key) => `There is no option \`${key}\` of ${where}.`);
}

/** Whether a function is declared as one that answers later. One that merely returns a promise is seen when it is called. */
export function isAsync(value: unknown): boolean {
  if (typeof value !== "function") return false;
  return /^\[object (Async|Generator|AsyncGenerator)/.test(Object.prototype.toString.call(value));
}

/** Whether a value has the form of a contract. */
export function isContract(value: unknown): value is AnyContract {
  return hasFields(value, ["id", "schema", "rules", "describe"]);
}

/** Whether a value has the form of an agent. */
export function isAgent(value: unknown): value is AgentDefinition {
  return hasFields(value, ["id", "input", "output", "execute"]);
}

/** Whether a value has the form of a workflow that is finished, with its output. */
export function isWorkflow(value: unknown): value is WorkflowDefinition {
  return hasFields(value, ["id", "input", "stepByName", "project"]);
}

function hasFields(value: unknown, fields: readonly string[]): boolean {
  return typeof value === "object" && value !== null && fields.every((field) => field in value);
}
