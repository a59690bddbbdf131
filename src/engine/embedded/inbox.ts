/** Inboxes and the tick: what arrives during one turn of the event loop is taken in, and committed, together. */
import type { Input } from "../../decide/accept.ts";
import { BatonError } from "../../model/errors.ts";
import type { Actor, Arrived, Core } from "./core.ts";

/** Puts an input into an actor's inbox; it is taken in with the next tick. `done` is called once it is in the journal. */
export function deliver(
  core: Core,
  actor: Actor,
  input: Input,
  done?: (arrived: Arrived) => void,
): void {
  if (actor.dropped) {
    done?.({ kind: "failed", error: core.stopped ?? gone(actor.id) });
    return;
  }
  actor.inbox.push({ input, done });
  listActor(core, actor);
}

/** Lists an actor for the next tick. */
export function listActor(core: Core, actor: Actor): void {
  if (actor.listed || actor.dropped) return;
  actor.listed = true;
  core.listed.push(actor);
  if (core.tickSet) return;
  core.tickSet = true;
  const { clock } = core;
  const act = () => core.inOwnContext(() => tick(core));
  if (clock.soon === undefined) setImmediate(act);
  else clock.soon(act);
}

function tick(core: Core): void {
  core.tickSet = false;
  const { listed } = core;
  core.listed = [];
  for (const actor of listed) {
    actor.listed = false;
    if (actor.appending) actor.again = true;
    else if (!actor.dropped) core.process(actor);
  }
}

/** For those who wait for something of a run that left memory before it was recorded. */
export function gone(run: string): BatonError {
  return new BatonError("STORE_FAILED", `Run ${run} left memory before this was recorded.`, {
    hint: "Try again: the journal is as it was.",
  });
}
