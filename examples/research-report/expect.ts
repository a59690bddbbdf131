/**
 * Writes questions.expected.json, after a change of the library, the questions or the agents. Read the difference before committing it.
 *
 *     npx jiti examples/research-report/expect.ts
 */
import { writeFileSync } from "node:fs";
import { expectedOf } from "./expected.ts";
import { libraryOf, readTexts } from "./library.ts";
import { readQuestions } from "./questions.ts";

const library = libraryOf(readTexts());
const expected = readQuestions().map((question) => expectedOf(library, question));
writeFileSync(
  new URL("questions.expected.json", import.meta.url),
  `${JSON.stringify(expected, null, 2)}\n`,
);
const written = expected.filter(({ sha256 }) => sha256 !== undefined);
console.log(`${expected.length} questions, of which ${written.length} get a report.`);
