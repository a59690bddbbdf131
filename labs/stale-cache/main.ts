/**
 * `npm run lab -- stale-cache`: the story told by running code, as a table and as a page.
 *
 *   npm run lab                              seed 1
 *   npm run lab -- --seed 7 --seeds 10       seeds 7 to 16
 *   npm run --silent lab -- --json           one JSON object
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LabRequest, reportPath, runCommand, seedsOf } from "../command.ts";
import { goodApplications } from "./applications.ts";
import { inFolder, runSeed, type SeedResult, whatIf } from "./lab.ts";
import { reportPage } from "./report.ts";
import { PARAMETERS } from "./parameters.ts";
import { seedsTable, seedTable } from "./table.ts";

/** `npm run lab` starts in the folder of this repository. */
const ROOT = process.cwd();

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

async function main(request: LabRequest): Promise<{ readonly sound: boolean }> {
  const { seed: first, json, count } = request;
  const applications = goodApplications(ROOT, count);
  const results: SeedResult[] = [];
  for (const seed of seedsOf(request)) {
    const result = await onDisk((folder) => runSeed(applications, seed, inFolder(folder)));
    results.push(result);
    if (!json) process.stdout.write(`${seedTable(result)}\n\n`);
  }
  const changed = await whatIf(applications, first);
  const path = reportPath("stale-cache");
  writeFileSync(path, reportPage({ results, changed, parameters: PARAMETERS }));
  if (json) {
    const verdicts = results.map(({ seed, verdicts: each, baton }) => ({
      ...{ seed, ...each, journal: baton },
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
  return { sound: !unsound };
}

await runCommand({ name: "applications", usual: 1_000, max: 1_000 }, main);
