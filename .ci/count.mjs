/**
 * Adds up vitest's JSON reports and prints one line, "<n> passed, <m> failed".
 *   node .ci/count.mjs <number of failed checks> <report.json>...
 * A check that failed without a failing test (lint, say, or a report that is missing) counts as one failure.
 */
import { readFileSync } from "node:fs";

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
  } catch {
    failed += 1;
    counted += 1;
  }
}
console.log(`${passed} passed, ${failed + Math.max(0, Number(failedChecks) - counted)} failed`);
