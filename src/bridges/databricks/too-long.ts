/** How much is read of what the other side sends. */
import { BatonError } from "../../model/errors.ts";
import type { BodyLimit } from "../limited-body.ts";

/** @param what sends it, or what it is, within a sentence. */
export function limitOf(what: string, bytesMax: number): BodyLimit {
  return { bytesMax, tooLong: () => tooLong(what, bytesMax) };
}

export function tooLong(what: string, bytesMax: number): BatonError {
  return new BatonError(
    "VALUE_TOO_LARGE",
    `What the ${what} sends has more than ${bytesMax} bytes, which is the limit.`,
    { details: { bytesMax } },
  );
}
