/**
 * `npm run sim`: long simulations of the engine, over the credit decision, workflows and choreographies made by chance, on every core.
 *
 *   npm run sim -- --seeds 100000 --from 1
 *   npm run sim -- --seconds 100            as many as that time has, from a seed that the date gives
 *   npm run sim -- --seeds 1 --from 4711    one seed again
 *   npm run sim -- --only choreographies    of one kind alone: choreographies, workflows or credit
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    from: { type: "string" },
    seconds: { type: "string" },
    threads: { type: "string" },
    only: { type: "string", default: "all" },
  },
});
const day = Number(new Date().toISOString().slice(0, 10).replaceAll("-", ""));
const from = Number(values.from ?? day * 1_000_000);
const seconds = Number(values.seconds ?? Number.POSITIVE_INFINITY);
const count = Number(values.seeds ?? (values.seconds === undefined ? 1_000 : 1_000_000));
const threads = Math.min(count, Number(values.threads ?? availableParallelism()));
const FAILURES_MAX = 5;
/** Seeds that a thread is told at once: few, so that all end together. */
const BATCH = 20;

const started = performance.now();
const elapsed = () => (performance.now() - started) / 1_000;
let told = 0;
let done = 0;
let failures = 0;
console.log(`seeds from ${from}, on ${threads} threads`);

/** What a thread does next; undefined once there is nothing more to do. */
function nextBatch() {
  if (told >= count || failures >= FAILURES_MAX || elapsed() >= seconds) return undefined;
  const batch = { from: from + told, count: Math.min(BATCH, count - told), only: values.only };
  told += batch.count;
  return batch;
}

function take({ broken }) {
  done += 1;
  if (broken.length > 0) {
    failures += 1;
    console.log(broken.join("\n"));
  }
  if (process.stderr.isTTY && done % 50 === 0)
    process.stderr.write(`\r${done} of ${count} seeds, ${Math.round(done / elapsed())}/s `);
}

function thread() {
  const worker = new Worker(new URL("sim-worker.mjs", import.meta.url));
  return new Promise((resolve, reject) => {
    worker.on("message", (message) => {
      if (message.idle !== true) return take(message);
      const batch = nextBatch();
      if (batch !== undefined) return worker.postMessage(batch);
      worker.terminate().then(resolve, reject);
    });
    worker.on("error", reject);
  });
}

await Promise.all(Array.from({ length: threads }, thread));
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
console.log(
  `seeds ${from} to ${from + told - 1}: ${failures} of ${done} broke a promise (${Math.round(elapsed())} s)`,
);
process.exitCode = failures === 0 ? 0 : 1;
