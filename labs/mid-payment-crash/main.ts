/** `npm run lab -- mid-payment-crash`: a crash between the steps of an order, with and without saga, as a table and as a page. */
import { writeFileSync } from "node:fs";
import { type LabRequest, reportPath, runCommand, seedsOf } from "../command.ts";
import { isSound, runSeed, type SeedResult } from "./lab.ts";
import { PARAMETERS } from "./parameters.ts";
import { reportPage } from "./report.ts";
import { seedsTable, seedTable } from "./table.ts";

async function main(request: LabRequest): Promise<{ readonly sound: boolean }> {
  const { json, count: repeats } = request;
  const results: SeedResult[] = [];
  for (const seed of seedsOf(request)) {
    const result = await runSeed(repeats, seed);
    results.push(result);
    if (!json) process.stdout.write(`${seedTable(result)}\n\n`);
  }
  const path = reportPath("mid-payment-crash");
  writeFileSync(path, reportPage({ results, parameters: PARAMETERS }));
  if (json) {
    const seeds = results.map(({ seed, verdicts, withoutKeys, journal }) => ({
      ...{ seed, ...verdicts, withoutKeys, journal },
    }));
    process.stdout.write(
      `${JSON.stringify({ repeats, parameters: PARAMETERS, seeds, report: path })}\n`,
    );
  } else {
    if (results.length > 1) process.stdout.write(`${seedsTable(results)}\n\n`);
    process.stdout.write(`Report: ${path}\n`);
  }
  // That (a) and (b) leave halves behind is the point; that (c) does so without a word would be a bug in Baton.
  return { sound: results.every(isSound) };
}

await runCommand({ name: "repeats", usual: 3, max: 100 }, main);
