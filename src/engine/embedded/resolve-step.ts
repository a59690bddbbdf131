/** What a person decides of a call that is parked. */
import { callOf } from "../../decide/step-call.ts";
import { parsePath } from "../../decide/evolve.ts";
import { check } from "../../model/check.ts";
import { BatonError } from "../../model/errors.ts";
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type { Json } from "../../model/json.ts";
import type { ParkedCall } from "../../model/run.ts";
import type { StepDecision } from "../baton.ts";
import { tooLarge } from "../value-size.ts";
import type { Actor, Arrived, Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import { actorOf } from "./runs.ts";

/** Calls whose decision is on its way into the journal: a person decides once. */
const decided = new WeakSet<ParkedCall>();

/**
 * Records a person's decision; the run goes on from there.
 * @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, STEP_NOT_PARKED, OUTPUT_REFUSED, VALUE_TOO_LARGE, AGENT_NOT_FOUND
 */
export async function resolveStep(
  core: Core,
  run: string,
  path: string,
  decision: StepDecision,
): Promise<void> {
  const actor = await actorOf(core, run);
  const parked = actor.run.parked.get(path);
  const isMeant = decision.turn === undefined || decision.turn === parked?.turn;
  if (parked === undefined || !isMeant || decided.has(parked)) throw notParked(run, path);
  const { action, by, reason, nothingDone } = decision;
  const step = actor.run.definition.stepByName.get(parsePath(path).step);
  const agent = step === undefined ? undefined : callOf(actor.run, step, path)?.agent;
  if (agent === undefined || actor.run.missing.length > 0) throw await refusal(core, actor, path);
  // From here on nothing is awaited before the decision is in the inbox: a run that rests may leave memory meanwhile.
  const output =
    decision.action === "done"
      ? checked(core, agent, `output of ${path}`, decision.output)
      : undefined;
  decided.add(parked);
  const { turn } = parked;
  const arrived = await new Promise<Arrived>((done) =>
    deliver(
      core,
      actor,
      {
        kind: "resolveStep",
        path,
        turn,
        by,
        action,
        reason,
        ...(output === undefined ? {} : { output }),
        ...(nothingDone === true ? { nothingDone } : {}),
      },
      done,
    ),
  );
  if (arrived.kind === "failed") decided.delete(parked);
  if (arrived.kind === "failed") throw arrived.error;
  // The run began to end in the same moment: nothing of it is decided by a person any more.
  if (actor.run.parked.get(path) === parked) throw notParked(run, path);
}

/** What was done by hand, as its agent would have had to give it. */
function checked(core: Core, agent: AgentDefinition, what: string, output: unknown): Json {
  const verdict = check(agent.output, output, what, "edge");
  if (verdict.kind === "violated") {
    const message = `The ${what} breaks ${agent.output.id}: ${verdict.violations[0]?.message ?? ""}`;
    throw new BatonError("OUTPUT_REFUSED", message, {
      details: { violations: verdict.violations },
    });
  }
  const large = tooLarge(core.limits, verdict.value, what);
  if (large !== undefined) throw new BatonError("VALUE_TOO_LARGE", large);
  return verdict.value;
}

/** A run whose code is not here can't go on from a decision, and what was done by hand can't be checked. */
async function refusal(core: Core, actor: Actor, path: string): Promise<BatonError> {
  const arrived = await new Promise<Arrived>((done) =>
    deliver(core, actor, { kind: "tick" }, done),
  );
  if (arrived.kind === "failed") return arrived.error;
  const { phase, missing } = actor.run;
  const gone = phase.kind === "blocked" ? phase.missing : missing;
  if (gone.length === 0) return notParked(actor.id, path);
  return new BatonError(
    "AGENT_NOT_FOUND",
    `Run ${actor.id} waits for ${gone.join(", ")}, and nothing of it is decided until that is here.`,
    { details: { run: actor.id, missing: gone } },
  );
}

function notParked(run: string, path: string): BatonError {
  return new BatonError("STEP_NOT_PARKED", `In run ${run} no call at ${path} waits for a person.`, {
    details: { run, path },
  });
}
