/** The last message of an answer, as what the output contract wants. */
import type { AnyContract } from "../../model/contract.ts";
import { BatonError } from "../../model/errors.ts";
import { type Json, sealJson } from "../../model/json.ts";
import type { RemoteAnswer } from "./remote-answer.ts";

const FENCE = "```";

/**
 * The text as it is where the contract is of text, else what it says as JSON. Where the contract may be of either, JSON if it is.
 * @throws BatonError REMOTE_ANSWER_INVALID
 */
export function outputOf(from: string, contract: AnyContract, { text }: RemoteAnswer): Json {
  const type = contract.jsonSchema?.["type"];
  if (type === "string") return text;
  try {
    return sealJson(JSON.parse(unfenced(text)), `answer of the ${from}`);
  } catch (cause) {
    const mayBeText = type === undefined || (Array.isArray(type) && type.includes("string"));
    if (mayBeText) return text;
    const message = `The last message of the ${from} is no JSON, and ${contract.id} is of type ${shown(type)}.`;
    throw new BatonError("REMOTE_ANSWER_INVALID", message, {
      hint: "Have the agent answer with JSON alone, or give `fromResponse`, which makes the output of the answer.",
      cause,
    });
  }
}

/**
 * What stands in the fence into which models like to put JSON: behind its first line, which may name a language. By hand, since a
 * pattern would go over a long text of line breaks again and again, and nothing else could happen meanwhile.
 */
function unfenced(text: string): string {
  const trimmed = text.trim();
  const line = trimmed.indexOf("\n");
  if (line < 0 || !trimmed.startsWith(FENCE) || !trimmed.endsWith(FENCE)) return text;
  return trimmed.slice(line, -FENCE.length);
}

function shown(type: Json): string {
  return Array.isArray(type) ? type.join(" or ") : JSON.stringify(type);
}
