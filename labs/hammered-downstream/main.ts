/** `npm run lab -- hammered-downstream`: an outage with retries alone and with a breaker, as a table and as a page. */
import { writeFileSync } from "node:fs";
import { type LabRequest, reportPath, runCommand, seedsOf } from "../command.ts";
import { runSeed, type SeedResult, whatIf } from "./lab.ts";
import { isSound } from "./outcome.ts";
import { PARAMETERS } from "./parameters.ts";
import { reportPage } from "./report.ts";
import { seedsTable, seedTable } from "./table.ts";

async function main(request: LabRequest): Promise<{ readonly sound: boolean }> {
  const { seed: first, json, count: runs } = request;
  const results: SeedResult[] = [];
  for (const seed of seedsOf(request)) {
    const result = await runSeed(runs, seed);
    results.push(result);
    if (!json) process.stdout.write(`${seedTable(result)}\n\n`);
  }
  const changed = await whatIf(runs, first);
  const path = reportPath("hammered-downstream");
  writeFileSync(path, reportPage({ results, changed, parameters: PARAMETERS }));
  if (json) {
    const seeds = results.map(({ seed, verdicts, killed, hiccup, journal }) => ({
      ...{ seed, ...verdicts, killed, hiccup, journal },
    }));
    process.stdout.write(
      `${JSON.stringify({ runs, parameters: PARAMETERS, seeds, changed, report: path })}\n`,
    );
  } else {
    if (results.length > 1) process.stdout.write(`${seedsTable(results)}\n\n`);
    process.stdout.write(`Report: ${path}\n`);
  }
  // That (a) hammers is the point; that the breaker lets it happen would be a bug in Baton.
  const sound = results.every(
    ({ verdicts: { wait, fallback }, journal }) =>
      [wait, fallback].every((verdict) => isSound(verdict, PARAMETERS)) &&
      journal.problems + journal.unmarked === 0,
  );
  return { sound };
}

await runCommand({ name: "runs", usual: 1_000, max: 1_000 }, main);
