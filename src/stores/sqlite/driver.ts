/**
 * The way to better-sqlite3: loading it only when it is asked for, and turning its errors into Baton's.
 */
import type DatabaseConstructor from "better-sqlite3";
import { BatonError, type ErrorCode, isBatonError } from "../../model/errors.ts";

export type Driver = typeof DatabaseConstructor;
export type Database = DatabaseConstructor.Database;

/**
 * Loads better-sqlite3, an optional peer dependency with a native part.
 * @throws BatonError `DEPENDENCY_MISSING` if it, or its native part, is not installed.
 */
export async function loadDriver(
  load: () => Promise<{ readonly default: Driver }> = () => import("better-sqlite3"),
): Promise<Driver> {
  try {
    const { default: driver } = await load();
    // The native part is loaded with the first database, so that is when one learns that it is missing.
    new driver(":memory:").close();
    return driver;
  } catch (cause) {
    throw new BatonError(
      "DEPENDENCY_MISSING",
      "The SQLite store needs the package better-sqlite3.",
      {
        hint: "Install it: npm install better-sqlite3",
        details: { package: "better-sqlite3" },
        cause,
      },
    );
  }
}

/** What SQLite said, as one of its codes such as `SQLITE_BUSY`; empty for any other error. */
export function sqliteCode(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  return String(error.code);
}

const CODES: readonly (readonly [prefix: string, code: ErrorCode])[] = [
  ["SQLITE_NOTADB", "STORE_CORRUPT"],
  ["SQLITE_CORRUPT", "STORE_CORRUPT"],
  ["SQLITE_READONLY", "STORE_READ_ONLY"],
  ["SQLITE_BUSY", "STORE_IN_USE"],
];

/** `error` as a Baton error that says what could not be done: `STORE_FAILED` unless SQLite's code says more. */
export function storeError(error: unknown, what: string): BatonError {
  if (isBatonError(error)) return error;
  const found = sqliteCode(error);
  const code = CODES.find(([prefix]) => found.startsWith(prefix))?.[1] ?? "STORE_FAILED";
  const why = error instanceof Error ? error.message : String(error);
  return new BatonError(code, `${what}: ${why}.`, { details: { sqlite: found }, cause: error });
}
