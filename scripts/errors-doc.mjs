/**
 * Rewrites the table of docs/errors.md from src/model/errors.ts: codes and hints come from the source, the column
 * "when" is written by hand and kept. A new code gets an empty one, which the tidy test refuses.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createJiti } from "jiti";

const page = fileURLToPath(new URL("../docs/errors.md", import.meta.url));
const source = fileURLToPath(new URL("../src/model/errors.ts", import.meta.url));
const { ERROR_CODES } = await createJiti(import.meta.url).import(source);

const text = readFileSync(page, "utf8");
const isRow = (line) => line.startsWith("| `");
const lines = text.split("\n");
const when = new Map(
  lines.filter(isRow).map((line) => [line.split("`")[1], line.split("|")[2].trim()]),
);
const rows = Object.entries(ERROR_CODES).map(
  ([code, hint]) => `| \`${code}\` | ${when.get(code) ?? ""} | ${hint.replaceAll("|", "\\|")} |`,
);
const first = lines.findIndex((line) => line.startsWith("| ---"));
const head = lines.slice(0, first + 1);
const tail = lines.slice(first + 1).filter((line) => !isRow(line));
writeFileSync(page, [...head, ...rows, ...tail].join("\n"));
