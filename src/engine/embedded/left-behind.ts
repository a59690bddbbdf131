/**
 * What a process that closes leaves behind: attempts that did not end in the time that they were given, and may act still, and
 * results that the store did not take.
 *
 * A run that rested until a retry was due is in the store's index with that time, and the retry has changed nothing there. So that
 * the next process does not take it for one that only waits, but resumes it, the index says now that something was under way.
 * A store that refuses it is asked again and again: to hand over what is not written down is worse than to be killed meanwhile,
 * because the next process knows that of one which died nothing is sure.
 */
import { isBatonError } from "../../model/errors.ts";
import type { Actor, Core } from "./core.ts";

const TRIED_FOR_MS = 30_000;
const PAUSE_MS = 100;

/** Notes in the store's index which runs have attempts, or results of attempts, that are left behind. */
export async function noteLeft(core: Core): Promise<void> {
  const left = [...core.actors.values()].filter(isTakenToRest);
  await Promise.allSettled(left.map((actor) => note(core, actor)));
}

/** What is being appended would say by itself that something was under way; the store may refuse it still. */
function isTakenToRest({ attempts, appending, dropped, index }: Actor): boolean {
  if (dropped || (!appending && attempts.size === 0)) return false;
  return index === undefined || index.wakeAtMs !== undefined;
}

async function note({ store, epoch, clock }: Core, { stream }: Actor): Promise<void> {
  const untilMs = clock.monotonicMs() + TRIED_FOR_MS;
  for (;;) {
    try {
      const head = await store.head(stream);
      // Its last append may have been kept though the answer was lost: one that has ended leaves nothing.
      if (head === undefined || !head.open) return;
      const index = { status: "running", open: true, type: head.type };
      const part = { ...stream, expectedSeq: head.lastSeq, entries: [], index };
      await store.append({ streams: [part], blobs: [], epoch });
      return;
    } catch (error) {
      const isOver = clock.monotonicMs() >= untilMs;
      if (isOver || !isBatonError(error, "STORE_FAILED")) throw error;
      await new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve));
    }
  }
}
