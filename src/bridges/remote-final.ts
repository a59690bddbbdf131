/** What goes wrong with an agent elsewhere, whatever it speaks. */
import { type ErrorCode, isBatonError } from "../model/errors.ts";

/** What another attempt, with the same request, would meet again. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "AGENT_CARD_CHANGED",
  "AGENT_CARD_REFUSED",
  "REMOTE_REFUSED",
  "REMOTE_ASKS",
  "CREDENTIALS_REFUSED",
  "DEPENDENCY_MISSING",
  "VALUE_TOO_LARGE",
  "VALUE_NOT_JSON",
]);

/** Whether no further attempt is to be made. What the other side says is for good has `details.final`. */
export function isFinal(error: unknown): boolean {
  return isBatonError(error) && (FINAL.has(error.code) || error.details["final"] === true);
}
