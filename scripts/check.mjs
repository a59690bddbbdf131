/**
 * `npm run check`: format, lint, types, unit tests (the tidy test is one of them), each to its end, so that
 * one run shows everything there is to mend. The first three run beside each other.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BESIDE = [
  ["format", "@biomejs/biome/bin/biome", "format", "."],
  ["lint", "oxlint/bin/oxlint", "--type-aware", "--deny-warnings"],
  ["types", "typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit"],
];

function run([name, bin, ...args]) {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [`node_modules/${bin}`, ...args], { cwd: ROOT });
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.on("close", (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      if (code !== 0) process.stdout.write(Buffer.concat(output));
      console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
      resolve(code === 0);
    });
  });
}

const beside = await Promise.all(BESIDE.map(run));
const tests = await run(["tests", "vitest/vitest.mjs", "run", "--reporter=agent"]);
process.exitCode = [...beside, tests].every(Boolean) ? 0 : 1;
