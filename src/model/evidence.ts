/** How violations are written down: with evidence that is safe to show and bounded in size. */
import { isBatonError } from "./errors.ts";
import type { Json } from "./json.ts";
import { sealJson } from "./json.ts";
import type { Tokens } from "./json-pointer.ts";
import { pointer, valueAt } from "./json-pointer.ts";
import { SENSITIVE, touchesSensitive } from "./sensitive.ts";
import type { Violation } from "./violation.ts";

/** More than this many are not listed, only counted: a map of 100,000 bad items must not make an entry of that size. */
export const VIOLATIONS_MAX = 50;

/** Evidence is for reading; what is longer as JSON text is cut. */
export const EVIDENCE_CHARS_MAX = 1_024;

/** Messages come from schema libraries and thrown errors, and may quote what they were given. */
const MESSAGE_CHARS_MAX = 500;

/** A violation before it is redacted and cut. */
export interface Finding {
  readonly path: Tokens;
  readonly rule: string;
  readonly message: string;
  /** The message may quote the value, so it is withheld with it. A rule's name never does. */
  readonly quotes: boolean;
  /** The value or the message may show any field (an unrecognised key, a rule that threw), so also a sensitive one. */
  readonly mayShowAny?: boolean;
}

/** What {@link violationsOf} needs to know of a contract. */
export interface Redaction {
  readonly id: string;
  readonly sensitive: readonly string[];
}

/** The violations of `root`: redacted by the contract's sensitive paths, cut, and at most {@link VIOLATIONS_MAX}. */
export function violationsOf(
  contract: Redaction,
  root: unknown,
  findings: readonly Finding[],
): readonly Violation[] {
  const listed = findings
    .slice(0, VIOLATIONS_MAX)
    .map((finding) => violationOf(contract, root, finding));
  const more = findings.length - listed.length;
  if (more > 0) {
    const message = `${more} more violations are not listed.`;
    listed.push(Object.freeze({ contract: contract.id, path: "", rule: "more", message }));
  }
  return Object.freeze(listed);
}

function violationOf({ id, sensitive }: Redaction, root: unknown, finding: Finding): Violation {
  const { rule, quotes, mayShowAny = false } = finding;
  const path = finding.path.map((token) => token.toWellFormed());
  const hidden = touchesSensitive(sensitive, path) || (mayShowAny && sensitive.length > 0);
  const message =
    hidden && quotes
      ? `The value breaks "${rule}"; the message is withheld because it may show a sensitive field.`
      : cut(finding.message, MESSAGE_CHARS_MAX);
  const found = valueAt(root, finding.path);
  const common = { contract: id, path: pointer(path), rule: cut(rule, MESSAGE_CHARS_MAX), message };
  if (found === undefined) return Object.freeze(common);
  return Object.freeze({ ...common, value: hidden ? SENSITIVE : evidence(found) });
}

/** A value as evidence: JSON of a bounded size, or a note of what it was. */
function evidence(found: unknown): Json {
  let sealed: Json;
  try {
    sealed = sealJson(found, "offending value");
  } catch (error) {
    const what = isBatonError(error, "VALUE_NOT_JSON") ? error.details["found"] : undefined;
    return `[not JSON: ${typeof what === "string" ? cut(what, 100) : "it cannot be read"}]`;
  }
  const text = typeof sealed === "string" ? sealed : JSON.stringify(sealed);
  return text.length > EVIDENCE_CHARS_MAX ? cut(text, EVIDENCE_CHARS_MAX) : sealed;
}

/** At most `charsMax` characters of a text, well-formed (a cut may split a surrogate pair), with a mark of what is gone. */
function cut(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text.toWellFormed();
  return `${text.slice(0, charsMax).toWellFormed()}… [${text.length - charsMax} more characters]`;
}
