/**
 * `npm run example:report`: the questions of questions.jsonl in all three ways, on SQLite; then whether the reports are the same, what
 * each way took, and what to type next.
 *
 *   npm run example:report              takes up what an earlier start left: nothing runs twice
 *   npm run example:report -- --fresh   sets what earlier starts left aside first
 *   npm run example:report -- --json    one JSON document, for programs
 *   npm run example:report -- --way hybrid   this one only; may be given twice
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { open } from "baton";
import { sqlite } from "baton/sqlite";
import { compare } from "./comparison.ts";
import { conclusion } from "./conclusion.ts";
import { readTexts } from "./library.ts";
import { progressOn } from "./progress.ts";
import { readQuestions } from "./questions.ts";
import { runWay, type WayDone } from "./run-way.ts";
import { placeOf, type Way, WAYS, waysAt } from "./ways.ts";

/** Renames the folder of earlier starts; gives the new name, or undefined where there was none. */
function setAside(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  let n = 1;
  while (existsSync(`${folder}-${n}`)) n += 1;
  renameSync(folder, `${folder}-${n}`);
  return relative(process.cwd(), `${folder}-${n}`);
}

/** The ways that were asked for, all if none were. @throws Error for one that there is not. */
function waysOf(given: readonly string[] = WAYS): readonly Way[] {
  const unknown = given.filter((name) => !WAYS.some((way) => way === name));
  if (unknown.length > 0)
    throw new Error(`There is no way ${unknown.join(", ")}: there are ${WAYS.join(", ")}.`);
  return WAYS.filter((way) => given.includes(way));
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      fresh: { type: "boolean" },
      json: { type: "boolean" },
      way: { type: "string", multiple: true },
    },
  });
  const asked = waysOf(values.way);
  const place = placeOf(process.env);
  const { model } = place;
  const aside = values.fresh === true ? setAside(place.folder) : undefined;
  const questions = readQuestions();
  if (values.json !== true) {
    if (aside !== undefined) console.log(`What earlier starts left is now in ${aside}.`);
    console.log(
      `${questions.length} questions, a library of ${readTexts().length} texts: ${asked.join(", ")}\n`,
    );
  }
  mkdirSync(place.folder, { recursive: true });
  const workflows = waysAt(place);
  const baton = await open({ store: sqlite(place.store), workflows: Object.values(workflows) });
  try {
    const done: WayDone[] = [];
    for (const way of asked) {
      const progress = progressOn(process.stderr, way, questions.length);
      const now = () => performance.now();
      done.push(await runWay(baton, way, { workflow: workflows[way], questions, progress, now }));
    }
    const comparison = compare(done);
    const { problems } = await baton.verify();
    if (values.json === true) console.log(JSON.stringify({ ...comparison, problems }));
    else console.log(conclusion(comparison, { problems: problems.length, model: model?.model }));
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
