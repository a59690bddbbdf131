/** Parquet files in memory: rows in, rows out. The only place that knows hyparquet. */
import type { Compressors, FileMetaData, ParquetParsers, SchemaElement } from "hyparquet";
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { Cell, Column, Row } from "./columns.ts";
import { decimalText, unscaled } from "./decimal.ts";
import { loadPackage } from "../packages.ts";
import { parquetColumn } from "./parquet-columns.ts";

/** What a file is written from: a schema (with its root), and for each column at its top the values of all rows. */
export interface ParquetContent {
  readonly schema: SchemaElement[];
  readonly columns: readonly { readonly name: string; readonly data: unknown[] }[];
}

const NEEDY = "Delta tables";

/** Rows of a group: enough for a group to compress well, few enough to be read without the whole file. */
const ROWS_OF_A_GROUP = 20_000;

/**
 * Encodes a file, compressed with Snappy, which every reader knows.
 * @throws BatonError `DEPENDENCY_MISSING`
 */
export async function encodeParquet({ schema, columns }: ParquetContent): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await loadPackage(
    NEEDY,
    "hyparquet-writer",
    () => import("hyparquet-writer"),
  );
  const buffer = parquetWriteBuffer({
    schema,
    columnData: columns.map(({ name, data }) => ({ name, data })),
    rowGroupSize: ROWS_OF_A_GROUP,
    createdBy: "baton",
  });
  return new Uint8Array(buffer);
}

/** A file of rows. */
export async function encodeRows(
  columns: readonly Column[],
  rows: readonly Row[],
): Promise<Uint8Array> {
  return await encodeParquet({
    schema: [{ name: "root", num_children: columns.length }, ...columns.map(parquetColumn)],
    columns: columns.map((column) => ({
      name: column.name,
      data: rows.map((row) => stored(column, row[column.name] ?? null)),
    })),
  });
}

function stored({ type }: Column, cell: Cell): unknown {
  if (cell === null) return undefined;
  // hyparquet-writer takes the unscaled number, and microseconds.
  if (type === "decimal(38,18)") return unscaled(String(cell));
  if (type === "timestamp") return BigInt(cell) * 1_000n;
  return cell;
}

/** A mark at the beginning of a text is part of it. */
const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

const PARSERS: Partial<ParquetParsers> = {
  timestampFromMicroseconds: (micros) => Number(micros / 1_000n),
  timestampFromMilliseconds: (millis) => Number(millis),
  timestampFromNanoseconds: (nanos) => Number(nanos / 1_000_000n),
  dateFromDays: (days) => new Date(days * 86_400_000).toISOString().slice(0, 10),
  stringFromBytes: (bytes: Uint8Array | undefined) =>
    bytes === undefined || bytes === null ? null : TEXT.decode(bytes),
};

/**
 * Reads a whole file; columns that it does not have are left out.
 * @throws BatonError `TABLE_CORRUPT`, `DEPENDENCY_MISSING`
 */
export async function decodeParquet(
  bytes: Uint8Array,
  where: string,
  columns?: readonly string[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { parquetMetadataAsync, parquetReadObjects } = await loadPackage(
    NEEDY,
    "hyparquet",
    () => import("hyparquet"),
  );
  const file = {
    byteLength: bytes.byteLength,
    slice: (start: number, end?: number) => slice(bytes, start, end),
  };
  try {
    const metadata = await parquetMetadataAsync(file);
    const decimals = takeDecimals(metadata);
    const there = new Set(metadata.schema.map(({ name }) => name));
    const rows = await parquetReadObjects({
      file,
      metadata,
      parsers: PARSERS,
      ...(await compressorsFor(metadata)),
      ...(columns === undefined ? {} : { columns: columns.filter((name) => there.has(name)) }),
    });
    for (const [name, scale] of decimals)
      for (const row of rows)
        if (row[name] instanceof Uint8Array) row[name] = decimalText(row[name], scale);
    return rows;
  } catch (cause) {
    if (isBatonError(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BatonError("TABLE_CORRUPT", `${where} is no Parquet file that can be read: ${why}.`, {
      details: { where },
      cause,
    });
  }
}

/** Baton compresses with Snappy, which hyparquet knows; whoever puts files together may use another way. */
async function compressorsFor(
  metadata: FileMetaData,
): Promise<{ readonly compressors?: Compressors }> {
  const codecs = metadata.row_groups.flatMap(({ columns }) =>
    columns.map(({ meta_data }) => meta_data?.codec ?? "UNCOMPRESSED"),
  );
  if (codecs.every((codec) => codec === "SNAPPY" || codec === "UNCOMPRESSED")) return {};
  const what = "Files of other writers";
  return await loadPackage(what, "hyparquet-compressors", () => import("hyparquet-compressors"));
}

function slice(bytes: Uint8Array, start: number, end?: number): ArrayBuffer {
  const from = bytes.byteOffset + start;
  const to = bytes.byteOffset + (end ?? bytes.byteLength);
  // Never shared: it comes from a file.
  return bytes.buffer.slice(from, to) as ArrayBuffer;
}

/** hyparquet makes JavaScript numbers of decimals, which lose digits: their bytes are asked for instead. Gives their scales. */
function takeDecimals(metadata: FileMetaData): ReadonlyMap<string, number> {
  const scales = new Map<string, number>();
  for (const element of metadata.schema) {
    if (element.converted_type !== "DECIMAL" || element.type !== "FIXED_LEN_BYTE_ARRAY") continue;
    scales.set(element.name, element.scale ?? 0);
    delete element.converted_type;
    delete element.logical_type;
  }
  return scales;
}
