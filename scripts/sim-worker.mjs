/** One thread of scripts/sim.mjs: simulates the seeds that it is told, and says what broke. */
import { fileURLToPath } from "node:url";
import { parentPort } from "node:worker_threads";
import { createJiti } from "jiti";

const path = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const jiti = createJiti(import.meta.url, {
  alias: {
    "baton/testing": path("src/testing/testing.ts"),
    "baton/sqlite": path("src/sqlite.ts"),
    baton: path("src/index.ts"),
  },
});
const { simulateSeed } = await jiti.import(path("test/sim/long.ts"));

parentPort.on("message", async ({ from, count, only }) => {
  for (let seed = from; seed < from + count; seed += 1)
    parentPort.postMessage({ broken: await simulateSeed(seed, only) });
  parentPort.postMessage({ idle: true });
});
parentPort.postMessage({ idle: true });
