/**
 * The store in a SQLite file: durable, one writing process, any number of reading ones.
 *
 * Owns: the connection, its settings, opening and closing. Does not own: what is written (group-commit), who may write (lease).
 * Fails: see {@link StoreFactory}; an append that fails keeps nothing, and the store works on.
 * Invariants: 1. A connection for reading never writes. 2. A closed store holds no lease.
 */
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { BatonError } from "../../model/errors.ts";
import type { JournalStore, StoreFactory } from "../../ports/journal-store.ts";
import { appendQueue } from "../append-queue.ts";
import { READ_DEFAULT } from "../page.ts";
import { wallClockMs } from "../wall-clock.ts";
import { type Database, type Driver, loadDriver, sqliteCode, storeError } from "./driver.ts";
import { sqliteLease } from "./lease.ts";
import { migrate } from "./migrate.ts";
import { checkPlace } from "./place.ts";
import { sqliteReader } from "./read.ts";
import { groupWriter } from "./write.ts";

export interface SqliteOptions {
  /**
   * What a committed step survives. `power-loss`, the default: each commit is on the disk before it counts. `process-crash`:
   * faster, but the last commits before a loss of power may be gone (whole ones, from the end; the file stays sound).
   */
  readonly durability?: "power-loss" | "process-crash";
  /** Opens for reading only, whatever the mode that is asked for. */
  readonly readOnly?: boolean;
  /** The file grows no larger than this; an append that would need more fails as on a full disk. No limit by default. */
  readonly fileBytesMax?: number;
  /** Wall clock in integer milliseconds, for the time of commits. */
  readonly now?: () => number;
}

/** Another process may hold the write lock for the moment of taking the lease over, not longer. */
const BUSY_TIMEOUT_MS = 5_000;

/** How large the write-ahead log grows before it is folded into the file: 16 MB, so that hot pages are folded once, not each time. */
const CHECKPOINT_PAGES = 4_000;

/** A store in the file at `path`, which is created if it is not there (unless opened for reading only). */
export function sqlite(path: string, options: SqliteOptions = {}): StoreFactory {
  return async (mode) => {
    const readOnly = mode.readOnly || options.readOnly === true;
    const driver = await loadDriver();
    await checkPlace(path, readOnly);
    const database = connect(driver, path, options, readOnly);
    try {
      const store = openStore(driver, database, options.now ?? mode.now ?? wallClockMs, readOnly);
      return { ...store, inThread: { module: import.meta.url, options: resolve(path) } };
    } catch (error) {
      database.close();
      throw openingError(error, path);
    }
  };
}

/** The store of this process in another of its threads, to read. */
export function inThread(path: string): StoreFactory {
  return sqlite(path, { readOnly: true });
}

function connect(
  driver: Driver,
  path: string,
  options: SqliteOptions,
  readOnly: boolean,
): Database {
  let database: Database | undefined;
  try {
    database = new driver(path, {
      readonly: readOnly,
      fileMustExist: readOnly,
      timeout: BUSY_TIMEOUT_MS,
    });
    migrate(database, path, readOnly);
    if (!readOnly) {
      database.pragma("journal_mode = WAL");
      database.pragma(
        `synchronous = ${options.durability === "process-crash" ? "NORMAL" : "FULL"}`,
      );
      database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      limitSize(database, options.fileBytesMax);
    }
    return database;
  } catch (error) {
    database?.close();
    throw openingError(error, path);
  }
}

/** SQLite's code for a mistake in a statement: the statements are right, so it is the schema that they are prepared against. */
function openingError(error: unknown, path: string): BatonError {
  const said = storeError(error, `Could not open ${path}`);
  if (sqliteCode(error) !== "SQLITE_ERROR") return said;
  return new BatonError("STORE_CORRUPT", said.message, { details: said.details, cause: error });
}

function limitSize(database: Database, bytesMax: number | undefined): void {
  if (bytesMax === undefined) return;
  const pageBytes = Number(database.pragma("page_size", { simple: true }));
  database.pragma(`max_page_count = ${Math.max(1, Math.floor(bytesMax / pageBytes))}`);
}

function openStore(
  driver: Driver,
  database: Database,
  now: () => number,
  readOnly: boolean,
): JournalStore {
  const label = `sqlite:${database.name}`;
  const reader = sqliteReader(database);
  // The lock lies beside the file itself, by whatever link or from whatever folder it is named.
  const lease = sqliteLease(driver, database, realpathSync(database.name));
  const writer = groupWriter(database, lease, now);
  const queue = appendQueue(writer.commit);
  let closing: Promise<void> | undefined;

  function guarded<X>(what: string, act: () => X): X {
    if (closing !== undefined) throw new BatonError("STORE_CLOSED", `${label} was closed.`);
    try {
      return act();
    } catch (error) {
      throw storeError(error, `Could not ${what} ${label}`);
    }
  }
  /** SQLite lets no row in that has not the types that its table asks for: one that can't be decoded was damaged. */
  function reading<X>(act: () => X): X {
    return guarded("read", () => {
      try {
        return act();
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
        throw new BatonError("STORE_CORRUPT", `${label} has a row that can't be read.`, {
          cause: error,
        });
      }
    });
  }
  function writing<X>(what: string, act: () => X): X {
    if (readOnly) throw new BatonError("STORE_READ_ONLY", `${label} was opened for reading only.`);
    return guarded(what, act);
  }

  return {
    label,
    append: async (request) => writing("append to", () => queue.append(request)),
    read: async (stream, fromSeq, limit = READ_DEFAULT) =>
      reading(() => reader.read(stream, fromSeq, limit)),
    head: async (stream) => reading(() => reader.head(stream)),
    heads: async (filter) => reading(() => reader.heads(filter)),
    commits: async (after, limit) => reading(() => reader.commits(after, limit)),
    arrivals: async (after, limit) => reading(() => reader.arrivals(after, limit)),
    labelled: async (namespace, label, after, limit) =>
      reading(() => reader.labelled(namespace, label, after, limit)),
    arrived: async (stream, seq) => reading(() => reader.arrived(stream, seq)),
    labels: async (namespace) => reading(() => reader.labels(namespace)),
    blob: async (sha256) => reading(() => reader.blob(sha256)),
    blobs: async (after, limit) => reading(() => reader.blobs(after, limit)),
    acquire: async (holder, takeOver) =>
      writing("take the lease of", () => {
        writer.forget();
        return lease.acquire(holder, takeOver);
      }),
    lease: async () => reading(() => lease.holder()),
    renew: async (epoch) => writing("renew the lease of", () => lease.renew(epoch)),
    release: async (epoch) => writing("release the lease of", () => lease.release(epoch)),
    close() {
      closing ??= queue.drained().then(() => {
        closeDatabase(database, lease, readOnly);
      });
      return closing;
    },
  };
}

/**
 * Closes, whatever the disk says: if the lease cannot be written free, its lock is freed and says the same; if the log cannot
 * be folded into the file, it stays beside it, and nothing is lost.
 */
function closeDatabase(database: Database, lease: { close(): void }, readOnly: boolean): void {
  if (!readOnly) {
    attempt(() => lease.close());
    attempt(() => {
      // A reader in another process may be in the middle of a page. Waiting for it is not worth it.
      database.pragma("busy_timeout = 100");
      database.pragma("wal_checkpoint(TRUNCATE)");
    });
  }
  database.close();
}

function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    // Only SQLite may fail here; anything else is our own mistake.
    if (sqliteCode(error) === "") throw error;
  }
}
