/** What people, and parent runs, ask for about the way back of a run. */
import { hasEnded } from "../../decide/decide.ts";
import { waitsForPerson } from "../../decide/saga.ts";
import { pivotPassed, savepointOf, savepointsOf } from "../../decide/savepoint.ts";
import type { Author, CompensationAction, Fact, RollbackReason } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import type { Run } from "../../model/run.ts";
import { dropActor } from "./actors.ts";
import { finished } from "./outcomes.ts";
import type { Actor, Arrived, Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import { factsOf } from "./run-facts.ts";
import { actorOf, reopenedActor } from "./runs.ts";

/**
 * Has a run go back: one that has ended takes its end back, one that has not is cancelled. With `to` it goes back to the
 * savepoint of that step, and on from there.
 * @throws BatonError RUN_NOT_FOUND, RUN_FINISHED for one that was refused or compensated, PIVOT_PASSED, SAVEPOINT_NOT_FOUND
 */
export async function rollBack(
  core: Core,
  run: string,
  asked: { readonly by: Author; readonly reason: RollbackReason; readonly to?: string },
): Promise<void> {
  const actor = await reopenedActor(core, run);
  if (hasEnded(actor.run)) {
    const facts = await reopened(core, actor, asked.to);
    deliver(core, actor, { kind: "history", facts });
  } else refuseBack(actor.run, asked.to);
  await recorded(core, actor, { kind: "rollback", ...asked });
}

/** A run with a pivot that was sealed is not cancelled. @throws BatonError PIVOT_PASSED */
export function refuseCancel(run: Run): void {
  const pivot = pivotPassed(run);
  if (pivot === undefined) return;
  throw new BatonError(
    "PIVOT_PASSED",
    `Run ${run.id} has passed its pivot ${pivot.step}, and only goes forward.`,
    { details: { run: run.id, pivot: pivot.step, version: pivot.version } },
  );
}

/** @throws BatonError PIVOT_PASSED, SAVEPOINT_NOT_FOUND, AGENT_NOT_FOUND */
function refuseBack(run: Run, to: string | undefined): void {
  if (to === undefined) return refuseCancel(run);
  const { id, phase } = run;
  if (phase.kind === "blocked" || run.missing.length > 0)
    throw notHere(id, phase.kind === "blocked" ? phase.missing : run.missing);
  if (savepointOf(run, to) === undefined) {
    if (run.values.has(to) && run.definition.stepByName.get(to)?.savepoint !== undefined)
      refuseCancel(run);
    const steps = savepointsOf(run).map(({ step }) => step);
    const others = steps.length === 0 ? "it has none" : `it has: ${steps.join(", ")}`;
    throw new BatonError(
      "SAVEPOINT_NOT_FOUND",
      `Run ${id} has no savepoint ${to} that it can go back to; ${others}.`,
      { details: { run: id, step: to, savepoints: steps } },
    );
  }
  const { kind } = phase;
  if (kind === "going" || kind === "completed" || kind === "failed" || kind === "cancelled") return;
  throw new BatonError(
    "SAVEPOINT_NOT_FOUND",
    `Run ${id} is on its way back already (${kind}), and can't be sent to a savepoint now.`,
    {
      hint: "Wait until it goes on or has ended, and see what waits for a person with `baton dead-letters`.",
      details: { run: id, step: to, status: kind },
    },
  );
}

function notHere(run: string, missing: readonly string[]): BatonError {
  return new BatonError(
    "AGENT_NOT_FOUND",
    `Run ${run} can't be compensated: ${missing.join(", ")} is not here.`,
    { details: { run, missing } },
  );
}

/** The journal of a run that takes its end back. It leaves memory again if it can't. */
async function reopened(
  core: Core,
  actor: Actor,
  to: string | undefined,
): Promise<readonly Fact[]> {
  const { run } = actor;
  try {
    if (run.phase.kind === "refused" || run.phase.kind === "compensated") {
      throw finished(run);
    }
    if (run.missing.length > 0) throw notHere(run.id, run.missing);
    refuseBack(run, to);
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
