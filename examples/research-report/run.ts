/**
 * `npm run example:report`: the questions of questions.jsonl in all three ways, on SQLite; then whether the reports are the same, what
 * each way took, and what to type next.
 *
 *   npm run example:report              takes up what an earlier start left: nothing runs twice
 *   npm run example:report -- --fresh   sets what earlier starts left aside first
 *   npm run example:report -- --json    one JSON document, for programs
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { open } from "baton";
import { sqlite } from "baton/sqlite";
import { type Comparison, compare, comparisonTable } from "./comparison.ts";
import { readTexts } from "./library.ts";
import { readQuestions } from "./questions.ts";
import { runWay, type WayDone } from "./run-way.ts";
import { FOLDER, model, STORE, type Way, WAYS, ways } from "./ways.ts";

/** Renames the folder of earlier starts; gives the new name, or undefined where there was none. */
function setAside(): string | undefined {
  if (!existsSync(FOLDER)) return undefined;
  let n = 1;
  while (existsSync(`${FOLDER}-${n}`)) n += 1;
  renameSync(FOLDER, `${FOLDER}-${n}`);
  return relative(process.cwd(), `${FOLDER}-${n}`);
}

/** How far it has come, on a terminal only. */
function progressOf(way: Way, of: number): (done: number) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (done) => process.stderr.write(`\r${way}  ${done}/${of}${done === of ? "\n" : ""}`);
}

function conclusion(comparison: Comparison, problems: number): string {
  const { compared } = comparison;
  const [first] = comparison.ways;
  const different = compared.filter(({ equal }) => !equal).map(({ question }) => question);
  const refused = Object.values(first?.refused ?? {}).some((n) => n > 0);
  return [
    comparisonTable(comparison),
    "",
    model === undefined
      ? different.length === 0
        ? `Equal         the ${first?.written ?? 0} reports, byte for byte, and why there are no others`
        : `NOT EQUAL     ${different.join(", ")}`
      : `Written by    ${model.model}: each way has its own words`,
    problems === 0
      ? "Verified      nothing was changed, removed, added or moved"
      : `NOT VERIFIED  ${problems} problems: npx baton verify`,
    "",
    "Next, from examples/research-report:",
    "  npx baton show q03-orchestration                    # its steps",
    "  npx baton graph --run q03-choreography/report-choreography  # what was expected, and what was",
    "  npx baton lineage q03-orchestration writing         # from the report to the question",
    ...(refused
      ? [
          "  npx baton why q07-choreography                      # why there is no report",
          "  npx baton show q07-hybrid/report-hybrid             # and what was given back",
        ]
      : []),
  ].join("\n");
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { fresh: { type: "boolean" }, json: { type: "boolean" } },
  });
  const aside = values.fresh === true ? setAside() : undefined;
  const questions = readQuestions();
  if (values.json !== true) {
    if (aside !== undefined) console.log(`What earlier starts left is now in ${aside}.`);
    console.log(
      `${questions.length} questions, three ways, a library of ${readTexts().length} texts\n`,
    );
  }
  mkdirSync(FOLDER, { recursive: true });
  const workflows = ways();
  const baton = await open({ store: sqlite(STORE), workflows: Object.values(workflows) });
  try {
    const done: WayDone[] = [];
    for (const way of WAYS) {
      const progress = progressOf(way, questions.length);
      const now = () => performance.now();
      done.push(await runWay(baton, way, { workflow: workflows[way], questions, progress, now }));
    }
    const comparison = compare(done);
    const { problems } = await baton.verify();
    if (values.json === true) console.log(JSON.stringify({ ...comparison, problems }));
    else console.log(conclusion(comparison, problems.length));
    const isEqual = model !== undefined || comparison.compared.every(({ equal }) => equal);
    return isEqual && problems.length === 0 ? 0 : 1;
  } finally {
    await baton.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
