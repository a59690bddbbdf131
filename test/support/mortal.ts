/** Processes that die at a moment of the test's choice: the lease stays held, and nothing that was under way is heard of again. */
import { type Baton, open, type OpenOptions } from "baton";
import { type VirtualClock, virtualClock } from "baton/testing";
import type { JournalStore, StoreFactory } from "../../src/ports/journal-store.ts";

export interface Mortal {
  readonly factory: StoreFactory;
  readonly kill: () => void;
  readonly isDead: () => boolean;
}

/** A store that is not answered any more once its process is killed. */
export function mortal(inner: StoreFactory): Mortal {
  let dead = false;
  const reach = async <X>(ask: () => Promise<X>): Promise<X> => {
    if (dead) return await never<X>();
    const given = await ask();
    return dead ? await never<X>() : given;
  };
  return {
    factory: async (mode) => {
      const store = await inner(mode);
      const living: JournalStore = {
        ...store,
        append: (request) => reach(() => store.append(request)),
        read: (...request) => reach(() => store.read(...request)),
        head: (stream) => reach(() => store.head(stream)),
        heads: (filter) => reach(() => store.heads(filter)),
        labelled: (...request) => reach(() => store.labelled(...request)),
        arrived: (...request) => reach(() => store.arrived(...request)),
        blob: (sha256) => reach(() => store.blob(sha256)),
        renew: (epoch) => reach(() => store.renew(epoch)),
        release: (epoch) => reach(() => store.release(epoch)),
        close: () => reach(() => store.close()),
      };
      return living;
    },
    kill: () => {
      dead = true;
    },
    isDead: () => dead,
  };
}

function never<X>(): Promise<X> {
  return new Promise<X>(() => {});
}

/** One life of a process: opened over what the one before left, whether that was closed or died. */
export interface Life {
  readonly baton: Baton;
  readonly clock: VirtualClock;
  readonly process: Mortal;
}

/** Opens Baton in a new process. One that died has its heartbeat watched for a while first. */
export async function nextLife(
  store: StoreFactory,
  before: VirtualClock | undefined,
  options: (process: Mortal) => Pick<OpenOptions, "workflows"> & Partial<OpenOptions>,
): Promise<Life> {
  const clock = virtualClock(before?.now());
  const process = mortal(store);
  const baton = await clock.until(
    open({
      store: process.factory,
      standby: true,
      clock,
      log: () => {},
      ...options(process),
    }),
  );
  return { baton, clock, process };
}
