/** What the rows of most tables have: where their entry is, and of which run; and cells of what may be absent. */
import type { JournalEntry } from "./batch.ts";
import type { Column, Row } from "./columns.ts";

export const PLACE_COLUMNS: readonly Column[] = [
  {
    name: "position",
    type: "long",
    required: true,
    comment: "The entry's place in the order of arrival.",
  },
  { name: "at", type: "timestamp", required: true, comment: "When it was written." },
  { name: "namespace", type: "string", required: true, comment: "The tenant." },
  { name: "stream", type: "string", required: true, comment: "The stream that the entry is in." },
  { name: "seq", type: "long", required: true, comment: "The entry's place in its stream." },
];

export function place({ arrived, entry }: JournalEntry): Row {
  return {
    position: BigInt(arrived.position),
    at: entry.at,
    namespace: arrived.namespace,
    stream: arrived.stream,
    seq: BigInt(arrived.seq),
  };
}

/** Of which run an entry is; for tables whose entries are all of runs. */
export const RUN_COLUMNS: readonly Column[] = [
  { name: "run", type: "string", required: true, comment: "The run's id." },
  { name: "workflow", type: "string", comment: "name@version." },
  { name: "correlation", type: "string", comment: "What belongs together has one." },
];

export function ofRun({ arrived: { stream }, facts }: JournalEntry): Row {
  return {
    run: stream.slice(stream.indexOf("/") + 1),
    workflow: text(facts.workflow),
    correlation: text(facts.correlation),
  };
}

/** A text; null for what is none. */
export function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** A whole number; null for what is none. */
export function whole(value: unknown): bigint | null {
  return Number.isSafeInteger(value) ? BigInt(Number(value)) : null;
}
