/**
 * A thread of a graph: the fold of the stream `thread/<thread>`.
 *
 * T1. It is made from entries alone: what was just appended is applied as what was read is.
 * T2. After `thread.deleted` nothing that stood before it is found.
 * T3. A later checkpoint of the same id replaces the earlier one; a later write of the same place does where it may.
 */
import type { Fact } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import { contentKey, type Piece, type Place, readPiece } from "./piece.ts";

export interface SavedCheckpoint {
  readonly seq: number;
  readonly ns: string;
  readonly id: string;
  readonly parent: string | undefined;
  /** The checkpoint without the values of its channels. */
  readonly frame: Piece;
  readonly metadata: Piece;
  readonly channels: ReadonlyMap<string, Piece>;
}

export interface SavedWrite {
  /** The id of the node's execution, and its path. */
  readonly writer: string;
  readonly path: string;
  /** Its place among the writer's; below 0 for the special ones, of which there is one each. */
  readonly index: number;
  readonly channel: string;
  readonly value: Piece;
}

export interface Thread {
  lastSeq: number;
  /** Hash of the last entry, and when it was written; undefined and 0 where there is none. */
  lastHash: string | undefined;
  lastAt: number;
  /** By {@link checkpointKey}. */
  readonly checkpoints: Map<string, SavedCheckpoint>;
  readonly bySeq: Map<number, SavedCheckpoint>;
  /** By {@link checkpointKey}, then by writer and index. */
  readonly writes: Map<string, Map<string, SavedWrite>>;
  readonly pieces: Map<string, Piece>;
  /** By {@link contentKey}. */
  readonly byContent: Map<string, Piece>;
  /** The channels' versions that have a value, by {@link versionKey}. */
  readonly versions: Set<string>;
}

export function newThread(): Thread {
  return {
    lastSeq: -1,
    lastHash: undefined,
    lastAt: 0,
    checkpoints: new Map(),
    bySeq: new Map(),
    writes: new Map(),
    pieces: new Map(),
    byContent: new Map(),
    versions: new Set(),
  };
}

const PREFIX = "thread/";

/** The stream of a thread: its id encoded as in a URL, so that any id makes a stream's name. */
export function threadStream(thread: string): string {
  if (!thread.isWellFormed())
    throw new BatonError("ARGUMENT_INVALID", "The thread_id has a lone surrogate.");
  return PREFIX + encodeURIComponent(thread);
}

export function threadOfStream(stream: string): string {
  return decodeURIComponent(stream.slice(PREFIX.length));
}

/** The prefix of all threads' streams. */
export const THREADS = PREFIX;

export function checkpointKey(ns: string, id: string): string {
  return JSON.stringify([ns, id]);
}

export function versionKey(ns: string, channel: string, version: number | string): string {
  return JSON.stringify([ns, channel, version]);
}

export function writeKey(writer: string, index: number): string {
  return JSON.stringify([writer, index]);
}

/** Puts the entry's fact into the thread. @throws BatonError ENTRY_UNKNOWN, JOURNAL_BROKEN */
export function applyToThread(thread: Thread, fact: Fact, hash: string): void {
  switch (fact.kind) {
    case "thread.valued": {
      const { type, sha256, base64 = false } = fact.payload;
      const place: Place = [fact.seq, 0];
      remember(thread, { place, type, base64, sha256, age: 0, body: { kind: "apart" } });
      break;
    }
    case "thread.checkpointed":
      applyCheckpoint(thread, fact);
      break;
    case "thread.written":
      applyWrites(thread, fact);
      break;
    case "thread.deleted":
      for (const part of [
        thread.checkpoints,
        thread.bySeq,
        thread.writes,
        thread.pieces,
        thread.byContent,
        thread.versions,
      ])
        part.clear();
      break;
    default:
      throw new BatonError("ENTRY_UNKNOWN", `A thread has an entry of the kind ${fact.kind}.`);
  }
  thread.lastSeq = fact.seq;
  thread.lastHash = hash;
  thread.lastAt = fact.at;
}

type FactOf<K extends Fact["kind"]> = Extract<Fact, { readonly kind: K }>;

/** How the value of `thread.checkpointed` is made. */
export interface CheckpointValue {
  readonly frame: Json;
  readonly metadata: Json;
  /** Each channel that is not as in the entry `base`: its name, its version if it has one, its piece. */
  readonly channels: readonly (readonly [string, number | string | null, Json])[];
  /** The channels of the entry `base` that have no value any more. */
  readonly gone: readonly string[];
}

/** How the value of `thread.written` is made: each write's index, channel and piece. */
export type WritesValue = readonly (readonly [number, string, Json])[];

function applyCheckpoint(thread: Thread, fact: FactOf<"thread.checkpointed">): void {
  const { ns, id, parent, base } = fact.payload;
  // What was sealed is what was written, which the entry's hash has confirmed; pieces are looked at one by one.
  const value = fact.value as unknown as CheckpointValue;
  const before = base === undefined ? undefined : thread.bySeq.get(base);
  if (base !== undefined && before === undefined)
    broken(fact, `it goes on from the entry ${base}, which has no checkpoint`);
  const channels = new Map(before?.channels);
  for (const name of value.gone) channels.delete(name);
  const frame = take(thread, fact, value.frame, 0);
  const metadata = take(thread, fact, value.metadata, 1);
  value.channels.forEach(([name, version, stored], i) => {
    channels.set(name, take(thread, fact, stored, i + 2));
    if (version !== null) thread.versions.add(versionKey(ns, name, version));
  });
  const saved: SavedCheckpoint = { seq: fact.seq, ns, id, parent, frame, metadata, channels };
  thread.checkpoints.set(checkpointKey(ns, id), saved);
  thread.bySeq.set(fact.seq, saved);
}

function applyWrites(thread: Thread, fact: FactOf<"thread.written">): void {
  const { ns, id, writer, path } = fact.payload;
  // As above.
  const stored = fact.value as unknown as WritesValue;
  const key = checkpointKey(ns, id);
  const written = thread.writes.get(key) ?? new Map<string, SavedWrite>();
  thread.writes.set(key, written);
  stored.forEach(([index, channel, piece], i) => {
    const value = take(thread, fact, piece, i);
    written.set(writeKey(writer, index), { writer, path, index, channel, value });
  });
}

function take(thread: Thread, fact: Fact, stored: Json, no: number): Piece {
  const place: Place = [fact.seq, no];
  const piece = readPiece(stored, place, (at) => thread.pieces.get(String(at)));
  if (piece === undefined)
    broken(fact, `its piece ${no} is none, or refers to one that is not there`);
  if (piece.place === place) remember(thread, piece);
  return piece;
}

function remember(thread: Thread, piece: Piece): void {
  thread.pieces.set(String(piece.place), piece);
  thread.byContent.set(contentOf(piece), piece);
}

/** The {@link contentKey} of a piece's text. */
export function contentOf({ type, base64, sha256, body }: Piece): string {
  if (sha256 !== undefined) return `${base64 ? "base64" : "text"}\n${type}\n${sha256}`;
  const text = body.kind === "whole" ? body.text : "";
  return contentKey({ type, base64, text });
}

function broken(fact: Fact, why: string): never {
  throw new BatonError("JOURNAL_BROKEN", `Entry ${fact.seq} of a thread can't be used: ${why}.`, {
    details: { seq: fact.seq, kind: fact.kind },
  });
}
