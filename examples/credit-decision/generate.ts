/**
 * Writes applications.jsonl (one application a line) and applications.expected.json (the lines that must be refused):
 *
 *     npx jiti examples/credit-decision/generate.ts --seed 1 --count 1000 --out examples/credit-decision
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { generate, renderExpected, renderLines } from "./generator.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "1000" },
    out: { type: "string", default: "." },
  },
});
const generated = generate({ seed: Number(values.seed), count: Number(values.count) });
writeFileSync(join(values.out, "applications.jsonl"), renderLines(generated));
writeFileSync(join(values.out, "applications.expected.json"), renderExpected(generated));
console.log(
  `${generated.lines.length} lines, of which ${generated.refusals.length} must be refused, written to ${values.out}.`,
);
