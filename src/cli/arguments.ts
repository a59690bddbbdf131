/**
 * Arguments and options, checked where they come in.
 */
import { type Command, InvalidArgumentError } from "commander";
import type { VersionRef } from "../index.ts";
import { type Duration, durationMs } from "../model/duration.ts";
import { BatonError, isBatonError } from "../model/errors.ts";
import { parseIsoTime } from "../model/iso-time.ts";
import { compareVersions } from "../model/naming.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";

/** For an option that takes a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < least) {
      throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
    }
    return number;
  };
}

/** For an option that takes a length of time, more than none. */
export function duration(text: string): Duration {
  // Whatever was typed: durationMs says whether it is one.
  const given = text as Duration;
  try {
    if (durationMs(given) > 0) return given;
  } catch (error) {
    if (!isBatonError(error, "DURATION_INVALID")) throw error;
  }
  throw new InvalidArgumentError("Expected a length of time such as 90s, 30m or 2h.");
}

/**
 * Refuses an option that was typed where it would do nothing.
 * @param options such as `--in-flight`
 * @param what for example "is for a JSONL file"
 * @throws BatonError ARGUMENT_INVALID
 */
export function refuseOptions(command: Command, options: readonly string[], what: string): void {
  const typed = command.options.find(
    (option) =>
      options.includes(option.long ?? "") &&
      command.getOptionValueSource(option.attributeName()) === "cli",
  );
  if (typed === undefined) return;
  throw new BatonError("ARGUMENT_INVALID", `${typed.long ?? typed.flags} ${what}.`, {
    hint: `See \`baton ${command.name()} --help\`.`,
  });
}

/** A place in the order of arrival, or a time, in milliseconds since 1970. */
export type Place =
  | { readonly kind: "position"; readonly position: number }
  | { readonly kind: "time"; readonly atMs: number };

/** For an option that takes a position or an ISO time; a day stands for its beginning in UTC. @throws BatonError ARGUMENT_INVALID */
export function placeOrTime(text: string): Place {
  const position = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(position)) return { kind: "position", position };
  const moment = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  try {
    return { kind: "time", atMs: parseIsoTime(moment) };
  } catch (cause) {
    throw new BatonError(
      "ARGUMENT_INVALID",
      `"${text}" is neither a position nor an ISO time with its offset.`,
      { cause, hint: "Write a position such as 1200, or a time: 2026-05-01T00:00:00Z." },
    );
  }
}

/** `app-1@2`: a run at a version; `app-1`: at its newest. A run id may itself contain an `@` that no number follows. */
export function versionRef(text: string): VersionRef {
  const match = /^(.+)@(\d+)$/s.exec(text);
  const run = match?.[1];
  return run === undefined ? { run: text } : { run, version: Number(match?.[2]) };
}

/** Examples, below a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/**
 * The workflow named `name@version`, or the newest version of `name`.
 * @throws BatonError WORKFLOW_NOT_FOUND naming those that there are.
 */
export function findWorkflow(
  workflows: readonly WorkflowDefinition[],
  name: string,
): WorkflowDefinition {
  const named = workflows.filter((workflow) => workflow.id === name || workflow.name === name);
  const newest = named.toSorted((a, b) => compareVersions(b.version, a.version))[0];
  if (newest !== undefined) return newest;
  const known = workflows.map((workflow) => workflow.id).sort();
  throw new BatonError("WORKFLOW_NOT_FOUND", `There is no workflow ${name}.`, {
    hint:
      known.length === 0
        ? "The config lists no workflows."
        : `The config has: ${known.join(", ")}.`,
    details: { workflow: name, known },
  });
}

/** The field at a dotted path, or undefined. */
export function fieldOf(value: unknown, path: string): unknown {
  let at: unknown = value;
  for (const key of path.replace(/^\//, "").split(/[./]/)) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    // Checked to be an object that has the key.
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  return at;
}
