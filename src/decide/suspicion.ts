/**
 * Poison: a call that takes its process with it, again and again. Nothing tells which of those under way it was, so that
 * suspicion comes first, then quarantine, and only then a verdict.
 *
 * V1. A call is suspected for each death of a process in which it stood ready or was begun, in a row; any outcome clears it.
 * V2. A call that is suspected of {@link SUSPECT_CRASHES} deaths is begun in quarantine: with an intent in the journal, and
 *     with no other such call beside it in the process.
 * V3. Guilty is who was in quarantine when the process died, `limits.crashesMax` times: it is parked. Whoever was merely beside
 *     it has its outcome before that, and is clear again.
 * V4. A process that was closed has not died: whatever it left behind is not suspected for it.
 */
import type { Run } from "../model/run.ts";
import { readyPaths } from "./ready-paths.ts";

/** One death says nothing: whatever was under way was beside it. */
const SUSPECT_CRASHES = 2;

/** Suspects what may have been under way when the process died (V1). `run` is a fold, and `at` the time at which it goes on. */
export function suspectReady(run: Run, at: number): void {
  if (run.phase.kind !== "going") return;
  const isPausing = (path: string) =>
    (run.calls.get(path)?.retryAt ?? 0) > at ||
    (run.holds.get(path)?.dueAt ?? 0) > at ||
    run.parked.has(path) ||
    run.unknowns.has(path);
  for (const step of run.definition.steps) {
    for (const path of readyPaths(run, step, isPausing)) {
      if (isPausing(path)) continue;
      const { crashes, deaths } = run.suspicions.get(path) ?? { crashes: 0, deaths: 0 };
      const isGuilty = run.intents.get(path)?.quarantined === true;
      run.suspicions.set(path, { crashes: crashes + 1, deaths: deaths + (isGuilty ? 1 : 0) });
    }
  }
}

/** Whether a call is to be begun in quarantine (V2). */
export function isSuspected(run: Run, path: string): boolean {
  return run.suspicions.size > 0 && (run.suspicions.get(path)?.crashes ?? 0) >= SUSPECT_CRASHES;
}

/** How many deaths a call is to be parked for; undefined if it is not (V3). */
export function poisonDeaths(run: Run, path: string): number | undefined {
  const deaths = run.suspicions.get(path)?.deaths ?? 0;
  return deaths >= run.limits.crashesMax ? deaths : undefined;
}

/** After a person has asked for another attempt: it is still dangerous, and is counted anew. */
export function pardon(run: Run, path: string): void {
  const known = run.suspicions.get(path);
  if (known !== undefined) run.suspicions.set(path, { ...known, deaths: 0 });
}
