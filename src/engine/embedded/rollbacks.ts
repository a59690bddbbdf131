/** What people, and parent runs, ask for about the way back of a run. */
import { hasEnded } from "../../decide/decide.ts";
import { waitsForPerson } from "../../decide/saga.ts";
import type { Author, CompensationAction, Fact, RollbackReason } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import { dropActor } from "./actors.ts";
import { finished } from "./outcomes.ts";
import type { Actor, Arrived, Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import { factsOf } from "./run-facts.ts";
import { actorOf, reopenedActor } from "./runs.ts";

/**
 * Has a run go back: one that has ended takes its end back, one that has not is cancelled.
 * @throws BatonError RUN_NOT_FOUND, RUN_FINISHED for one that was refused or compensated
 */
export async function rollBack(
  core: Core,
  run: string,
  by: Author,
  reason: RollbackReason,
): Promise<void> {
  const actor = await reopenedActor(core, run);
  const facts = hasEnded(actor.run) ? await reopened(core, actor) : undefined;
  if (facts !== undefined) deliver(core, actor, { kind: "history", facts });
  await recorded(core, actor, { kind: "rollback", by, reason });
}

/** The journal of a run that takes its end back. It leaves memory again if it can't. */
async function reopened(core: Core, actor: Actor): Promise<readonly Fact[]> {
  const { run } = actor;
  try {
    if (run.phase.kind === "refused" || run.phase.kind === "compensated") {
      throw finished(run);
    }
    if (run.missing.length > 0) {
      throw new BatonError(
        "AGENT_NOT_FOUND",
        `Run ${run.id} can't be compensated: ${run.missing.join(", ")} is not here.`,
        { details: { run: run.id, missing: run.missing } },
      );
    }
    return await factsOf(core, run.id);
  } catch (error) {
    dropActor(core, actor);
    throw error;
  }
}

/** A decision of a person about a compensation that waits for one. */
export interface Decision {
  readonly run: string;
  readonly path: string;
  readonly turn: number | undefined;
  readonly by: Author;
  readonly action: CompensationAction;
  readonly reason: string | undefined;
}

/**
 * Records a person's decision; the run goes on from there.
 * @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, COMPENSATION_UNKNOWN
 */
export async function resolve(core: Core, decision: Decision): Promise<void> {
  const { run, path, by, action, reason } = decision;
  const actor = await actorOf(core, run);
  const pending = [...(actor.run.rollback?.pending.values() ?? [])];
  const planned = pending.find(
    (each) =>
      each.path === path &&
      (decision.turn === undefined || each.turn === decision.turn) &&
      waitsForPerson(actor.run, each),
  );
  if (planned === undefined) {
    throw new BatonError(
      "COMPENSATION_UNKNOWN",
      `In run ${run} no compensation at ${path} waits for a person.`,
      { details: { run, path } },
    );
  }
  if (action === "retry" && planned.what === "unknown" && isUnanswerable(actor, planned.path)) {
    throw new BatonError(
      "COMPENSATION_UNKNOWN",
      `The outcome at ${path} is not known, and its agent can't be compensated without one.`,
      {
        hint: "Find out in the outside system, then say `done` or `skip`.",
        details: { run, path },
      },
    );
  }
  const { turn } = planned;
  await recorded(core, actor, { kind: "resolve", path, turn, by, action, reason });
}

/** Whether nothing was tried: then no attempt of the agent failed, and there is nothing to try again. */
function isUnanswerable(actor: Actor, path: string): boolean {
  const states = actor.run.rollback?.states ?? new Map<string, unknown>();
  return ![...states.keys()].some((key) => key.startsWith(`${path}:`));
}

/** Delivers an input and waits until it is in the journal. */
async function recorded(
  core: Core,
  actor: Actor,
  input: Parameters<typeof deliver>[2],
): Promise<void> {
  const arrived = await new Promise<Arrived>((done) => deliver(core, actor, input, done));
  if (arrived.kind === "failed") throw arrived.error;
}
