/**
 * What a process that closes leaves behind: attempts that did not end in the time that they were given, and may act still.
 *
 * A run that rested until a retry was due is in the store's index with that time, and the retry has changed nothing there. So that
 * the next process does not take it for one that only waits, but resumes it, the index says now that something was under way.
 * Where the store refuses that, the next process knows no more than the journal; it is not worth staying for.
 */
import { indexOf } from "./actors.ts";
import type { Actor, Core } from "./core.ts";

/** Notes in the store's index which runs have attempts that are left behind. */
export async function noteLeft(core: Core): Promise<void> {
  const left = [...core.actors.values()].filter(isTakenToRest);
  await Promise.allSettled(left.map((actor) => note(core, actor)));
}

/** What is being appended says by itself that something is under way. */
function isTakenToRest({ attempts, appending, dropped, index }: Actor): boolean {
  if (attempts.size === 0 || appending || dropped) return false;
  return index === undefined || index.wakeAtMs !== undefined;
}

async function note(core: Core, { run, stream }: Actor): Promise<void> {
  const part = { ...stream, expectedSeq: run.seq, entries: [], index: indexOf(run) };
  await core.store.append({ streams: [part], blobs: [], epoch: core.epoch });
}
