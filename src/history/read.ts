/**
 * Reading journals: stored bytes become recorded entries.
 *
 * Owns the store's edge: the bytes are verified (hash, chain, density), then parsed, then upcast, then given their values.
 * It does not interpret them. It fails with JOURNAL_BROKEN for bytes that are not what was sealed, and with ENTRY_UNKNOWN
 * for a format or kind that only a newer Baton knows.
 *
 * R1. What is given out is deep-frozen, in order of `seq`, without gaps.
 * R2. Nothing is upcast before its stored bytes are verified.
 * R3. Fields that are not known are kept.
 */
import { BatonError } from "../model/errors.ts";
import {
  type BlobRef,
  ENTRY_FORMAT,
  type Entry,
  type EntryKind,
  type Fact,
  runStream,
  VALUE_FIELD,
} from "../model/entry.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { JournalStore, StoredEntry, StreamName } from "../ports/journal-store.ts";
import { hashEntry, NO_HASH, sha256Hex } from "../journal/hash.ts";

/** An entry as read from a journal: parsed, with its value resolved from the blob if it is kept in one. */
export interface RecordedEntry {
  readonly entry: Entry;
  readonly hash: string;
  readonly value?: Json;
}

/** The part of the store that reading needs. */
export type EntrySource = Pick<JournalStore, "read" | "blob">;

/** By format `v`, how an entry of it becomes one of `v + 1`. There has been one format only. */
export type Upcasters = Readonly<Record<number, (entry: JsonObject) => JsonObject>>;

const UPCASTERS: Upcasters = {};

/** Entries that are asked of the store at once: about half a megabyte of usual ones. */
const PAGE_ENTRIES = 1_000;

/** Every kind that this Baton reads. */
export const KNOWN_KINDS: Readonly<Record<EntryKind, true>> = {
  "run.started": true,
  "run.refused": true,
  "run.resumed": true,
  "run.blocked": true,
  "run.completed": true,
  "run.failed": true,
  "run.overdue": true,
  "run.cancelling": true,
  "run.cancelled": true,
  "run.compensating": true,
  "run.parked": true,
  "run.restored": true,
  "run.compensated": true,
  "compensation.sealed": true,
  "compensation.failed": true,
  "compensation.held": true,
  "compensation.resolved": true,
  "step.sealed": true,
  "step.carried": true,
  "step.skipped": true,
  "step.opened": true,
  "step.failed": true,
  "step.parked": true,
  "step.resolved": true,
  "item.sealed": true,
  "item.failed": true,
  "attempt.failed": true,
  "attempt.begun": true,
  "attempt.unknown": true,
  "attempt.probed": true,
  "attempt.held": true,
  "handoff.refused": true,
  "once.recorded": true,
  "signal.received": true,
  "reminder.due": true,
  "event.published": true,
  "event.received": true,
  "event.refused": true,
  "event.unclaimed": true,
  "message.refused": true,
  "subscription.opened": true,
  "subscription.moved": true,
  "subscription.paused": true,
  "subscription.resumed": true,
  "subscription.rewound": true,
  "projection.moved": true,
  "workflow.registered": true,
  "topic.registered": true,
  "registry.published": true,
  "registry.aliased": true,
  "registry.granted": true,
  "registry.revoked": true,
  "registry.owned": true,
  "breaker.opened": true,
  "breaker.halfOpened": true,
  "breaker.closed": true,
  "budget.reserved": true,
  "budget.settled": true,
  "budget.raised": true,
  "thread.valued": true,
  "thread.checkpointed": true,
  "thread.written": true,
  "thread.deleted": true,
  "memory.put": true,
  "memory.removed": true,
};

/**
 * The entries of a run from `fromSeq` on, up to the newest.
 * @throws BatonError RUN_NOT_FOUND, JOURNAL_BROKEN, ENTRY_UNKNOWN; what the store throws.
 */
export async function* readRun(
  store: EntrySource,
  namespace: string,
  runId: string,
  fromSeq = 0,
): AsyncGenerator<RecordedEntry, void, undefined> {
  yield* readStream(store, { namespace, stream: runStream(runId) }, fromSeq);
}

/** The same of any stream. @throws as {@link readRun}; RUN_NOT_FOUND for a stream that is not there. */
export async function* readStream(
  store: EntrySource,
  stream: StreamName,
  fromSeq = 0,
): AsyncGenerator<RecordedEntry, void, undefined> {
  let prev = fromSeq === 0 ? NO_HASH : undefined;
  for await (const stored of readStored(store, stream, fromSeq)) {
    const raw = verified(stream, stored, prev);
    prev = stored.hash;
    yield await recorded(store, parseEntry(raw, stored, stream), stored.hash);
  }
}

/** An entry that was found by its label. @throws BatonError JOURNAL_BROKEN, ENTRY_UNKNOWN; what the store throws */
export async function arrivedEntry(
  store: EntrySource,
  arrived: StoredEntry & StreamName,
): Promise<RecordedEntry> {
  const raw = verified(arrived, arrived, undefined);
  return await recorded(store, parseEntry(raw, arrived, arrived), arrived.hash);
}

/** All entries of a run, collected. @throws as {@link readRun} */
export async function runEntries(
  store: EntrySource,
  namespace: string,
  runId: string,
  fromSeq = 0,
): Promise<readonly RecordedEntry[]> {
  const entries: RecordedEntry[] = [];
  for await (const entry of readRun(store, namespace, runId, fromSeq)) entries.push(entry);
  return entries;
}

/**
 * The stored bytes of a run, page by page and dense from `fromSeq` on.
 * @throws BatonError RUN_NOT_FOUND, JOURNAL_BROKEN where a seq is missing.
 */
export async function* readStored(
  store: EntrySource,
  stream: StreamName,
  fromSeq = 0,
): AsyncGenerator<StoredEntry, void, undefined> {
  let next = fromSeq;
  while (true) {
    const page = await store.read(stream, next, PAGE_ENTRIES);
    for (const stored of page) {
      if (stored.seq !== next) broken(stream, next, `entry ${next} is missing`);
      next += 1;
      yield stored;
    }
    if (page.length < PAGE_ENTRIES) break;
  }
  if (next > fromSeq) return;
  if (fromSeq > 0 && (await store.read(stream, 0, 1)).length > 0) return;
  throw new BatonError(
    "RUN_NOT_FOUND",
    `There is no ${stream.stream.replace(/^run\//, "run ")} in namespace ${stream.namespace}.`,
    {
      details: { ...stream },
    },
  );
}

/** Parses what was verified to be what was sealed; anything but an object means that it never was an entry. */
function verified(stream: StreamName, stored: StoredEntry, prev: string | undefined): JsonObject {
  const { seq, text, hash } = stored;
  if (hashEntry(stream.namespace, stream.stream, text) !== hash)
    broken(stream, seq, `entry ${seq} is not what its hash was taken of`);
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    broken(stream, seq, `entry ${seq} is not JSON`, error);
  }
  if (!isObject(raw)) broken(stream, seq, `entry ${seq} is not an object`);
  if (prev !== undefined && raw["prev"] !== prev) {
    broken(stream, seq, `entry ${seq} does not follow the one before it`);
  }
  return raw;
}

/**
 * The entry of a stored text: brought to today's format, and checked for what every reader relies on.
 * @throws BatonError ENTRY_UNKNOWN, JOURNAL_BROKEN
 */
export function parseEntry(
  stored: JsonObject,
  at: { readonly seq: number },
  stream: StreamName,
  upcasters: Upcasters = UPCASTERS,
): Entry {
  const { seq } = at;
  const raw = upcast(stored, seq, upcasters);
  const kind = raw["kind"];
  if (typeof kind !== "string" || !Object.hasOwn(KNOWN_KINDS, kind)) {
    throw new BatonError(
      "ENTRY_UNKNOWN",
      `Entry ${seq} of ${stream.stream} is of the unknown kind ${JSON.stringify(kind)}.`,
      {
        details: { ...stream, seq, kind },
      },
    );
  }
  const isHere =
    raw["seq"] === seq && raw["stream"] === stream.stream && raw["namespace"] === stream.namespace;
  if (!isHere) broken(stream, seq, `entry ${seq} belongs to another place`);
  const isWhole =
    Number.isSafeInteger(raw["at"]) && isObject(raw["by"]) && isObject(raw["payload"]);
  if (!isWhole) broken(stream, seq, `entry ${seq} lacks a field that every entry has`);
  // The envelope was checked above; the rest is what this program sealed, which the hash has confirmed.
  return deepFreeze(raw) as unknown as Entry;
}

function upcast(stored: JsonObject, seq: number, upcasters: Upcasters): JsonObject {
  let raw = stored;
  let v = raw["v"];
  while (v !== ENTRY_FORMAT) {
    const step = typeof v === "number" ? upcasters[v] : undefined;
    if (step === undefined) {
      throw new BatonError(
        "ENTRY_UNKNOWN",
        `Entry ${seq} has the unknown format ${JSON.stringify(v)}.`,
        {
          details: { seq, v, known: ENTRY_FORMAT },
        },
      );
    }
    raw = step(raw);
    v = raw["v"];
  }
  return raw;
}

async function recorded(store: EntrySource, entry: Entry, hash: string): Promise<RecordedEntry> {
  const field = valueField(entry.kind);
  if (field === undefined) return Object.freeze({ entry, hash });
  const inline = entry.payload[field];
  if (inline !== undefined) return Object.freeze({ entry, hash, value: inline });
  const reference = entry.payload[`${field}Blob`];
  if (reference === undefined) return Object.freeze({ entry, hash });
  return Object.freeze({ entry, hash, value: await blobValue(store, entry, reference) });
}

async function blobValue(store: EntrySource, entry: Entry, reference: Json): Promise<Json> {
  const { seq } = entry;
  if (!isBlobRef(reference))
    broken(entry, seq, `entry ${seq} has a blob reference of unknown form`);
  const text = await store.blob(reference.sha256);
  if (text === undefined)
    broken(entry, seq, `the blob ${reference.sha256} of entry ${seq} is missing`);
  if (sha256Hex(text) !== reference.sha256 || Buffer.byteLength(text) !== reference.bytes) {
    broken(entry, seq, `the blob ${reference.sha256} of entry ${seq} was changed`);
  }
  // The hash says that this is the canonical JSON that was sealed.
  return deepFreeze(JSON.parse(text) as Json);
}

/** The payload field that holds the value of entries of a kind, if they have one. */
export function valueField(kind: EntryKind): string | undefined {
  const fields: Partial<Record<EntryKind, string>> = VALUE_FIELD;
  return fields[kind];
}

/** A recorded entry as the fact that evolve takes: typed by its kind, its value beside the payload. */
export function factOf({ entry, value }: RecordedEntry): Fact {
  // A sealed entry is a fact in its stored form; the table of payloads is what the writer was checked against.
  const fact = entry as unknown as Fact;
  return value === undefined ? fact : { ...fact, value };
}

/** The id of the run whose journal these are. @throws BatonError RUN_NOT_FOUND for no entries. */
export function runIdOf(entries: readonly RecordedEntry[]): string {
  const first = entries[0];
  if (first === undefined)
    throw new BatonError("RUN_NOT_FOUND", "There are no entries: the run never began.");
  return runOfStream(first.entry.stream);
}

/** `abc` of `run/abc`. */
export function runOfStream(stream: string): string {
  return stream.slice(stream.indexOf("/") + 1);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isBlobRef(value: unknown): value is BlobRef & JsonObject {
  return (
    isObject(value) && typeof value["sha256"] === "string" && typeof value["bytes"] === "number"
  );
}

/** Freezes a freshly parsed value all the way down. */
function deepFreeze<X extends Json>(value: X): X {
  if (typeof value !== "object" || value === null) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}

function broken(stream: StreamName, seq: number, what: string, cause?: unknown): never {
  throw new BatonError("JOURNAL_BROKEN", `The journal of ${stream.stream} is broken: ${what}.`, {
    details: { namespace: stream.namespace, stream: stream.stream, seq },
    ...(cause === undefined ? {} : { cause }),
  });
}
