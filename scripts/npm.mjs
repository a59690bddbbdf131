/**
 * Runs npm so that node-gyp takes Node's headers from beside Node, where they are, and downloads nothing:
 *   node scripts/npm.mjs install <package>
 * npm's own npm_execpath is used if there is one, so that the npm that runs a script also runs in it.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const PREFIX = join(dirname(process.execPath), "..");

/** Whether native packages can be compiled without a download. */
export function hasHeadersBesideNode() {
  return existsSync(join(PREFIX, "include", "node", "node.h"));
}

function environment() {
  const given = process.env.npm_config_nodedir ?? process.env.npm_package_config_node_gyp_nodedir;
  if (given !== undefined || !hasHeadersBesideNode()) {
    return process.env;
  }
  return { ...process.env, npm_package_config_node_gyp_nodedir: PREFIX };
}

/** Runs npm in `cwd` and gives its exit code; its output is shown. */
export function npm(args, cwd) {
  const cli = process.env.npm_execpath;
  const [command, first] = cli?.endsWith(".js") ? [process.execPath, [cli]] : ["npm", []];
  const { status } = spawnSync(command, [...first, ...args], {
    cwd,
    env: environment(),
    stdio: ["ignore", "inherit", "inherit"],
    shell: command === "npm" && process.platform === "win32",
  });
  return status ?? 1;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = npm(process.argv.slice(2), process.cwd());
}
