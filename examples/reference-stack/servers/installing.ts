/**
 * Installs real software for the suite, once for a machine: into a folder of the user's caches, since most of it has hundreds of
 * megabytes. `BATON_INTEROP_CACHE` names another one.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const CACHE =
  process.env["BATON_INTEROP_CACHE"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "baton/interop");
const INSTALL_MS = 900_000;

export type Command = readonly [string, ...(readonly string[])];

/** Where something is installed, whether it is yet or not. */
export function installedIn(name: string): string {
  return join(CACHE, name);
}

/**
 * Installs it, unless exactly that is there. Where it can't be, says so for everybody to see, and gives why: the tests that need it
 * are skipped then.
 *
 * @param files what the steps find in the folder, by name.
 */
export function install(
  name: string,
  packages: readonly string[],
  steps: readonly Command[],
  files: Readonly<Record<string, string>> = {},
): string | undefined {
  const folder = installedIn(name);
  const done = join(folder, "installed");
  const what = packages.join("\n");
  if (existsSync(done) && readFileSync(done, "utf8") === what) return undefined;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  for (const [command, ...args] of steps) {
    const { status, stderr, error } = spawnSync(command, args, {
      cwd: folder,
      timeout: INSTALL_MS,
    });
    if (status !== 0) {
      const why = `${command} ${args.join(" ")}: ${error?.message ?? String(stderr).slice(-500)}`;
      console.warn(
        `\n!!! SKIPPED: ${name} (${packages.join(", ")}) can't be installed here: ${why}\n`,
      );
      return why;
    }
  }
  writeFileSync(done, what);
  return undefined;
}

/** Packages of PyPI, in an environment of their own: its programs are in `venv/bin`. */
export function installFromPypi(name: string, packages: readonly string[]): string | undefined {
  return install(name, packages, [
    ["python3", "-m", "venv", "venv"],
    [join(installedIn(name), "venv/bin/pip"), "install", "--quiet", ...packages],
  ]);
}

/** Packages of npm that are too large to be installed by everybody. */
export function installFromNpm(name: string, packages: readonly string[]): string | undefined {
  return install(name, packages, [
    ["npm", "init", "--yes"],
    ["npm", "install", "--no-audit", "--no-fund", ...packages],
  ]);
}
