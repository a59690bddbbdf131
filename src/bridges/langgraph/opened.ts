/**
 * A store that is open, and the right to write to it: a lease of one's own, or that of the Baton which was opened with the store.
 */
import { BatonError } from "../../model/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JournalStore, StoreFactory } from "../../ports/journal-store.ts";

export interface Opened {
  readonly store: JournalStore;
  readonly namespace: string;
  readonly now: () => number;
  /** The epoch to write under. @throws BatonError STORE_READ_ONLY where nobody here has the lease */
  readonly epoch: () => number;
}

export interface SharedStore {
  /** What is open now. @throws BatonError STORE_CLOSED */
  readonly opened: () => Opened;
  /** For `open({ store })` of Baton: what is written here is written under that Baton's lease, as long as it is open. */
  readonly factory: StoreFactory;
  /** Opens the store without a Baton, takes the lease and keeps it. */
  readonly open: (mode: { readonly readOnly: boolean; readonly holder: string }) => Promise<void>;
  /** Closes what {@link SharedStore.open} opened; does nothing else. */
  readonly close: () => Promise<void>;
}

/** How often the lease is renewed, as an engine does. */
const RENEW_MS = 2_000;

export function sharedStore(
  make: StoreFactory,
  namespace: string,
  clock: Pick<Clock, "now" | "after">,
): SharedStore {
  let current: Opened | undefined;
  /** Opening takes time, and a second one in that time would be used beside the first. */
  let isOpening = false;
  let closeOwn: (() => Promise<void>) | undefined;

  function use(store: JournalStore, now: () => number): JournalStore {
    let epochHeld: number | undefined;
    const epoch = () => {
      if (epochHeld !== undefined) return epochHeld;
      throw new BatonError("STORE_READ_ONLY", `${store.label} is open here for reading only.`);
    };
    const mine: Opened = { store, namespace, now, epoch };
    current = mine;
    return {
      ...store,
      acquire: async (holder, takeOver) => {
        const result = await store.acquire(holder, takeOver);
        if (result.kind === "acquired") epochHeld = result.epoch;
        return result;
      },
      release: async (held) => {
        epochHeld = undefined;
        await store.release(held);
      },
      close: async () => {
        if (current === mine) current = undefined;
        await store.close();
      },
    };
  }

  const factory: StoreFactory = async (mode) => {
    if (isOpening || current !== undefined) throw openAlready(current?.store.label);
    isOpening = true;
    try {
      return use(await make(mode), mode.now ?? clock.now);
    } finally {
      isOpening = false;
    }
  };

  return {
    opened: () => {
      if (current !== undefined) return current;
      throw new BatonError("STORE_CLOSED", "The journal of the graph's checkpoints is not open.", {
        hint: "Give its `factory` to open() as the store, or await its own open() first.",
      });
    },
    factory,
    open: async ({ readOnly, holder }) => {
      const store = await factory({ readOnly, now: clock.now });
      try {
        closeOwn = readOnly ? () => store.close() : await keepLease(store, holder, clock);
      } catch (error) {
        await store.close();
        throw error;
      }
    },
    close: async () => {
      const close = closeOwn;
      closeOwn = undefined;
      await close?.();
    },
  };
}

function openAlready(label = "The journal of the graph's checkpoints"): BatonError {
  return new BatonError("STORE_IN_USE", `${label} is open already, or about to be.`, {
    hint: "Open one Baton with it, or open it by itself; for another Baton make another one.",
  });
}

/** Takes the lease and renews it; what is returned gives it back and closes the store. */
async function keepLease(
  store: JournalStore,
  holder: string,
  clock: Pick<Clock, "after">,
): Promise<() => Promise<void>> {
  const result = await store.acquire(holder);
  if (result.kind === "held") {
    throw new BatonError("STORE_IN_USE", `${store.label} is in use by ${result.lease.holder}.`, {
      details: { holder: result.lease.holder, epoch: result.lease.epoch },
    });
  }
  const { epoch } = result;
  let cancel = () => {};
  let isClosed = false;
  const again = () => {
    if (!isClosed) cancel = clock.after(RENEW_MS, renew, true);
  };
  // Whoever has lost the lease learns it when it writes; a store that can't be written now is no loss of the lease.
  const renew = () => void store.renew(epoch).then((ours) => ours && again(), again);
  again();
  return async () => {
    isClosed = true;
    cancel();
    try {
      await store.release(epoch);
    } finally {
      // What can't be written (a full disk) can be closed: the next process takes the lease as it does from one that died.
      await store.close();
    }
  };
}
