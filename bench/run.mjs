/**
 * `npm run bench`: builds dist/ and the benches, then measures. The benches import `baton` as users do, which leads to dist/:
 * what is measured is the built package. All that is said on the way goes to stderr, so that stdout is the result alone.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

function run(args, stdout) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: ["ignore", stdout, 2],
  });
  return status ?? 1;
}

const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
const main = join(ROOT, ".cache", "bench", "main.js");
const prepared =
  run([join(ROOT, "scripts", "prepare.mjs")], 2) || run([tsc, "-p", "tsconfig.bench.json"], 2);
process.exitCode = prepared || run([main, ...process.argv.slice(2)], 1);
