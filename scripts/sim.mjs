/**
 * `npm run sim`: long simulations of the engine, over the credit decision and workflows made by chance.
 *
 *   npm run sim -- --seeds 100000 --from 1
 *   npm run sim -- --seconds 100            as many as that time has, from a seed that the date gives
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createJiti } from "jiti";

const path = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const { values } = parseArgs({
  options: { seeds: { type: "string" }, from: { type: "string" }, seconds: { type: "string" } },
});
const day = Number(new Date().toISOString().slice(0, 10).replaceAll("-", ""));
const from = Number(values.from ?? day * 1_000_000);
const seconds = Number(values.seconds ?? Number.POSITIVE_INFINITY);
const count = Number(values.seeds ?? (values.seconds === undefined ? 1_000 : 1_000_000));
const FAILURES_MAX = 5;

const jiti = createJiti(import.meta.url, {
  alias: {
    "baton/testing": path("src/testing/testing.ts"),
    "baton/sqlite": path("src/sqlite.ts"),
    baton: path("src/index.ts"),
  },
});
const { simulateSeed } = await jiti.import(path("test/sim/long.ts"));

const started = performance.now();
const elapsed = () => (performance.now() - started) / 1_000;
let done = 0;
let failures = 0;
console.log(`seeds from ${from}`);
while (done < count && failures < FAILURES_MAX && elapsed() < seconds) {
  const broken = await simulateSeed(from + done);
  done += 1;
  if (broken.length > 0) {
    failures += 1;
    console.log(broken.join("\n"));
  }
  if (process.stderr.isTTY && done % 50 === 0)
    process.stderr.write(`\r${done} of ${count} seeds, ${Math.round(done / elapsed())}/s `);
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
console.log(
  `seeds ${from} to ${from + done - 1}: ${failures} broke a promise (${Math.round(elapsed())} s)`,
);
process.exitCode = failures === 0 ? 0 : 1;
