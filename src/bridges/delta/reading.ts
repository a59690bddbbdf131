/** Reading tables back: their rows, now or as of an earlier version. */
import { BatonError } from "../../model/errors.ts";
import { type AddFile, corrupt } from "./actions.ts";
import type { Cell, Row } from "./columns.ts";
import { readSnapshot, type Snapshot } from "./log.ts";
import { decodeParquet } from "./parquet.ts";
import { lowest } from "./stats.ts";
import type { DeltaStorage } from "./storage.ts";
import type { TableName } from "./tables.ts";

export interface DeltaReadOptions {
  /** The table as it was after this version of it; as it is now if left out. */
  readonly version?: number;
  /** Only these columns; all if left out. */
  readonly columns?: readonly string[];
}

/** A value of a cell: whole numbers are bigints, times milliseconds since 1970, days and decimals texts; null where there is none. */
export type DeltaCell = Cell;
export type DeltaRow = Row;

/**
 * The rows of a table, file by file in the order in which the files begin.
 * @example for await (const { run, cost } of deltaRows(deltaFolder("lake"), "agent_calls")) ...
 * @throws BatonError `TABLE_NOT_FOUND`, `TABLE_CORRUPT`, `TABLE_UNSUITABLE`, `TABLE_FAILED`, `DEPENDENCY_MISSING`
 */
export async function* deltaRows(
  storage: DeltaStorage,
  table: TableName,
  options: DeltaReadOptions = {},
): AsyncGenerator<DeltaRow, void, undefined> {
  const snapshot = await snapshotAt(storage, table, options.version);
  for (const file of filesInOrder(snapshot))
    yield* await fileRows(storage, table, file, options.columns);
}

/** The newest version of a table. @throws BatonError as {@link deltaRows} */
export async function deltaVersion(storage: DeltaStorage, table: TableName): Promise<number> {
  return (await snapshotAt(storage, table)).version;
}

/** @throws BatonError `TABLE_NOT_FOUND` */
export async function snapshotAt(
  storage: DeltaStorage,
  table: string,
  version?: number,
): Promise<Snapshot> {
  const snapshot = await readSnapshot(storage, table, version);
  if (snapshot !== undefined) return snapshot;
  throw new BatonError("TABLE_NOT_FOUND", `There is no table ${table} in ${storage.label}.`, {
    details: { table, in: storage.label },
  });
}

export function filesInOrder({ files }: Snapshot): readonly AddFile[] {
  const begins = (file: AddFile): number =>
    lowest(file.stats, "position") ?? Number.NEGATIVE_INFINITY;
  return [...files.values()].sort((one, other) => begins(one) - begins(other));
}

/** The rows of one file, with the values that its partition has. */
export async function fileRows(
  storage: DeltaStorage,
  table: string,
  { path, partitionValues }: AddFile,
  columns?: readonly string[],
): Promise<readonly Row[]> {
  const where = `The file ${path} of table ${table} in ${storage.label}`;
  const bytes = await storage.read(`${table}/${pathInTable(path, where)}`);
  if (bytes === undefined) throw corrupt(where, "is gone");
  const rows = await decodeParquet(bytes, where, columns);
  const partition = Object.entries(partitionValues).filter(
    ([name]) => columns === undefined || columns.includes(name),
  );
  // Cells of the columns that Baton writes are of these types; of others, as hyparquet gives them.
  return rows.map((row) => ({ ...row, ...Object.fromEntries(partition) })) as readonly Row[];
}

/** PROTOCOL.md, "Add File": the path is relative to the table, and encoded as a URI; an absolute one is of a table that was cloned. */
function pathInTable(path: string, where: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch (cause) {
    throw corrupt(where, "has a name that is not encoded as a URI", cause);
  }
  const isOutside = /^[a-z][a-z0-9+.-]*:|^\/|(^|[/\\])\.\.([/\\]|$)/i.test(decoded);
  if (!isOutside) return decoded;
  throw new BatonError("TABLE_UNSUITABLE", `${where} lies outside of the table's folder.`, {
    details: { path },
  });
}
