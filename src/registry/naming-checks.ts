/** What may stand in a registry as a principal or an alias. */
import { BatonError } from "../model/errors.ts";

const LENGTH_MAX = 200;

/** People, programs, groups of the house: any text on one line. @throws BatonError ARGUMENT_INVALID */
export function checkPrincipal(what: string, text: string): void {
  const isPlain =
    text.length > 0 && text.length <= LENGTH_MAX && text.isWellFormed() && !/\p{Cc}/u.test(text);
  if (isPlain && text.trim() === text) return;
  throw new BatonError("ARGUMENT_INVALID", `"${text.slice(0, 80)}" can't be ${article(what)}.`, {
    hint: `Use 1 to ${LENGTH_MAX} characters on one line, such as ada or ada@example.com.`,
  });
}

function article(what: string): string {
  return what === "by" ? "the name of who does it" : `an ${what}`.replace("an p", "a p");
}

/** @throws BatonError ARGUMENT_INVALID */
export function checkAlias(alias: string): void {
  if (/^[a-z][a-z0-9_-]{0,99}$/.test(alias)) return;
  throw new BatonError("ARGUMENT_INVALID", `"${alias.slice(0, 80)}" can't be an alias.`, {
    hint: "Use lower-case letters, digits, dashes and underscores, the first a letter: champion.",
  });
}
