/** How large a value may be that comes in from outside: an input, an output, a signal, the result of an effect. */
import { canonicalJson } from "../journal/canonical.ts";
import type { Json } from "../model/json.ts";
import type { Limits } from "../model/limits.ts";

/** Undefined, or a sentence that says how much too large the value is, and names the limit. */
export function tooLarge(
  { outputBytesMax }: Pick<Limits, "outputBytesMax">,
  value: Json,
  what: string,
): string | undefined {
  if (!mayHave(value, outputBytesMax)) return undefined;
  const bytes = Buffer.byteLength(canonicalJson(value));
  if (bytes <= outputBytesMax) return undefined;
  return `The ${what} has ${bytes} bytes; limits.outputBytesMax is ${outputBytesMax}.`;
}

/** Whether a value could have more bytes, without writing it: counting stops as soon as that is known. */
function mayHave(value: Json, bytesMax: number): boolean {
  let left = bytesMax;
  const spend = (part: Json): boolean => {
    if (typeof part === "string") left -= part.length * 6 + 2;
    else if (typeof part === "object" && part !== null) {
      left -= 2;
      for (const [key, field] of Object.entries(part)) {
        left -= key.length * 6 + 4;
        if (left < 0 || spend(field)) return true;
      }
    } else left -= 26;
    return left < 0;
  };
  return spend(value);
}
