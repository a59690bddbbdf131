/** The table of entries: what is asked for most often as columns, and the text that all of it was sealed in. */
import type { JournalEntry } from "./batch.ts";
import type { Column, Row } from "./columns.ts";
import { PLACE_COLUMNS, place, text, whole } from "./place-cells.ts";

export const ENTRY_COLUMNS: readonly Column[] = [
  ...PLACE_COLUMNS,
  { name: "stream_no", type: "long", required: true, comment: "The stream's number in its store." },
  { name: "commit_no", type: "long", required: true, comment: "The commit that covers it." },
  { name: "kind", type: "string", required: true, comment: "What it says: docs/journal.md." },
  { name: "path", type: "string", comment: "The step." },
  { name: "turn", type: "long", comment: "0, or more where the step was sent or taken back." },
  { name: "attempt", type: "long", comment: "Which attempt of the agent it was, from 1." },
  {
    name: "by_kind",
    type: "string",
    required: true,
    comment: "Who caused it: engine, agent, person or program.",
  },
  { name: "by_id", type: "string", required: true, comment: "Who caused it." },
  { name: "on_behalf_of", type: "string", comment: "The person that a program acted for." },
  { name: "agent", type: "string", comment: "name@version of the agent that acted." },
  { name: "trace_id", type: "string", comment: "Of the trace that the run belongs to." },
  {
    name: "hash",
    type: "string",
    required: true,
    comment: "SHA-256 of the entry, in hex: docs/journal.md.",
  },
  {
    name: "text",
    type: "string",
    required: true,
    comment: "The entry as canonical JSON, exactly as it was hashed.",
  },
];

export function entryRow(from: JournalEntry): Row {
  const { arrived, entry } = from;
  return {
    ...place(from),
    stream_no: BigInt(arrived.no),
    commit_no: BigInt(from.commitNo),
    kind: entry.kind,
    path: text(entry.path),
    turn: whole(entry.turn),
    attempt: whole(entry.attempt),
    by_kind: entry.by.kind,
    by_id: entry.by.id,
    on_behalf_of: text(entry.by.onBehalfOf),
    agent: text(entry.agent),
    trace_id: text(entry.traceId),
    hash: arrived.hash,
    text: arrived.text,
  };
}
