/**
 * Adds up vitest's JSON reports: names each test that failed, with what it said, and prints one last line, "<n> passed, <m> failed".
 *   node .ci/count.mjs <number of failed checks> <report.json>...
 * A check that failed without a failing test (lint, say, or a report that is missing) counts as one failure.
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

const LINES_MAX = 12;
const COLUMNS_MAX = 400;

/** What a reader of the last lines alone needs to know. */
function tell(file, test, message = "") {
  console.log(`FAILED TEST: ${relative(process.cwd(), file)} ${test}`);
  const lines = stripVTControlCharacters(message).split("\n").slice(0, LINES_MAX);
  for (const line of lines) console.log(`  | ${line.slice(0, COLUMNS_MAX)}`);
}

const [, , failedChecks, ...reports] = process.argv;
let passed = 0;
let failed = 0;
let counted = 0;
for (const path of reports) {
  try {
    const report = JSON.parse(readFileSync(path, "utf8"));
    passed += report.numPassedTests;
    failed += report.numFailedTests;
    if (report.numFailedTests > 0) counted += 1;
    for (const { name, message, assertionResults } of report.testResults ?? []) {
      const broken = assertionResults.filter(({ status }) => status === "failed");
      for (const { fullName, failureMessages } of broken) tell(name, fullName, failureMessages[0]);
      // A file that could not be loaded, or whose hook failed, may have no failing test.
      if (message && broken.length === 0) tell(name, "", message);
    }
  } catch {
    failed += 1;
    counted += 1;
  }
}
console.log(`${passed} passed, ${failed + Math.max(0, Number(failedChecks) - counted)} failed`);
