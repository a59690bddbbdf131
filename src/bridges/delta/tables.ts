/** The tables: what their columns are, and the rows that a batch of the journal gives them. */
import type { Batch, JournalEntry } from "./batch.ts";
import { callRow, CALL_COLUMNS } from "./call-rows.ts";
import type { Column, Row } from "./columns.ts";
import { ENTRY_COLUMNS, entryRow } from "./entry-rows.ts";
import { ofRun, PLACE_COLUMNS, place, RUN_COLUMNS, text, whole } from "./place-cells.ts";
import type { TableDefinition } from "./table.ts";

/** A table, and how its rows come of the journal. */
export interface JournalTable extends TableDefinition {
  readonly name: TableName;
  readonly rows: (batch: Batch) => readonly Row[];
}

/** Names of the tables: each is a folder. */
export type TableName = "entries" | "commits" | "blobs" | "versions" | "events" | "agent_calls";

const BLOB_COLUMNS: readonly Column[] = [
  ...PLACE_COLUMNS,
  { name: "sha256", type: "string", required: true, comment: "Of the text's UTF-8 bytes, in hex." },
  { name: "bytes", type: "long", required: true, comment: "Length of the text in UTF-8." },
  {
    name: "text",
    type: "string",
    required: true,
    comment: "Canonical JSON of a value that is too large for its entry.",
  },
];

const COMMIT_COLUMNS: readonly Column[] = [
  {
    name: "position",
    type: "long",
    required: true,
    comment: "The place of its last entry in the order of arrival.",
  },
  { name: "at", type: "timestamp", required: true, comment: "When it was committed." },
  {
    name: "commit_no",
    type: "long",
    required: true,
    comment: "Dense from 1 over the whole store.",
  },
  {
    name: "hash",
    type: "string",
    required: true,
    comment: "SHA-256 of the row, in hex: docs/journal.md.",
  },
  {
    name: "text",
    type: "string",
    required: true,
    comment: "The row as canonical JSON, exactly as it was hashed.",
  },
  {
    name: "covers",
    type: "string",
    required: true,
    comment: "The entries, as JSON: a list of [stream_no, first seq, count, namespace, stream].",
  },
];

const VERSION_COLUMNS: readonly Column[] = [
  ...PLACE_COLUMNS,
  ...RUN_COLUMNS,
  { name: "version", type: "long", required: true, comment: "Counted from 0, the input." },
  { name: "key", type: "string", required: true, comment: "What was sealed: the step, or input." },
  { name: "turn", type: "long", comment: "0, or more where the step was sent or taken back." },
  { name: "agent", type: "string", comment: "name@version of the agent that gave it." },
  { name: "value", type: "string", comment: "Canonical JSON, also of what is kept as a blob." },
];

const EVENT_COLUMNS: readonly Column[] = [
  ...PLACE_COLUMNS,
  { name: "topic", type: "string", required: true, comment: "The topic that it was published to." },
  { name: "contract", type: "string", comment: "name@version of the topic's contract." },
  { name: "id", type: "string", required: true, comment: "The event's id." },
  { name: "key", type: "string", comment: "What it is about." },
  { name: "correlation", type: "string", comment: "What belongs together has one." },
  { name: "hops", type: "long", comment: "Events before it in the chain that led to it." },
  { name: "causation_stream", type: "string", comment: "The entry that it follows from." },
  { name: "causation_seq", type: "long", comment: "The entry that it follows from." },
  { name: "path", type: "string", comment: "What of its run published it." },
  {
    name: "by_kind",
    type: "string",
    comment: "Who published it: engine, agent, person or program.",
  },
  { name: "by_id", type: "string", comment: "Who published it." },
  { name: "data", type: "string", comment: "Canonical JSON, also of what is kept as a blob." },
];

/**
 * In the order in which they are written: blobs are there before the entries that refer to them, and entries before the commits
 * that cover them, so that what the commits say can be verified at any moment.
 */
export const TABLES: readonly JournalTable[] = [
  {
    name: "blobs",
    description:
      "Values that are too large for their entries: one row for each batch and blob that entries of it refer to.",
    columns: BLOB_COLUMNS,
    rows: ({ entries }) => blobRows(entries),
  },
  {
    name: "entries",
    description: "All entries of the journal, each with the exact text and hash that were sealed.",
    columns: ENTRY_COLUMNS,
    rows: ({ entries }) => entries.map(entryRow),
  },
  {
    name: "commits",
    description: "The commit rows, whose chain covers all entries.",
    columns: COMMIT_COLUMNS,
    rows: ({ commits }) =>
      commits.map(({ stored, row, lastPosition }) => ({
        position: BigInt(lastPosition),
        at: row.at,
        commit_no: BigInt(stored.commitNo),
        hash: stored.hash,
        text: stored.text,
        covers: JSON.stringify(
          stored.entries.map(({ no, fromSeq, count, namespace, stream }) => [
            no,
            fromSeq,
            count,
            namespace,
            stream,
          ]),
        ),
      })),
  },
  ofEntries(
    "versions",
    "The versions that runs have sealed, each with its value.",
    VERSION_COLUMNS,
    versionRow,
  ),
  ofEntries("events", "The events that were published.", EVENT_COLUMNS, eventRow),
  ofEntries(
    "agent_calls",
    "The attempts of agents: outcome, time, tokens and cost.",
    CALL_COLUMNS,
    callRow,
  ),
];

/** A table with a row for some of the entries. */
function ofEntries(
  name: TableName,
  description: string,
  columns: readonly Column[],
  rowOf: (from: JournalEntry) => Row | undefined,
): JournalTable {
  return {
    name,
    description,
    columns,
    rows: ({ entries }) =>
      entries.flatMap((each) => {
        const row = rowOf(each);
        return row === undefined ? [] : [row];
      }),
  };
}

function blobRows(entries: readonly JournalEntry[]): readonly Row[] {
  const seen = new Set<string>();
  return entries.flatMap((each) =>
    each.blobs.flatMap(({ sha256, bytes, text: content }) => {
      if (seen.has(sha256)) return [];
      seen.add(sha256);
      return [{ ...place(each), sha256, bytes: BigInt(bytes), text: content }];
    }),
  );
}

function versionRow(from: JournalEntry): Row | undefined {
  const { versions } = from.facts;
  const { kind, path, turn, agent } = from.entry;
  if (kind !== "run.started" && kind !== "step.sealed" && kind !== "step.carried") return undefined;
  return {
    ...place(from),
    ...ofRun(from),
    version: BigInt(versions - 1),
    key: kind === "run.started" ? "input" : (path ?? ""),
    turn: BigInt(turn ?? 0),
    agent: text(agent),
    value: text(from.value),
  };
}

function eventRow(from: JournalEntry): Row | undefined {
  const { kind, payload, causation, path, by } = from.entry;
  if (kind !== "event.published") return undefined;
  return {
    ...place(from),
    topic: text(payload["topic"]) ?? "",
    contract: text(payload["contract"]),
    id: text(payload["id"]) ?? "",
    key: text(payload["key"]),
    correlation: text(payload["correlation"]) ?? text(from.facts.correlation),
    hops: whole(payload["hops"]),
    causation_stream: text(causation?.stream),
    causation_seq: whole(causation?.seq),
    path: text(path),
    by_kind: by.kind,
    by_id: by.id,
    data: text(from.value),
  };
}
