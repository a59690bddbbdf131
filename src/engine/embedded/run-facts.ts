/** A run's own journal, read for its decider: compensating needs what was sealed, of which a run in memory keeps only the newest. */
import { factOf, readRun } from "../../history/read.ts";
import type { Fact } from "../../model/entry.ts";
import type { Actor, Core } from "./core.ts";
import { deliver } from "./inbox.ts";

/** Pause before a journal that the store could not give is asked for again. */
const RETRY_MS = 1_000;

/** Hands a run its own journal. A store that can't be read now may be later; anything else is told to nobody but the log. */
export function readHistory(core: Core, actor: Actor): void {
  factsOf(core, actor.id).then(
    (facts) => deliver(core, actor, { kind: "history", facts }),
    (error: unknown) => {
      if (core.stopped !== undefined || core.closing || actor.dropped) return;
      core.log({
        level: "error",
        message: `Run ${actor.id} can't read its journal to compensate: ${String(error)}`,
        at: core.clock.now(),
        run: actor.id,
      });
      core.clock.after(RETRY_MS, () => {
        if (!actor.dropped) readHistory(core, actor);
      });
    },
  );
}

/** All facts of a run. @throws as readRun() */
export async function factsOf(core: Core, run: string): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for await (const recorded of readRun(core.store, core.namespace, run))
    facts.push(factOf(recorded));
  return facts;
}
