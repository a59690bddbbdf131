/**
 * Classic checkpoints: the whole state of a table in one Parquet file, so that nobody has to read its log from the beginning
 * (PROTOCOL.md, "Checkpoints", V1 spec; "Checkpoint Schema"). One row for each action, in a column of its own.
 */
import type { SchemaElement } from "hyparquet";
import type { Action } from "./actions.ts";
import type { Snapshot } from "./log.ts";
import { checkpointPath, LAST_CHECKPOINT } from "./log-paths.ts";
import { encodeParquet } from "./parquet.ts";
import type { DeltaStorage } from "./storage.ts";

/** A checkpoint after so many commits: the protocol's own default, `delta.checkpointInterval`. */
const COMMITS_MIN = 10;
/** Of a table with many files a checkpoint is long: the next one comes when the log has grown by this part of it. */
const PART_OF_FILES = 50;

/** Whether the log has grown enough since the last checkpoint. */
export function isCheckpointDue({ version, checkpoint, files }: Snapshot): boolean {
  const since = version - checkpoint;
  return since >= COMMITS_MIN && since >= files.size / PART_OF_FILES;
}

/**
 * Writes the checkpoint of a snapshot, and then the hint that leads to it. Two who write the same one write the same state.
 */
export async function writeCheckpoint(
  storage: DeltaStorage,
  folder: string,
  snapshot: Snapshot,
): Promise<Snapshot> {
  const { version, protocol, metaData, files, removed, txns } = snapshot;
  // A commit's own `commitInfo` is no part of the state.
  const rows: readonly Action[] = [
    { protocol },
    { metaData },
    ...[...txns.values()].map((txn) => ({ txn })),
    // Nothing is new in a checkpoint.
    ...[...files.values()].map((add) => ({ add: { ...add, dataChange: false } })),
    ...[...removed.values()].map((remove) => ({ remove: { ...remove, dataChange: false } })),
  ];
  const bytes = await encodeParquet({
    schema: SCHEMA,
    columns: ["txn", "add", "remove", "metaData", "protocol"].map((name) => ({
      name,
      data: rows.map((row) => cellsOf(Object.entries(row).find(([kind]) => kind === name)?.[1])),
    })),
  });
  await storage.replace(`${folder}/${checkpointPath(version)}`, bytes);
  const hint = { version, size: rows.length, sizeInBytes: bytes.length, numOfAddFiles: files.size };
  await storage.replace(
    `${folder}/${LAST_CHECKPOINT}`,
    new TextEncoder().encode(JSON.stringify(hint)),
  );
  return { ...snapshot, checkpoint: version };
}

/** Whole numbers are bigints where the schema says INT64. */
function cellsOf(fields: unknown): unknown {
  if (typeof fields !== "object" || fields === null) return undefined;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === "number" && !INT32_FIELDS.has(name) ? BigInt(value) : value,
    ]),
  );
}

const INT32_FIELDS: ReadonlySet<string> = new Set(["minReaderVersion", "minWriterVersion"]);

type Elements = readonly SchemaElement[];

function text(name: string): Elements {
  return [
    {
      name,
      type: "BYTE_ARRAY",
      converted_type: "UTF8",
      logical_type: { type: "STRING" },
      repetition_type: "OPTIONAL",
    },
  ];
}

function long(name: string): Elements {
  return [{ name, type: "INT64", repetition_type: "OPTIONAL" }];
}

function integer(name: string): Elements {
  return [{ name, type: "INT32", repetition_type: "OPTIONAL" }];
}

function flag(name: string): Elements {
  return [{ name, type: "BOOLEAN", repetition_type: "OPTIONAL" }];
}

function struct(name: string, ...fields: readonly Elements[]): Elements {
  return [{ name, repetition_type: "OPTIONAL", num_children: fields.length }, ...fields.flat()];
}

function texts(name: string): Elements {
  return [
    {
      name,
      repetition_type: "OPTIONAL",
      converted_type: "LIST",
      logical_type: { type: "LIST" },
      num_children: 1,
    },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    ...text("element"),
  ];
}

function map(name: string): Elements {
  return [
    {
      name,
      repetition_type: "OPTIONAL",
      converted_type: "MAP",
      logical_type: { type: "MAP" },
      num_children: 1,
    },
    { name: "key_value", repetition_type: "REPEATED", num_children: 2 },
    ...text("key").map((key): SchemaElement => ({ ...key, repetition_type: "REQUIRED" })),
    ...text("value"),
  ];
}

const SCHEMA: SchemaElement[] = [
  { name: "root", num_children: 5 },
  ...struct("txn", text("appId"), long("version"), long("lastUpdated")),
  ...struct(
    "add",
    text("path"),
    map("partitionValues"),
    long("size"),
    long("modificationTime"),
    flag("dataChange"),
    text("stats"),
  ),
  ...struct("remove", text("path"), long("deletionTimestamp"), flag("dataChange")),
  ...struct(
    "metaData",
    text("id"),
    text("name"),
    text("description"),
    struct("format", text("provider"), map("options")),
    text("schemaString"),
    texts("partitionColumns"),
    map("configuration"),
    long("createdTime"),
  ),
  ...struct(
    "protocol",
    integer("minReaderVersion"),
    integer("minWriterVersion"),
    texts("readerFeatures"),
    texts("writerFeatures"),
  ),
];
