/**
 * The sink: the journal, in the order of arrival, as rows of Delta tables. A projection that may stop anywhere and be begun again,
 * in this process or another; how far it is stands in the tables alone.
 *
 * S1. Each table has each row once, whatever number of sinks write to it, and wherever they are killed.
 * S2. The journal is only read: a sink takes no lease, and the engine does not know of it.
 * S3. A table never ends within a commit of the journal.
 * S4. Tables that have commits which the store has not (any more) are not gone on with.
 */
import { BatonError, isBatonError } from "../../model/errors.ts";
import { durationMs, type Duration } from "../../model/duration.ts";
import type { JournalStore, StoreFactory } from "../../ports/journal-store.ts";
import { type BatchLimits, readBatch } from "./batch.ts";
import { type DeltaClock, machineClock } from "./delta-clock.ts";
import { checkHead } from "./journal-head.ts";
import type { DeltaStorage } from "./storage.ts";
import { type StreamBook, streamBook } from "./stream-facts.ts";
import { type Cursor, tableWriter, type TableWriter } from "./table.ts";
import { type JournalTable, TABLES } from "./tables.ts";

export interface DeltaSinkOptions {
  /** The store whose journal is written: it is opened for reading only, beside the process that writes to it. */
  readonly store: StoreFactory;
  /** Where the tables are: `deltaFolder("lake")`, or `deltaBucket({...})`. */
  readonly to: DeltaStorage;
  /** When a file is full: 50,000 entries, or 32 MB of text, if left out. */
  readonly batch?: Partial<BatchLimits>;
  /** How long a sink that follows waits before it looks again: the longest that a table is behind, and so what makes small files. 30 seconds if left out. */
  readonly every?: Duration;
  /** Called after each batch. */
  readonly progress?: (progress: DeltaProgress) => void;
  /**
   * Called when a checkpoint of a table's log could not be written (a bucket that lets nothing be replaced, say). The rows are there
   * all the same, and another one is tried some commits later; without any, the table takes longer to be read and opened.
   */
  readonly checkpointFailed?: (error: BatonError) => void;
}

export interface DeltaProgress {
  /** Entries that this sink has brought to the tables so far. */
  readonly entries: number;
  /** How far all tables are, in the order of arrival. */
  readonly position: number;
  readonly commitNo: number;
}

export interface DeltaFollowOptions {
  /** Ends the following, after the batch that is under way. */
  readonly signal?: AbortSignal;
  /** Told when the storage or the store fails; the sink tries again, each time after a longer pause. */
  readonly failed?: (error: BatonError, retryMs: number) => void;
}

export interface DeltaSink {
  /**
   * Brings the tables to where the journal is now: from its beginning, or from where they are. Of several calls at the same time
   * each begins when the one before it has ended.
   * @throws BatonError `TABLE_FAILED`, `TABLE_CORRUPT`, `TABLE_UNSUITABLE`, `JOURNAL_BROKEN`, `ENTRY_UNKNOWN`, `DEPENDENCY_MISSING`;
   *   what the store throws. Whatever it was, nothing is in a table twice.
   */
  drain(options?: { readonly signal?: AbortSignal }): Promise<DeltaProgress>;
  /** Goes on with it until `signal` is aborted. @throws as `drain`, but for `TABLE_FAILED` and `STORE_FAILED`, after which it tries again */
  follow(options: DeltaFollowOptions): Promise<DeltaProgress>;
  /** Closes the store. */
  close(): Promise<void>;
}

export const DEFAULT_BATCH: BatchLimits = { rowsMax: 50_000, bytesMax: 32 * 1024 * 1024 };

/** A table that has no rows for so many commits is told how far it is all the same, so that they are not all read again. */
const CURSOR_LAG_MAX = 5_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/**
 * Opens a sink. Several may be open on the same tables, also in other processes.
 * @throws BatonError `ARGUMENT_INVALID`; what opening the store throws
 */
export async function deltaSink(options: DeltaSinkOptions): Promise<DeltaSink> {
  return await sinkOver(options, TABLES, { clock: machineClock, cursorLagMax: CURSOR_LAG_MAX });
}

/** What tests set. */
export interface SinkParts {
  readonly clock: DeltaClock;
  readonly cursorLagMax: number;
}

/** The same with other tables, and other parts. */
export async function sinkOver(
  options: DeltaSinkOptions,
  tables: readonly JournalTable[],
  { clock, cursorLagMax }: SinkParts,
): Promise<DeltaSink> {
  const limits = limitsOf(options.batch ?? {});
  const everyMs = durationMs(options.every ?? "30s");
  const store = await options.store({ readOnly: true });
  const book = streamBook(store);
  const opened: Writing[] = [];
  let entries = 0;

  /** Undefined while the journal is empty: then there is nothing yet that says which store it is. */
  async function writers(): Promise<readonly Writing[] | undefined> {
    const identity = await storeIdentity(store);
    if (identity === undefined) return undefined;
    // Those that were opened before a failure stay so.
    for (const table of tables.slice(opened.length)) {
      const writer = tableWriter({
        storage: options.to,
        definition: table,
        store: identity,
        clock,
        checkpointFailed: options.checkpointFailed,
      });
      await writer.open();
      opened.push({ table, writer, written: writer.cursor() });
    }
    // Not only at first: a sink on another copy of the store may have brought a table further.
    for (const { writer } of opened) await checkHead(store, writer.cursor().head, writer.where);
    return opened;
  }

  // Two with the same writers would each take what the other has just committed for what they have looked at.
  const drain = oneAtATime(async (signal: AbortSignal | undefined): Promise<DeltaProgress> => {
    const writing = await writers();
    for (;;) {
      const from = furthestBack(writing ?? []);
      const progress = { entries, position: Math.max(from.position, 0), commitNo: from.commitNo };
      if (writing === undefined || signal?.aborted === true) return progress;
      const wrote = await writeBatch({ store, book, limits, cursorLagMax }, writing, from);
      if (wrote === undefined) return progress;
      entries += wrote.entries;
      const now = furthestBack(writing);
      options.progress?.({ entries, position: now.position, commitNo: now.commitNo });
    }
  });

  return {
    drain: ({ signal } = {}) => drain(signal),
    async follow({ signal, failed }) {
      let retryMs = RETRY_FIRST_MS;
      for (;;) {
        let pauseMs = everyMs;
        try {
          const progress = await drain(signal);
          if (signal?.aborted === true) return progress;
          retryMs = RETRY_FIRST_MS;
        } catch (error) {
          if (!isBatonError(error) || !PASSING.has(error.code)) throw error;
          failed?.(error, retryMs);
          pauseMs = retryMs;
          retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
        }
        await clock.pause(pauseMs, signal);
        if (signal?.aborted === true) {
          const { position, commitNo } = furthestBack(opened);
          return { entries, position: Math.max(position, 0), commitNo };
        }
      }
    },
    close: () => store.close(),
  };
}

/** Each call begins when the one before it has ended, however it did. */
function oneAtATime<X, Y>(work: (given: X) => Promise<Y>): (given: X) => Promise<Y> {
  let last: Promise<unknown> = Promise.resolve();
  return (given) => {
    const next = last.then(() => work(given));
    last = next.catch(() => undefined);
    return next;
  };
}

/** What may be over by itself: the network, a disk that is full. */
const PASSING: ReadonlySet<string> = new Set(["TABLE_FAILED", "STORE_FAILED"]);

interface Writing {
  readonly table: JournalTable;
  readonly writer: TableWriter;
  /** How far the table itself says that it is. */
  written: Cursor;
}

interface Reading {
  readonly store: JournalStore;
  readonly book: StreamBook;
  readonly limits: BatchLimits;
  readonly cursorLagMax: number;
}

async function writeBatch(
  { store, book, limits, cursorLagMax }: Reading,
  writing: readonly Writing[],
  from: Cursor,
): Promise<{ readonly entries: number } | undefined> {
  const batch = await readBatch({ store, book }, from, limits);
  if (batch === undefined) return undefined;
  // What one table lacks another may have: only what none has is new.
  const before = Math.max(...writing.map(({ writer }) => writer.cursor().position));
  for (const each of writing) {
    const lag = batch.until.commitNo - each.written.commitNo;
    const always = lag >= cursorLagMax;
    const rows = each.table.rows(batch);
    await each.writer.append(rows, batch.until, always);
    if (rows.length > 0 || always) each.written = each.writer.cursor();
  }
  return { entries: batch.entries.filter(({ arrived }) => arrived.position > before).length };
}

function furthestBack(writing: readonly Writing[]): Cursor {
  const cursors = writing.map(({ writer }) => writer.cursor());
  const [first = { position: 0, commitNo: 0 }] = cursors;
  return cursors.reduce((least, each) => (each.position < least.position ? each : least), first);
}

/** What tells a store from every other one: the hash of its first commit. */
async function storeIdentity(store: JournalStore): Promise<string | undefined> {
  const [first] = await store.commits(0, 1);
  return first?.hash;
}

function limitsOf(set: Partial<BatchLimits>): BatchLimits {
  for (const [name, value] of Object.entries(set)) {
    if (Object.hasOwn(DEFAULT_BATCH, name) && Number.isSafeInteger(value) && value >= 1) continue;
    throw new BatonError(
      "ARGUMENT_INVALID",
      `batch.${name} is ${String(value)}; there are rowsMax and bytesMax, whole numbers of one or more.`,
      { details: { limit: name } },
    );
  }
  return { ...DEFAULT_BATCH, ...set };
}
