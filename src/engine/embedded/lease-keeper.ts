/**
 * The lease: one active process per store.
 *
 * states: free -> held (acquire) -> lost (renewal refused; fenced) | released (close).
 * L1. The epoch is checked in every appending transaction; the renewals only make a live holder visible.
 * L2. A standby takes over when epoch and heartbeat have not changed for `staleMs` on its own monotonic clock.
 */
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JournalStore, Lease, LeaseResult } from "../../ports/journal-store.ts";

/** How often the holder renews, and how long an observer watches an unchanged heartbeat before it takes over: five missed renewals. */
const RENEW_MS = 2_000;
const STALE_MS = 10_000;
const STANDBY_LOOK_MS = 500;

export type AcquiredLease = Extract<LeaseResult, { readonly kind: "acquired" }>;

/**
 * Takes the lease; as a standby, waits until it can.
 * @throws BatonError STORE_IN_USE if another process holds it and `standby` is not set.
 */
export async function acquireLease(
  store: JournalStore,
  clock: Clock,
  holder: string,
  standby: boolean,
): Promise<AcquiredLease> {
  let seen: { readonly lease: Lease; readonly sinceMs: number } | undefined;
  for (;;) {
    const stale =
      seen !== undefined && clock.monotonicMs() - seen.sinceMs >= STALE_MS ? seen.lease : undefined;
    const result = await tryAcquire(store, holder, stale, standby);
    if (result === undefined) {
      await pause(clock);
      continue;
    }
    if (result.kind === "acquired") return result;
    const { lease } = result;
    if (!standby) {
      throw new BatonError("STORE_IN_USE", `${store.label} is in use by ${lease.holder}.`, {
        details: { holder: lease.holder, epoch: lease.epoch },
      });
    }
    if (
      seen === undefined ||
      seen.lease.epoch !== lease.epoch ||
      seen.lease.heartbeat !== lease.heartbeat
    ) {
      seen = { lease, sinceMs: clock.monotonicMs() };
    }
    await pause(clock);
  }
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(STANDBY_LOOK_MS, resolve));
}

/**
 * Undefined where a standby has to look again: the holder hangs in the middle of a commit, and has the file locked. Nobody can
 * take over until it goes on or dies.
 */
async function tryAcquire(
  store: JournalStore,
  holder: string,
  stale: Lease | undefined,
  standby: boolean,
): Promise<LeaseResult | undefined> {
  try {
    return await store.acquire(holder, stale);
  } catch (error) {
    if (standby && isBatonError(error, "STORE_IN_USE")) return undefined;
    throw error;
  }
}

/** Renews until stopped; calls `lost` once if the epoch is no longer ours. A store that can't be written now is no loss of the lease. */
export function keepLease(
  store: JournalStore,
  clock: Clock,
  epoch: number,
  lost: () => void,
): () => void {
  let stopped = false;
  let cancel: () => void = () => {};
  const renew = () => {
    store.renew(epoch).then(
      (ours) => {
        if (stopped) return;
        if (ours) again();
        else lost();
      },
      () => {
        if (!stopped) again();
      },
    );
  };
  const again = () => {
    cancel = clock.after(RENEW_MS, renew, true);
  };
  again();
  return () => {
    stopped = true;
    cancel();
  };
}
