/** The questions that the example asks, one a line. */
import { readFileSync } from "node:fs";
import { z } from "zod";

const lineSchema = z.object({ id: z.string(), text: z.string() });

export type AskedQuestion = Readonly<z.infer<typeof lineSchema>>;

/** All questions, in the order of the file. @throws ZodError for a line that is none. */
export function readQuestions(): readonly AskedQuestion[] {
  const lines = readFileSync(new URL("questions.jsonl", import.meta.url), "utf8").split("\n");
  return lines.filter(Boolean).map((line) => lineSchema.parse(JSON.parse(line)));
}
