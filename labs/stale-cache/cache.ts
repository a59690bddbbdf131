/**
 * The cache of (a): a map in each process of a service, with a time to live, kept right by invalidations over a channel.
 *
 * A cache in the process, because a network hop to a cache costs as much as the query that it saves. Deleting from one's own map
 * can't fail; what can is the message to the other processes. Channels for that (publish and subscribe of the usual
 * key-value stores) deliver at most once: who isn't listening at the moment has missed it.
 */
import type { VirtualOrder } from "../virtual/virtual-order.ts";

export interface Cache<X> {
  get(key: string): X | undefined;
  set(key: string, value: X): void;
  delete(key: string): void;
}

/** A map whose entries are gone after `ttlMs`. */
export function ttlCache<X>(time: VirtualOrder, ttlMs: number): Cache<X> {
  const entries = new Map<string, { readonly value: X; readonly untilMs: number }>();
  return {
    get: (key) => {
      const entry = entries.get(key);
      if (entry === undefined || entry.untilMs > time.now()) return entry?.value;
      entries.delete(key);
      return undefined;
    },
    set: (key, value) => void entries.set(key, { value, untilMs: time.now() + ttlMs }),
    delete: (key) => void entries.delete(key),
  };
}

/** Where invalidations are published. */
export interface Invalidations {
  /**
   * Tells all caches that hear it. @throws Error if the channel refuses it, which is all that a publisher can notice.
   */
  publish(key: string): void;
}

/**
 * A channel to the caches of all replicas.
 * @param hears whether a replica's subscription works
 * @param refuses whether the channel refuses the next publishing of a key
 */
export function invalidations<X>(
  caches: readonly Cache<X>[],
  hears: (replica: number) => boolean,
  refuses: (key: string) => boolean,
): Invalidations {
  return {
    publish: (key) => {
      if (refuses(key)) throw new Error("The channel is not there.");
      for (const [replica, cache] of caches.entries()) {
        if (hears(replica)) cache.delete(key);
      }
    },
  };
}
