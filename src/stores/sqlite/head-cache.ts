/**
 * Where the streams end, remembered: without it each append would look its stream up in the index.
 *
 * Bounded without bookkeeping for each use: two generations, of which the older is forgotten when the younger is full.
 * What is in it is right because only the holder of the lease writes; it is cleared whenever a transaction fails.
 */
import type { StreamName } from "../../ports/journal-store.ts";
import type { HeadPlace } from "../group-commit.ts";

/** Heads in one generation. Far more than the runs that execute at once. */
const GENERATION_MAX = 16_384;

export interface HeadCache {
  get(name: StreamName): HeadPlace | undefined;
  set(name: StreamName, place: HeadPlace): void;
  clear(): void;
}

/** An empty cache that asks `load` for what it does not hold. */
export function headCache(load: (name: StreamName) => HeadPlace | undefined): HeadCache {
  let young = new Map<string, HeadPlace>();
  let old = new Map<string, HeadPlace>();

  function keep(key: string, place: HeadPlace): void {
    if (young.size >= GENERATION_MAX) {
      old = young;
      young = new Map();
    }
    young.set(key, place);
  }

  return {
    get(name) {
      const key = keyOf(name);
      const held = young.get(key);
      if (held !== undefined) return held;
      const found = old.get(key) ?? load(name);
      if (found !== undefined) keep(key, found);
      return found;
    },
    set(name, place) {
      keep(keyOf(name), place);
    },
    clear() {
      young = new Map();
      old = new Map();
    },
  };
}

function keyOf({ namespace, stream }: StreamName): string {
  return `${namespace}\n${stream}`;
}
