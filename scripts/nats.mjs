/**
 * `npm run test:nats`: the tests over NATS. They start a nats-server of their own; where there is none it is installed from the
 * system's packages, if that is possible here, and else they are skipped, so that nobody takes silence for success.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

function run(command, args, stdio = "inherit") {
  return spawnSync(command, args, { cwd: ROOT, stdio }).status;
}

function hasServer() {
  return run("nats-server", ["--version"], "ignore") === 0;
}

function install() {
  if (process.getuid?.() !== 0 || run("apt-get", ["--version"], "ignore") !== 0) return;
  console.error("There is no nats-server: it is installed with apt-get.");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => spawnSync("apt-get", args, { env, stdio: ["ignore", 2, 2] }).status;
  if (apt("install", "-y", "-qq", "nats-server") === 0) return;
  apt("update", "-qq");
  apt("install", "-y", "-qq", "nats-server");
}

if (!hasServer()) install();
if (hasServer()) {
  const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
  const args = ["run", "--config", "test/nats/vitest.config.ts", ...process.argv.slice(2)];
  process.exitCode = run(process.execPath, [vitest, ...args]) ?? 1;
} else {
  console.error(
    "\n!!! SKIPPED: none of the tests over NATS was run, for there is no nats-server here.",
  );
  console.error(
    "!!! Install it (Debian: apt-get install nats-server; others: https://nats.io/download), and run this again.\n",
  );
}
