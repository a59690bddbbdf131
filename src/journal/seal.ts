/**
 * Sealing: facts become entries, chained to the one before, as text and hash. Large values become blobs.
 *
 * The entry's fields are put down in the order of their names, so that its canonical text is written without sorting it again.
 */
import {
  ENTRY_FORMAT,
  type BlobRef,
  type Entry,
  type Fact,
  VALUE_FIELD,
  type ValuedKind,
} from "../model/entry.ts";
import { topicLabel } from "../model/event-facts.ts";
import { type Json, type JsonObject, keysInOrder, sealJson } from "../model/json.ts";
import type { Blob, NewEntry } from "../ports/journal-store.ts";
import { canonicalJson } from "./canonical.ts";
import { hashEntry, sha256Hex } from "./hash.ts";

/** Where facts are sealed to: the stream, its last hash, and the writer's epoch. */
export interface SealContext {
  readonly namespace: string;
  readonly stream: string;
  readonly epoch: number;
  /** Hash of the stream's last entry; 64 zeros if it has none. */
  readonly prev: string;
  readonly inlinePayloadBytesMax: number;
}

export interface SealedEntry {
  readonly entry: Entry;
  readonly stored: NewEntry;
  readonly value?: Json;
}

export interface Sealed {
  readonly entries: readonly SealedEntry[];
  readonly blobs: readonly Blob[];
  /** Hash of the last entry: the `prev` of the next. */
  readonly head: string;
}

/** Seals `facts` in order. */
export function seal(context: SealContext, facts: readonly Fact[]): Sealed {
  const entries: SealedEntry[] = [];
  const blobs: Blob[] = [];
  let prev = context.prev;
  for (const fact of facts) {
    let entry = entryOf(context, fact, prev, inlinePayload(fact));
    let text = textOf(entry);
    // UTF-8 takes three bytes at most for each character of the text: only a text that could be too long is looked at closely.
    if (text.length * 3 > context.inlinePayloadBytesMax && fact.value !== undefined) {
      const blob = blobOf(fact.value, context.inlinePayloadBytesMax);
      if (blob !== undefined) {
        blobs.push(blob.blob);
        entry = entryOf(context, fact, prev, blobPayload(fact, blob.ref));
        text = textOf(entry);
      }
    }
    prev = hashEntry(context.namespace, context.stream, text);
    entries.push({
      entry,
      stored: storedOf(fact, text, prev),
      ...(fact.value === undefined ? {} : { value: fact.value }),
    });
  }
  return { entries, blobs, head: prev };
}

/** Events are found by their topic, whatever run they are of. */
function storedOf(fact: Fact, text: string, hash: string): NewEntry {
  const { seq } = fact;
  if (fact.kind !== "event.published") return { seq, text, hash };
  return { seq, text, hash, label: topicLabel(fact.payload.topic) };
}

function textOf(entry: Entry): string {
  // An Entry is made of strings, numbers and sealed JSON only; the interface lacks the index signature of JsonObject.
  return canonicalJson(entry as unknown as JsonObject);
}

function entryOf(context: SealContext, fact: Fact, prev: string, payload: JsonObject): Entry {
  const entry: { -readonly [K in keyof Entry]?: Entry[K] } = {};
  if (fact.agent !== undefined) entry.agent = fact.agent;
  entry.at = fact.at;
  if (fact.attempt !== undefined) entry.attempt = fact.attempt;
  const { by, causation } = fact;
  entry.by =
    by.onBehalfOf === undefined
      ? { id: by.id, kind: by.kind }
      : { id: by.id, kind: by.kind, onBehalfOf: by.onBehalfOf };
  if (causation !== undefined) entry.causation = { seq: causation.seq, stream: causation.stream };
  entry.entryId = entryId(fact);
  entry.epoch = context.epoch;
  if (fact.inputHash !== undefined) entry.inputHash = fact.inputHash;
  entry.kind = fact.kind;
  entry.namespace = context.namespace;
  if (fact.path !== undefined) entry.path = fact.path;
  entry.payload = payload;
  entry.prev = prev;
  if (fact.reads !== undefined) entry.reads = inOrder(fact.reads);
  entry.seq = fact.seq;
  entry.stream = context.stream;
  if (fact.traceId !== undefined) entry.traceId = fact.traceId;
  if (fact.turn !== undefined) entry.turn = fact.turn;
  entry.v = ENTRY_FORMAT;
  // Every field that Entry requires has been set above.
  return entry as Entry;
}

/** What makes an entry recognisable as one's own: derived, so that a repeated append has the same. */
function entryId(fact: Fact): string {
  const place =
    fact.path === undefined
      ? fact.kind
      : `${fact.path}:${fact.turn ?? 0}:${fact.attempt ?? 0}:${fact.kind}`;
  switch (fact.kind) {
    case "once.recorded":
      return `${place}:${fact.payload.name}`;
    case "signal.received":
      return `${place}:${fact.payload.id}`;
    case "run.resumed":
      return `${place}:${fact.payload.incarnation}`;
    case "attempt.probed":
      return `${place}:${fact.payload.probe}`;
    case "reminder.due":
      return `${place}:${fact.payload.remindAt}`;
    case "handoff.refused":
    case "run.blocked":
    case "run.parked":
    case "compensation.resolved":
    case "subscription.opened":
    case "subscription.moved":
    case "subscription.paused":
    case "subscription.resumed":
    case "subscription.rewound":
    case "event.published":
    case "event.received":
    case "event.refused":
    case "message.refused":
    case "event.unclaimed":
    case "step.parked":
    case "step.resolved":
    case "projection.moved":
    case "workflow.registered":
    case "topic.registered":
    case "registry.published":
    case "registry.aliased":
    case "registry.granted":
    case "registry.revoked":
    case "registry.owned":
    case "breaker.opened":
    case "breaker.halfOpened":
    case "breaker.closed":
    case "budget.reserved":
    case "budget.settled":
    case "budget.raised":
    case "thread.valued":
    case "thread.checkpointed":
    case "thread.written":
    case "thread.deleted":
    case "memory.put":
    case "memory.removed":
      return `${place}:${fact.seq}`;
    default:
      return place;
  }
}

function inlinePayload(fact: Fact): JsonObject {
  const payload = plainPayload(fact);
  return fact.value === undefined
    ? payload
    : withField(payload, VALUE_FIELD[fact.kind as ValuedKind], fact.value);
}

/** A payload, whose keys are in order, with one field more in its place. */
function withField(payload: JsonObject, field: string, value: Json): JsonObject {
  const whole: Record<string, Json> = {};
  let isThere = false;
  for (const key in payload) {
    if (!isThere && key > field) {
      whole[field] = value;
      isThere = true;
    }
    whole[key] = payload[key] as Json;
  }
  if (!isThere) whole[field] = value;
  return whole;
}

function blobPayload(fact: Fact, ref: BlobRef): JsonObject {
  const field = VALUE_FIELD[fact.kind as ValuedKind];
  return withField(plainPayload(fact), `${field}Blob`, { bytes: ref.bytes, sha256: ref.sha256 });
}

function plainPayload(fact: Fact): JsonObject {
  // A payload is declared as an object for every kind, and sealing keeps it one.
  return sealJson(fact.payload, `payload of ${fact.kind}`) as JsonObject;
}

function blobOf(
  value: Json,
  inlineBytesMax: number,
): { readonly blob: Blob; readonly ref: BlobRef } | undefined {
  const text = canonicalJson(value);
  const bytes = Buffer.byteLength(text);
  if (bytes <= inlineBytesMax) return undefined;
  const sha256 = sha256Hex(text);
  return { blob: { sha256, text }, ref: { bytes, sha256 } };
}

function inOrder<X>(fields: Readonly<Record<string, X>>): Readonly<Record<string, X>> {
  const keys = keysInOrder(fields);
  if (keys.length < 2) return fields;
  const ordered: Record<string, X> = {};
  for (const key of keys) {
    const field = fields[key];
    if (field !== undefined) ordered[key] = field;
  }
  return ordered;
}
