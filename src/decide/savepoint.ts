/**
 * How far back a run may go: to a savepoint, the whole way, or, once a pivot was sealed, no further than that.
 *
 * V1. A savepoint is there as long as what its step sealed stands in the state.
 * V2. By itself a run goes back to the newest savepoint that has attempts left; they are counted over the whole run, so that
 *     it comes to an end.
 * V3. Nothing goes back across a pivot that was sealed.
 */
import type { Savepoint } from "../model/entry.ts";
import type { Run } from "../model/run.ts";

/** The newest pivot that was sealed, if any was. */
export function pivotPassed(run: Run): Savepoint | undefined {
  let newest: Savepoint | undefined;
  for (const { name, pivot } of run.definition.steps) {
    if (pivot === undefined) continue;
    const sealed = sealedAt(run, name);
    if (sealed !== undefined && sealed.seq > (newest?.seq ?? -1)) newest = sealed;
  }
  return newest;
}

/** The savepoint of a step, if the run can go back to it (V1, V3). */
export function savepointOf(run: Run, step: string): Savepoint | undefined {
  if (run.definition.stepByName.get(step)?.savepoint === undefined) return undefined;
  const sealed = sealedAt(run, step);
  return sealed === undefined || sealed.seq < (pivotPassed(run)?.seq ?? -1) ? undefined : sealed;
}

/** The savepoints that a run can go back to, the newest first. */
export function savepointsOf(run: Run): readonly Savepoint[] {
  return run.definition.steps
    .flatMap(({ name }) => savepointOf(run, name) ?? [])
    .sort((a, b) => b.seq - a.seq);
}

/** Where the run goes back to by itself (V2); undefined for the whole way. */
export function savepointLeft(run: Run): Savepoint | undefined {
  return savepointsOf(run).find(({ step }) => {
    const attempts = run.definition.stepByName.get(step)?.savepoint?.attempts ?? 0;
    return (run.savepointUses.get(step) ?? 0) < attempts;
  });
}

/** The newest version, as a place to go back to: what is settled stays, and what was cut off begins anew. */
export function newestVersion(run: Run): Savepoint | undefined {
  let newest: Savepoint | undefined;
  for (const step of run.values.keys()) {
    const sealed = sealedAt(run, step);
    if (sealed !== undefined && sealed.version > (newest?.version ?? -1)) newest = sealed;
  }
  return newest;
}

function sealedAt(run: Run, step: string): Savepoint | undefined {
  const value = run.values.get(step);
  return value === undefined ? undefined : { step, version: value.version, seq: value.seq };
}
