/**
 * `npm run lab`: compiles the labs, then runs one. The labs import `baton` as users do, which leads to dist/. All that is said
 * on the way goes to stderr, so that stdout is the result alone.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The labs, each a folder beside this file; the first is run where none is named. */
const LABS = [
  ["stale-cache", "wrong ratings from a cache that missed an invalidation (--applications <n>)"],
  ["hammered-downstream", "an outage with retries alone, and with a breaker (--runs <n>)"],
  [
    "mid-payment-crash",
    "a crash between the steps of an order, with and without saga (--repeats <n>)",
  ],
];

const HELP = `Usage: npm run lab -- [lab] [--seed <n>] [--seeds <n>] [--json]

${LABS.map(([name, line], index) => `  ${name.padEnd(21)}${line}${index === 0 ? "; the one without a name" : ""}`).join("\n")}

Each prints a table and writes labs/<lab>/report.html. It ends with 1 if Baton did not keep what the lab
claims, with 2 if the request was wrong.
`;

function run(args, stdout) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: ["ignore", stdout, 2],
  });
  return status ?? 1;
}

function runLab(name, options) {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const main = join(ROOT, ".cache", "labs", "labs", name, "main.js");
  return run([tsc, "-p", "tsconfig.labs.json"], 2) || run([main, ...options], 1);
}

const given = process.argv.slice(2);
const named = given[0] !== undefined && !given[0].startsWith("-");
const name = named ? given[0] : LABS[0][0];
if (given.includes("--help") || given.includes("-h")) {
  process.stdout.write(HELP);
} else if (!LABS.some(([known]) => known === name)) {
  process.stderr.write(`lab: there is no lab "${name}".\n\n${HELP}`);
  process.exitCode = 2;
} else {
  process.exitCode = runLab(name, named ? given.slice(1) : given);
}
