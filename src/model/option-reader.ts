/** Reads options of which nothing is known, and says of each what is wrong with it. */
import type { Duration } from "./duration.ts";
import { durationOr, isAsync, unknownOptions } from "./problems.ts";

/** Reads options, and adds a problem for each that is not what it must be. */
export interface Reader {
  readonly field: (key: string) => unknown;
  readonly problem: (sentence: string) => void;
  /** A synchronous function. */
  readonly fn: (key: string) => unknown;
  readonly whole: (key: string, min: number, otherwise: number | undefined) => number | undefined;
  /** One of some words; the first if left out. */
  readonly oneOf: (key: string, words: readonly string[]) => string | undefined;
  readonly duration: (key: string) => number | undefined;
  /** The same for the options of a part. */
  readonly part: (what: string, options: unknown, known: ReadonlySet<string>) => Reader;
}

/** A reader of `options`; `where` names what they are of, and `known` are the options there are. */
export function reader(
  where: string,
  options: unknown,
  known: ReadonlySet<string>,
  found: string[],
): Reader {
  const given = typeof options === "object" && options !== null;
  const problem = (sentence: string) => void found.push(`${capital(where)} ${sentence}.`);
  if (!given) problem("was given no options");
  else found.push(...unknownOptions(options, known, where));
  // An object, each of whose fields is unknown.
  const fields = (given ? options : {}) as Readonly<Record<string, unknown>>;
  const field = (key: string) => fields[key];
  return {
    field,
    problem,
    fn: (key) => {
      const value = field(key);
      if (typeof value !== "function") problem(`has no function \`${key}\``);
      else if (isAsync(value))
        problem(`has an asynchronous function \`${key}\`; it must answer at once`);
      return value;
    },
    whole: (key, min, otherwise) => {
      const value = field(key) ?? otherwise;
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
      problem(`has a \`${key}\` of ${shown(value)}, which is not a whole number of ${min} or more`);
      return undefined;
    },
    oneOf: (key, words) => {
      const value = field(key) ?? words[0];
      if (typeof value === "string" && words.includes(value)) return value;
      problem(`has \`${key}\` that is not one of ${words.map((word) => `"${word}"`).join(", ")}`);
      return undefined;
    },
    // Any string may have been given; durationOr makes a problem of what is not a duration.
    duration: (key) =>
      durationOr(field(key) as Duration | undefined, `\`${key}\` of ${where}`, found),
    part: (what, part, names) => reader(`${what} of ${where}`, part, names, found),
  };
}

/** A value in a message: numbers as they are, of anything else its kind. */
export function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : typeof value;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
