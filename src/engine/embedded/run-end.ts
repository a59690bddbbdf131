/** Waiting for the end of a run. */
import type { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { RunOutcome } from "../baton.ts";
import type { Core } from "./core.ts";
import { readOutcome } from "./runs.ts";

/** Waits first, then looks whether the run has ended already, so that no end falls in between. */
export async function endOf(core: Core, run: string): Promise<RunOutcome<Json>> {
  if (core.stopped !== undefined) throw core.stopped;
  return await new Promise((resolve, reject) => {
    const waiters = core.waiters.get(run) ?? [];
    core.waiters.set(run, waiters);
    const waiter = (told: RunOutcome<Json> | BatonError) => {
      if (told instanceof Error) reject(told);
      else resolve(told);
    };
    waiters.push(waiter);
    if (core.actors.has(run)) return;
    const leave = () => {
      const at = waiters.indexOf(waiter);
      if (at >= 0) waiters.splice(at, 1);
      if (waiters.length === 0 && core.waiters.get(run) === waiters) core.waiters.delete(run);
    };
    readOutcome(core, run).then(
      (ended) => {
        if (ended === undefined) return;
        leave();
        resolve(ended.outcome);
      },
      (error: unknown) => {
        leave();
        reject(core.stopped ?? error);
      },
    );
  });
}
