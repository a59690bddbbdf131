/** Giving a run an event that was published elsewhere. */
import { ENGINE } from "../../decide/turn.ts";
import { isBatonError } from "../../model/errors.ts";
import type { FoundEvent } from "../topic-events.ts";
import type { Arrived, Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import { actorOf } from "./runs.ts";

/** Resolves once a run has recorded the event, or has ended. `inOrder`: not before it was given what came early. */
export async function giveEvent(
  core: Core,
  run: string,
  event: FoundEvent,
  when: "inOrder" | "now",
): Promise<void> {
  try {
    let actor = await actorOf(core, run);
    const early = when === "inOrder" ? core.unclaimed.settled(run) : undefined;
    if (early !== undefined) {
      await early;
      // It may have come to rest meanwhile, and left memory.
      actor = await actorOf(core, run);
    }
    // Its id may begin with another correlation's by chance.
    if (actor.run.correlation !== event.correlation) return;
    const { facts, data, stream, seq } = event;
    const arrived = await new Promise<Arrived>((told) =>
      deliver(
        core,
        actor,
        { kind: "event", by: ENGINE, event: facts, from: { stream, seq }, data },
        told,
      ),
    );
    if (arrived.kind === "failed") throw arrived.error;
  } catch (error) {
    // It has ended meanwhile: nothing of it waits for the event any more.
    if (isBatonError(error, "RUN_FINISHED")) return;
    throw error;
  }
}
