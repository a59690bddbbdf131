/**
 * Real readers of Delta tables, as programs of their own: chdb (ClickHouse with delta-kernel-rs, from npm) and deltalake (delta-rs,
 * from PyPI). They are installed into a folder for caches, since chdb alone has half a gigabyte.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const CACHE = fileURLToPath(new URL("../../.cache/interop", import.meta.url));
const CHDB = join(CACHE, "chdb");
const DELTALAKE = join(CACHE, "deltalake");
/** What was tested. */
const CHDB_PACKAGE = "chdb@3.4.0";
const DELTALAKE_PACKAGES = ["deltalake==1.6.6", "pyarrow>=20"];
const INSTALL_MS = 600_000;

export type Command = readonly [string, ...(readonly string[])];

/** Installs it unless it is there; gives why it can't be. */
export function install(
  folder: string,
  what: string,
  steps: readonly Command[],
): string | undefined {
  const done = join(folder, "installed");
  if (existsSync(done)) return undefined;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [command, ...args] of steps) {
    const { status, stderr, error } = spawnSync(command, args, {
      cwd: folder,
      timeout: INSTALL_MS,
    });
    if (status !== 0)
      return `${command} ${args.join(" ")}: ${error?.message ?? String(stderr).slice(-500)}`;
  }
  writeFileSync(done, what);
  return undefined;
}

export function installChdb(): string | undefined {
  return install(CHDB, CHDB_PACKAGE, [
    ["npm", "init", "--yes"],
    ["npm", "install", "--no-audit", "--no-fund", CHDB_PACKAGE],
  ]);
}

export function installDeltalake(): string | undefined {
  return install(DELTALAKE, DELTALAKE_PACKAGES.join(" "), [
    ["python3", "-m", "venv", "venv"],
    [join(DELTALAKE, "venv/bin/pip"), "install", "--quiet", ...DELTALAKE_PACKAGES],
  ]);
}

const CHDB_PROGRAM = `
import { createRequire } from "node:module";
const { query } = createRequire(process.argv[1])("chdb");
process.stdout.write(String(query(process.argv[2], "JSONEachRow")));
`;

/** The rows that a query gives; `table` stands for the table at `path`. */
export function askChdb(
  path: string,
  sql: string,
  version?: number,
): readonly Readonly<Record<string, unknown>>[] {
  const at = version === undefined ? "" : ` SETTINGS delta_lake_snapshot_version = ${version}`;
  const table = `deltaLakeLocal('${path}')`;
  const out = ran(
    [
      process.execPath,
      "--input-type=module",
      "--eval",
      CHDB_PROGRAM,
      join(CHDB, "package.json"),
      `${sql.replace("TABLE", table)}${at}`,
    ],
    // It reads nothing outside of the folder that it is in.
    dirname(path),
  );
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** Whatever a Python program prints as JSON; `argv` begins with 1, and deltalake's DeltaTable is there. */
export function askDeltalake(program: string, ...argv: readonly string[]): unknown {
  const head = "import sys, json, hashlib\nfrom deltalake import DeltaTable\nargv = sys.argv\n";
  return JSON.parse(
    ran([join(DELTALAKE, "venv/bin/python"), "-c", head + program, ...argv], CACHE),
  );
}

function ran([command, ...args]: Command, cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`${command}: ${stderr.slice(-2_000)}`);
  return stdout;
}
