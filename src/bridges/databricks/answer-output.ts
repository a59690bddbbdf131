/** The last message of an answer, as what the output contract wants. */
import type { AnyContract } from "../../model/contract.ts";
import { BatonError } from "../../model/errors.ts";
import { type Json, sealJson } from "../../model/json.ts";
import type { RemoteAnswer } from "./remote-answer.ts";

/** Models like to put JSON in a fence. */
const FENCED = /^\s*```[a-z]*\s*\n([\s\S]*?)\n?\s*```\s*$/i;

/**
 * The text as it is where the contract is of text, else what it says as JSON. Where the contract may be of either, JSON if it is.
 * @throws BatonError REMOTE_ANSWER_INVALID
 */
export function outputOf(from: string, contract: AnyContract, { text }: RemoteAnswer): Json {
  const type = contract.jsonSchema?.["type"];
  if (type === "string") return text;
  try {
    return sealJson(JSON.parse(FENCED.exec(text)?.[1] ?? text), `answer of the ${from}`);
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

function shown(type: Json): string {
  return Array.isArray(type) ? type.join(" or ") : JSON.stringify(type);
}
