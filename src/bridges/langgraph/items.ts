/** One namespace of a LangGraph store: the fold of the stream `memory/<namespace>`. */
import type { Fact } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { FoldedState } from "./folded.ts";

export interface SavedItem {
  readonly key: string;
  readonly value: Json;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface Items extends FoldedState {
  readonly byKey: Map<string, SavedItem>;
}

export const MEMORIES = "memory/";

export function newItems(): Items {
  return { lastSeq: -1, lastHash: undefined, lastAt: 0, byKey: new Map() };
}

/** The stream of a namespace: its labels encoded as in a URL, and joined with slashes. */
export function itemsStream(namespace: readonly string[]): string {
  if (!namespace.every((label) => label.isWellFormed()))
    throw new BatonError("ARGUMENT_INVALID", "A label of the namespace has a lone surrogate.");
  return MEMORIES + namespace.map(encodeURIComponent).join("/");
}

export function namespaceOfStream(stream: string): readonly string[] {
  return stream.slice(MEMORIES.length).split("/").map(decodeURIComponent);
}

/** @throws BatonError ENTRY_UNKNOWN */
export function applyToItems(items: Items, fact: Fact, hash: string): void {
  if (fact.kind === "memory.put") {
    const { key } = fact.payload;
    const createdAt = items.byKey.get(key)?.createdAt ?? fact.at;
    items.byKey.set(key, { key, value: fact.value ?? null, createdAt, updatedAt: fact.at });
  } else if (fact.kind === "memory.removed") {
    items.byKey.delete(fact.payload.key);
  } else {
    throw new BatonError("ENTRY_UNKNOWN", `A memory has an entry of the kind ${fact.kind}.`);
  }
  items.lastSeq = fact.seq;
  items.lastHash = hash;
  items.lastAt = fact.at;
}
