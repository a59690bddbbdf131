/** A store for tests that fails when it is told to: in front of a real one, whose journal stays what it is. */
import { BatonError } from "../model/errors.ts";
import type {
  AppendRequest,
  AppendResult,
  JournalStore,
  StoreFactory,
} from "../ports/journal-store.ts";

/**
 * What becomes of an append. `commit`: it is done. `fail`: nothing is kept, and it is refused. `loseAnswer`: it is kept, and
 * refused all the same. `crashBefore`, `crashAfter`: the process dies before, or after, it is kept; nothing is answered any
 * more, to this append or to anything else.
 */
export type Fault = "commit" | "fail" | "loseAnswer" | "crashBefore" | "crashAfter";

export interface FaultyStore {
  readonly factory: StoreFactory;
  /** Resolves when the process has died, with the store free for the next one. */
  readonly crashed: Promise<void>;
  /** Whether the process has died. */
  readonly isDead: () => boolean;
  /** Appends that were asked for so far. */
  readonly appends: () => number;
}

/** Puts faults in front of a store. `fault` is asked for each append, counted from 1. */
export function faultyStore(
  inner: StoreFactory,
  fault: (append: number, request: AppendRequest) => Fault,
): FaultyStore {
  let count = 0;
  let dead = false;
  let tellCrashed: () => void = () => {};
  const crashed = new Promise<void>((resolve) => {
    tellCrashed = resolve;
  });
  const alive = async <X>(ask: () => Promise<X>): Promise<X> => {
    if (dead) return await never<X>();
    try {
      const given = await ask();
      return dead ? await never<X>() : given;
    } catch (error) {
      if (dead) return await never<X>();
      throw error;
    }
  };
  const die = async (store: JournalStore): Promise<AppendResult> => {
    dead = true;
    await store.close();
    tellCrashed();
    return await never<AppendResult>();
  };
  const append = async (store: JournalStore, request: AppendRequest): Promise<AppendResult> => {
    if (dead) return await never<AppendResult>();
    count += 1;
    switch (fault(count, request)) {
      case "commit":
        return await alive(() => store.append(request));
      case "fail":
        throw new BatonError("STORE_FAILED", "The disk is full, says the test.");
      case "loseAnswer":
        await alive(() => store.append(request));
        throw new BatonError("STORE_FAILED", "The answer was lost, says the test.");
      case "crashBefore":
        return await die(store);
      case "crashAfter": {
        const kept = store.append(request);
        dead = true;
        await kept;
        return await die(store);
      }
    }
  };
  return {
    factory: async (mode) => {
      const store = await inner(mode);
      return {
        ...store,
        append: (request) => append(store, request),
        read: (...request) => alive(() => store.read(...request)),
        head: (stream) => alive(() => store.head(stream)),
        heads: (filter) => alive(() => store.heads(filter)),
        arrived: (...request) => alive(() => store.arrived(...request)),
        blob: (sha256) => alive(() => store.blob(sha256)),
        lease: () => alive(() => store.lease()),
        renew: (epoch) => alive(() => store.renew(epoch)),
        release: (epoch) => alive(() => store.release(epoch)),
      };
    },
    crashed,
    isDead: () => dead,
    appends: () => count,
  };
}

function never<X>(): Promise<X> {
  return new Promise<X>(() => {});
}
