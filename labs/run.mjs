/**
 * `npm run lab`: compiles the labs, then runs one. The labs import `baton` as users do, which leads to dist/. All that is said
 * on the way goes to stderr, so that stdout is the result alone.
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
const main = join(ROOT, ".cache", "labs", "labs", "stale-cache", "main.js");
process.exitCode =
  run([tsc, "-p", "tsconfig.labs.json"], 2) || run([main, ...process.argv.slice(2)], 1);
