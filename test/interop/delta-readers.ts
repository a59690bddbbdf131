/**
 * Real readers of Delta tables, as programs of their own: chdb (ClickHouse with delta-kernel-rs, from npm) and deltalake (delta-rs,
 * from PyPI). They are installed into a folder for caches, since chdb alone has half a gigabyte.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { type Command, installedIn, installFromNpm, installFromPypi } from "./installing.ts";

const CHDB = installedIn("chdb");
const DELTALAKE = installedIn("deltalake");

export function installChdb(): string | undefined {
  return installFromNpm("chdb", ["chdb@3.4.0"]);
}

export function installDeltalake(): string | undefined {
  return installFromPypi("deltalake", ["deltalake==1.6.6", "pyarrow>=20"]);
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
  return rowsIn(out);
}

function rowsIn(out: string): readonly Readonly<Record<string, unknown>>[] {
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

const CHDB_UNITY_PROGRAM = `
import { createRequire } from "node:module";
const { Session } = createRequire(process.argv[1])("chdb");
const [url, token, catalog, sql] = process.argv.slice(2);
const session = new Session();
session.query("SET allow_experimental_database_unity_catalog = 1; CREATE DATABASE uc ENGINE = DataLakeCatalog('" + url +
  "/api/2.1/unity-catalog') SETTINGS catalog_type = 'unity', warehouse = '" + catalog + "', vended_credentials = false, catalog_credential = '" + token + "'");
process.stdout.write(String(session.query(sql, "JSONEachRow")));
session.cleanup();
`;

/** The rows that a query gives of a Unity Catalog's catalog, which is the database `uc` there; `folder` holds its tables. */
export function askChdbThroughUnity(
  folder: string,
  {
    url,
    token,
    catalog,
    sql,
  }: {
    readonly url: string;
    readonly token: string;
    readonly catalog: string;
    readonly sql: string;
  },
): readonly Readonly<Record<string, unknown>>[] {
  const program = ["--input-type=module", "--eval", CHDB_UNITY_PROGRAM];
  const argv = [join(CHDB, "package.json"), url, token, catalog, sql];
  return rowsIn(ran([process.execPath, ...program, ...argv], folder));
}

/** Whatever a Python program prints as JSON; `argv` begins with 1, and deltalake's DeltaTable is there. */
export function askDeltalake(program: string, ...argv: readonly string[]): unknown {
  const head = "import sys, os, json, hashlib\nfrom deltalake import DeltaTable\nargv = sys.argv\n";
  // Arrow's threads may still be there when Python takes itself apart, which then aborts: all has been read by then.
  const tail = "\nsys.stdout.flush()\nos._exit(0)\n";
  return JSON.parse(
    ran([join(DELTALAKE, "venv/bin/python"), "-c", head + program + tail, ...argv], DELTALAKE),
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
