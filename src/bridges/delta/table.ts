/**
 * Writing a table: rows are appended by optimistic concurrency, each batch once.
 *
 * A batch ends at a position of the journal. The commit that has its rows also has `txn` actions which say how far the table
 * is, so that rows and cursor are there together or not at all (PROTOCOL.md, "Transaction Identifiers"). Delta itself does not
 * refuse a `txn` that goes back, so it is looked at again before each attempt to commit, after every race that was lost.
 *
 * T1. Rows of a position are committed once, by whatever number of writers.
 * T2. A file that a commit names is never removed, also where a later one takes it out: after a commit whose outcome is not known,
 *     nothing is.
 * T3. A table belongs to one store; another store's is refused. So is one that has what its store does not: journal-head.ts.
 */
import { BatonError, isBatonError } from "../../model/errors.ts";
import {
  type Action,
  type AddFile,
  encodeActions,
  type MetaData,
  type Protocol,
} from "./actions.ts";
import { isCheckpointDue, writeCheckpoint } from "./checkpoint.ts";
import { type Column, evolved, fieldOf, parseSchema, type Row, schemaText } from "./columns.ts";
import type { DeltaClock } from "./delta-clock.ts";
import {
  advanced,
  checkWritable,
  isOutdated,
  readSnapshot,
  refreshed,
  type Snapshot,
} from "./log.ts";
import type { JournalHead } from "./journal-head.ts";
import { commitPath } from "./log-paths.ts";
import { encodeRows } from "./parquet.ts";
import { statsOf } from "./stats.ts";
import type { DeltaStorage } from "./storage.ts";
import { freshName } from "./table-ids.ts";

/** A table: its columns without the partition column, which stands in no file. */
export interface TableDefinition {
  /** Its folder. */
  readonly name: string;
  readonly description: string;
  /** Each row has `position` and `at`. */
  readonly columns: readonly Column[];
}

/** How far a table is: all up to this place of the journal is in it. */
export interface Cursor {
  /** In the order of arrival; {@link BEFORE_ALL} before the first. */
  readonly position: number;
  readonly commitNo: number;
  /** The commit that the table came to; undefined in one that only older Batons have written, which did not say it. */
  readonly head?: JournalHead | undefined;
}

export const BEFORE_ALL: Cursor = { position: Number.MIN_SAFE_INTEGER, commitNo: 0 };

/** Takes one call at a time. */
export interface TableWriter {
  readonly name: string;
  /** For messages. */
  readonly where: string;
  /** How far the table is, as far as this writer knows. */
  cursor(): Cursor;
  /** Makes the table if it is not there, and reads how far it is. */
  open(): Promise<void>;
  /**
   * Brings the table to `until` with those of `rows` that are after its cursor. With no such rows nothing is written, unless
   * `always`: then the cursor alone is.
   */
  append(rows: readonly Row[], until: Cursor, always: boolean): Promise<void>;
}

export interface TableWriterOptions {
  readonly storage: DeltaStorage;
  readonly definition: TableDefinition;
  /** Of the store whose journal it is. */
  readonly store: string;
  readonly clock: DeltaClock;
  /** Told of a checkpoint that could not be written. */
  readonly checkpointFailed?: ((error: BatonError) => void) | undefined;
}

/** Races lost in a row: each means that somebody else has committed. */
const RACES_MAX = 1_000;

const PROTOCOL: Protocol = { minReaderVersion: 1, minWriterVersion: 2 };
/** Under it the table says which store's journal it is. */
const STORE_KEY = "baton.store";
export const PARTITION: Column = {
  name: "date",
  type: "date",
  comment: "The day of `at`, in UTC. The table is partitioned by it.",
};

/** A writer of one table. */
export function tableWriter(options: TableWriterOptions): TableWriter {
  const { storage, definition, store, clock } = options;
  const { name } = definition;
  const log = logWriter(options);
  /** Further than what the table says where what came since had no rows for it. */
  let known: Cursor = BEFORE_ALL;

  async function look(): Promise<void> {
    const snapshot = await log.look();
    if (snapshot === undefined) return;
    const written = cursorOf(snapshot, store);
    if (written === BEFORE_ALL && snapshot.files.size > 0) throw placeLost(log.where);
    if (written.position > known.position) known = written;
  }

  async function removeUnused(files: readonly AddFile[]): Promise<void> {
    for (const { path } of files) if (!log.names(path)) await storage.remove(`${name}/${path}`);
  }

  return {
    name,
    where: log.where,
    cursor: () => known,
    async open() {
      for (let race = 0; race < RACES_MAX; race += 1) {
        await look();
        const actions = log.preface();
        if (actions.length === 0 || (await log.commit(actions, "SET SCHEMA"))) return;
      }
      throw tooManyRaces(log.where);
    },
    async append(rows, until, always) {
      if (known.position >= until.position) return;
      let written: { readonly after: number; readonly files: readonly AddFile[] } | undefined;
      for (let race = 0; race < RACES_MAX; race += 1) {
        await look();
        const after = known.position;
        const left = rows.filter((row) => Number(row["position"]) > after);
        const isDone = after >= until.position;
        if (written !== undefined && (isDone || written.after !== after)) {
          await removeUnused(written.files);
          written = undefined;
        }
        if (isDone) return;
        if (left.length === 0 && !always) {
          known = until;
          return;
        }
        written ??= { after, files: await writeFiles(options, left) };
        const actions: readonly Action[] = [
          ...log.preface(),
          ...txnsOf(store, until, clock.now()),
          ...written.files.map((add) => ({ add })),
        ];
        if (await log.commit(actions, "WRITE")) {
          known = until;
          return;
        }
      }
      throw tooManyRaces(log.where);
    },
  };
}

interface LogWriter {
  readonly where: string;
  /** The table as it is now, after what others have committed meanwhile; undefined if it is not there. */
  look(): Promise<Snapshot | undefined>;
  /** What must be said of the table before rows: that it is there, or that it has further columns. */
  preface(): readonly Action[];
  /** Commits after what was last looked at; or finds that somebody else has committed this version, and gives false. */
  commit(actions: readonly Action[], operation: string): Promise<boolean>;
  /** Whether a file is of the table, or was: one that another writer took out is still read by whoever reads an earlier version. */
  names(path: string): boolean;
}

function logWriter(options: TableWriterOptions): LogWriter {
  const { storage, definition, store, clock } = options;
  const { name } = definition;
  const where = `The table ${name} in ${storage.label}`;
  const columns = [...definition.columns, PARTITION];
  let snapshot: Snapshot | undefined;
  return {
    where,
    async look() {
      if (snapshot === undefined) snapshot = await readSnapshot(storage, name);
      else if (await isOutdated(storage, name, snapshot))
        snapshot = await refreshed(storage, name, snapshot);
      if (snapshot === undefined) return undefined;
      checkOwner(snapshot.metaData, store, where);
      checkWritable(snapshot.protocol, where);
      return snapshot;
    },
    preface() {
      if (snapshot === undefined)
        return [{ protocol: PROTOCOL }, { metaData: newMetaData(definition, store, clock.now()) }];
      const { metaData } = snapshot;
      checkPartition(metaData, where);
      const found = parseSchema(metaData.schemaString, where);
      const wanted = evolved(found, columns, where);
      if (wanted.length === found.length) return [];
      return [{ metaData: { ...metaData, schemaString: schemaText(wanted) } }];
    },
    async commit(actions, operation) {
      const version = (snapshot?.version ?? -1) + 1;
      const commitInfo = {
        timestamp: clock.now(),
        operation,
        operationParameters: {},
        engineInfo: "baton",
        isBlindAppend: true,
      };
      const entry: readonly Action[] = [{ commitInfo }, ...actions];
      const bytes = encodeActions(entry);
      if ((await storage.create(`${name}/${commitPath(version)}`, bytes)) === "exists")
        return false;
      snapshot = advanced(snapshot, entry);
      if (isCheckpointDue(snapshot)) snapshot = await withCheckpoint(options, snapshot);
      return true;
    },
    names: (path) => snapshot?.files.has(path) === true || snapshot?.removed.has(path) === true,
  };
}

/** The commit was made, and a checkpoint only makes reading quicker: one that cannot be written is left out, until the next is due. */
async function withCheckpoint(
  { storage, definition, checkpointFailed }: TableWriterOptions,
  snapshot: Snapshot,
): Promise<Snapshot> {
  try {
    return await writeCheckpoint(storage, definition.name, snapshot);
  } catch (error) {
    if (!isBatonError(error, "TABLE_FAILED")) throw error;
    checkpointFailed?.(error);
    return { ...snapshot, checkpoint: snapshot.version };
  }
}

/** How far a table is with what it has of a store. */
export function cursorOf({ txns }: Snapshot, store: string): Cursor {
  const app = txnApp(store);
  const position = txns.get(app.position)?.version;
  const commitNo = txns.get(app.commit)?.version;
  if (position === undefined || commitNo === undefined) return BEFORE_ALL;
  const mark = txns.get(app.head)?.version;
  const headNo = txns.get(app.headCommit)?.version;
  const isKnown = mark !== undefined && headNo !== undefined;
  return { position, commitNo, head: isKnown ? { commitNo: headNo, mark } : undefined };
}

/** Of which store's journal the table is; undefined for one that is not ours. */
export function storeOf({ configuration }: MetaData): string | undefined {
  return configuration[STORE_KEY];
}

interface TxnApp {
  readonly position: string;
  readonly commit: string;
  readonly head: string;
  readonly headCommit: string;
}

/**
 * One id for each number: a `txn` has only one. The head has the number of its commit for itself, because an older Baton goes on
 * with the table and leaves the head where it is.
 */
function txnApp(store: string): TxnApp {
  return {
    position: `baton/${store}`,
    commit: `baton/${store}/commit`,
    head: `baton/${store}/head`,
    headCommit: `baton/${store}/head/commit`,
  };
}

function txnsOf(
  store: string,
  { position, commitNo, head }: Cursor,
  lastUpdated: number,
): readonly Action[] {
  const app = txnApp(store);
  const txn = (appId: string, version: number): Action => ({
    txn: { appId, version, lastUpdated },
  });
  return [
    txn(app.position, position),
    txn(app.commit, commitNo),
    ...(head === undefined ? [] : [txn(app.head, head.mark), txn(app.headCommit, head.commitNo)]),
  ];
}

function newMetaData(definition: TableDefinition, store: string, createdTime: number): MetaData {
  return {
    id: freshName(),
    name: definition.name,
    description: definition.description,
    format: { provider: "parquet", options: {} },
    schemaString: schemaText([...definition.columns, PARTITION].map(fieldOf)),
    partitionColumns: [PARTITION.name],
    // PROTOCOL.md, "Append-only Tables".
    configuration: { "delta.appendOnly": "true", [STORE_KEY]: store },
    createdTime,
  };
}

function checkOwner(metaData: MetaData, store: string, where: string): void {
  const owner = storeOf(metaData);
  if (owner === store) return;
  throw new BatonError(
    "TABLE_UNSUITABLE",
    owner === undefined
      ? `${where} was not made by Baton.`
      : `${where} is of another store's journal.`,
    { details: { table: owner, store } },
  );
}

function checkPartition({ partitionColumns }: MetaData, where: string): void {
  if (partitionColumns.length === 1 && partitionColumns[0] === PARTITION.name) return;
  throw new BatonError(
    "TABLE_UNSUITABLE",
    `${where} is partitioned by ${partitionColumns.join(", ") || "nothing"}, not by ${PARTITION.name}.`,
  );
}

/** One file for each day, in the folder that is named for it by convention. */
async function writeFiles(
  { storage, definition, clock }: TableWriterOptions,
  rows: readonly Row[],
): Promise<readonly AddFile[]> {
  const byDate = new Map<string, Row[]>();
  for (const row of rows) {
    const date = new Date(Number(row["at"])).toISOString().slice(0, 10);
    const listed = byDate.get(date);
    if (listed === undefined) byDate.set(date, [row]);
    else listed.push(row);
  }
  const files: AddFile[] = [];
  for (const [date, listed] of byDate) {
    const path = `${PARTITION.name}=${date}/part-${freshName()}.snappy.parquet`;
    const bytes = await encodeRows(definition.columns, listed);
    // The name is nobody else's, so that it cannot be taken.
    await storage.create(`${definition.name}/${path}`, bytes);
    files.push({
      path,
      partitionValues: { [PARTITION.name]: date },
      size: bytes.length,
      modificationTime: clock.now(),
      dataChange: true,
      stats: statsOf(definition.columns, listed),
    });
  }
  return files;
}

/** Whoever takes it for empty writes everything a second time. */
function placeLost(where: string): BatonError {
  return new BatonError(
    "TABLE_UNSUITABLE",
    `${where} has rows, but not how far it is: its txn actions are gone.`,
    {
      hint: "Another writer has taken them out, as delta.setTransactionRetentionDuration lets it. Write the journal to another place, where that is not set.",
    },
  );
}

function tooManyRaces(where: string): BatonError {
  return new BatonError("TABLE_FAILED", `${where} is committed to by others all the time.`);
}
