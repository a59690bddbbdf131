/** What callers say of themselves and of their reasons goes into entries as it is: it must be text that JSON can carry. */
import type { Author } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";

/** @throws BatonError ARGUMENT_INVALID */
export function checkAuthor({ kind, id, onBehalfOf }: Author): void {
  checkWellFormed("kind of the author", kind);
  checkWellFormed("id of the author", id);
  if (onBehalfOf !== undefined) checkWellFormed("author's onBehalfOf", onBehalfOf);
}

/** @throws BatonError ARGUMENT_INVALID */
export function checkWellFormed(what: string, text: string): void {
  if (typeof text === "string" && text.isWellFormed()) return;
  throw new BatonError("ARGUMENT_INVALID", `The ${what} is not well-formed text.`);
}
