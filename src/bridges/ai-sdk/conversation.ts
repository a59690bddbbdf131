/** What the model is told: what it is asked, and why an answer was refused. */
import type { ModelMessage } from "ai";
import type { Violation } from "../../model/violation.ts";

/** Adds a text to a conversation: to its last message, if that is the user's, since some providers take no two in a row. */
export function told(messages: readonly ModelMessage[], text: string): readonly ModelMessage[] {
  const last = messages.at(-1);
  if (last?.role !== "user") return [...messages, { role: "user", content: text }];
  const content =
    typeof last.content === "string"
      ? `${last.content}\n\n${text}`
      : [...last.content, { type: "text" as const, text }];
  return [...messages.slice(0, -1), { ...last, content }];
}

export function asMessages(asked: string | readonly ModelMessage[]): readonly ModelMessage[] {
  return typeof asked === "string" ? [{ role: "user", content: asked }] : asked;
}

/** The same for an answer of this attempt, of one before, and one that a later step has sent back. */
export function refusalText(violations: readonly Violation[]): string {
  const lines = violations.map(({ path, rule, message, value }) => {
    const found = value === undefined ? "" : ` Found: ${JSON.stringify(value)}`;
    return `- ${path === "" ? "the whole answer" : path} (${rule}): ${message}${found}`;
  });
  return `An earlier answer was refused:\n${lines.join("\n")}\nAnswer again, in full, without these faults.`;
}
