/**
 * The lease of a SQLite store: who may write.
 *
 * Owns: the lease row and the lock file. Does not own: when to renew or to take over, which the caller decides.
 * The row has the epoch, which every append is checked against. The lock is an operating system's lock, held on a file beside
 * the database for as long as the holder's process lives: the system frees it on any death, so whoever can lock the file that
 * the row names knows that the holder is gone. A holder that hangs keeps its lock; who takes over from it locks another
 * file, named for the new epoch, and writes that name into the row.
 *
 * States: free (no holder) -acquire-> held; held -release, close-> free; held -the holder's death, acquire-> held by the next;
 * held -acquire with takeOver-> held by the next.
 * Invariants: 1. The epoch only grows. 2. One process at most has locked the file that the row names.
 */
import { BatonError } from "../../model/errors.ts";
import type { Lease, LeaseResult } from "../../ports/journal-store.ts";
import type { CurrentLease } from "../group-commit.ts";
import { type Database, type Driver, sqliteCode, storeError } from "./driver.ts";

interface LeaseRow {
  readonly epoch: number;
  readonly holder: string | null;
  readonly heartbeat: number;
  readonly lock_file: string;
}

export interface SqliteLease {
  /** To be called inside the inserting transaction. */
  current(): CurrentLease;
  acquire(holder: string, takeOver?: Lease): LeaseResult;
  /** Who has it, by the row. */
  holder(): Lease | undefined;
  renew(epoch: number): boolean;
  release(epoch: number): void;
  /** Releases what this process holds. */
  close(): void;
}

/** The lease of the store in `file`. */
export function sqliteLease(driver: Driver, database: Database, file: string): SqliteLease {
  const { select, take, beat, free } = leaseStatements(database);
  let own: { readonly epoch: number; readonly lock: Database } | undefined;

  function row(): LeaseRow {
    const found = select.get();
    if (found === undefined)
      throw new BatonError("STORE_CORRUPT", `${file} has lost its lease row.`);
    return found;
  }

  function dropLock(): void {
    own?.lock.close();
    own = undefined;
  }

  const acquire = database.transaction((holder: string, takeOver?: Lease): LeaseResult => {
    const found = row();
    const epoch = found.epoch + 1;
    const watched = takeOver?.epoch === found.epoch && takeOver.heartbeat === found.heartbeat;
    let lockFile = found.lock_file;
    let lock = lockAt(driver, file + LOCK + lockFile);
    if (lock === undefined) {
      const held = holderOf(found);
      if (held !== undefined && !watched) return { kind: "held", lease: held };
      lockFile = `-${epoch}`;
      lock = lockAt(driver, file + LOCK + lockFile);
      if (lock === undefined)
        throw new BatonError("STORE_IN_USE", `${file}${LOCK}${lockFile} is locked.`);
    }
    own = { epoch, lock };
    take.run(epoch, holder, lockFile);
    const abandoned = found.holder === null ? {} : { abandoned: true as const };
    return { kind: "acquired", epoch, ...abandoned };
  });

  return {
    current() {
      const { epoch, holder } = row();
      return { epoch, held: holder !== null };
    },
    acquire(holder, takeOver) {
      if (own !== undefined && own.epoch !== row().epoch) dropLock();
      const before = own;
      try {
        return acquire.immediate(holder, takeOver);
      } catch (error) {
        if (own !== before) dropLock();
        throw error;
      }
    },
    holder: () => holderOf(row()),
    renew(epoch) {
      const renewed = beat.run(epoch).changes === 1;
      if (!renewed && own?.epoch === epoch) dropLock();
      return renewed;
    },
    release(epoch) {
      free.run(epoch);
      if (own?.epoch === epoch) dropLock();
    },
    close() {
      if (own === undefined) return;
      try {
        free.run(own.epoch);
      } finally {
        dropLock();
      }
    },
  };
}

function holderOf({ epoch, holder, heartbeat }: LeaseRow): Lease | undefined {
  return holder === null ? undefined : { epoch, holder, heartbeat };
}

function leaseStatements(database: Database) {
  const select = database.prepare<[], LeaseRow>(
    "SELECT epoch, holder, heartbeat, lock_file FROM lease WHERE id = 1",
  );
  const take = database.prepare<[number, string, string]>(
    "UPDATE lease SET epoch = ?, holder = ?, heartbeat = 0, lock_file = ? WHERE id = 1",
  );
  const beat = database.prepare<[number]>(
    "UPDATE lease SET heartbeat = heartbeat + 1 WHERE epoch = ? AND holder IS NOT NULL",
  );
  const free = database.prepare<[number]>("UPDATE lease SET holder = NULL WHERE epoch = ?");
  return { select, take, beat, free };
}

const LOCK = ".lock";

/**
 * Locks a file for the life of what is returned, or gives undefined if it is locked. An open exclusive transaction of SQLite is
 * the lock: Node itself has none. The file stays empty, and is never removed, because removing lock files is a race.
 */
function lockAt(driver: Driver, path: string): Database | undefined {
  const lock = new driver(path, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (sqliteCode(error).startsWith("SQLITE_BUSY")) return undefined;
    throw storeError(error, `Could not lock ${path}`);
  }
}
