/**
 * `npm run lab`: the story told by running code, as a table and as a page.
 *
 *   npm run lab                              seed 1
 *   npm run lab -- --seed 7 --seeds 10       seeds 7 to 16
 *   npm run --silent lab -- --json           one JSON object
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { goodApplications } from "./applications.ts";
import { inFolder, runSeed, type SeedResult, whatIf } from "./lab.ts";
import { reportPage } from "./report.ts";
import { PARAMETERS } from "./parameters.ts";
import { seedsTable, seedTable } from "./table.ts";

/** `npm run lab` starts in the folder of this repository. */
const ROOT = process.cwd();
const REPORT = join("labs", "stale-cache", "report.html");
const SEEDS_MAX = 1_000;

interface Request {
  readonly seed: number;
  readonly seeds: number;
  readonly json: boolean;
  readonly limit: number;
}

/** A whole number from 1 to `max`. @throws Error that names the option */
function whole(name: string, text: string, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  throw new Error(`--${name} takes a whole number from 1 to ${max}, not "${text}".`);
}

function request(): Request {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      seeds: { type: "string", default: "1" },
      applications: { type: "string", default: "1000" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    seed: whole("seed", values.seed, 2 ** 31),
    seeds: whole("seeds", values.seeds, SEEDS_MAX),
    limit: whole("applications", values.applications, 1_000),
    json: values.json,
  };
}

/** Runs on files on the disk of this checkout, which are gone afterwards. */
async function onDisk(act: (folder: string) => Promise<SeedResult>): Promise<SeedResult> {
  const parent = join(ROOT, ".cache", "lab-files");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "seed-"));
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function main({ seed, seeds, json, limit }: Request): Promise<void> {
  const applications = goodApplications(ROOT, limit);
  const results: SeedResult[] = [];
  for (let each = seed; each < seed + seeds; each += 1) {
    process.stderr.write(`lab: seed ${each}\n`);
    const result = await onDisk((folder) => runSeed(applications, each, inFolder(folder)));
    results.push(result);
    if (!json) process.stdout.write(`${seedTable(result)}\n\n`);
  }
  const changed = await whatIf(applications, seed);
  const path = join(ROOT, REPORT);
  writeFileSync(path, reportPage({ results, changed, parameters: PARAMETERS }));
  if (json) {
    const verdicts = results.map(({ seed: no, verdicts: each, baton }) => ({
      ...{ seed: no, ...each, journal: baton },
    }));
    const what = { applications: applications.length, parameters: PARAMETERS };
    process.stdout.write(
      `${JSON.stringify({ ...what, seeds: verdicts, changed, report: path })}\n`,
    );
  } else {
    if (results.length > 1) process.stdout.write(`${seedsTable(results)}\n\n`);
    process.stdout.write(`Report: ${path}\n`);
  }
  const unsound = results.some(({ verdicts, baton }) => {
    const { wrongGrades, ratedOnOldScore, failedLoudly } = verdicts.baton;
    return wrongGrades + ratedOnOldScore + failedLoudly + baton.problems > 0;
  });
  // That (a) is wrong is the point; that (c) is would be a bug in Baton.
  if (unsound) process.exitCode = 1;
}

try {
  await main(request());
} catch (error) {
  process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
