/** What a person decides of a call that is parked. */
import { isUnderWay, isWhole } from "../../decide/parking.ts";
import { callOf, takenCase } from "../../decide/step-call.ts";
import { parsePath } from "../../decide/evolve.ts";
import { check } from "../../model/check.ts";
import type { AnyContract } from "../../model/contract.ts";
import { BatonError } from "../../model/errors.ts";
import { jsonSchemaContract } from "../../model/json-schema.ts";
import type { Json } from "../../model/json.ts";
import type { ParkedCall, Run } from "../../model/run.ts";
import type { StepDefinition } from "../../model/workflow-definition.ts";
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
  const takes = step === undefined ? undefined : takesOf(actor.run, step, path);
  if (takes === undefined || actor.run.missing.length > 0) throw await refusal(core, actor, path);
  if (step !== undefined && isUnderWay(actor.run, step, path)) throw stillUnderWay(run, path);
  // From here on nothing is awaited before the decision is in the inbox: a run that rests may leave memory meanwhile.
  const output =
    decision.action === "done"
      ? checked(core, takes, `output of ${path}`, decision.output)
      : undefined;
  if (takes === LIST && step?.kind === "map" && step.failures === "all" && Array.isArray(output))
    for (const [i, item] of output.entries())
      checked(core, step.agent.output, `item ${i} of ${path}`, item);
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
  if (actor.run.parked.get(path) !== parked) return;
  decided.delete(parked);
  throw notParked(run, path);
}

function stillUnderWay(run: string, path: string): BatonError {
  return new BatonError(
    "STEP_NOT_PARKED",
    `In run ${run} an attempt at ${path} is still under way: it has missed its deadline, and is being aborted.`,
    { hint: "Decide once it has ended: it may still succeed.", details: { run, path } },
  );
}

/** The contract of what a person says a parked call, or step, came to; undefined where today's code knows of none. */
function takesOf(run: Run, step: StepDefinition, path: string): AnyContract | undefined {
  if (step.kind === "subscription" && step.target.kind === "workflow")
    return step.target.workflow.output ?? ANYTHING;
  if (!isWhole(run, step, path)) return callOf(run, step, path)?.agent.output;
  if (step.kind === "signal") return step.contract;
  if (step.kind === "approval") return APPROVAL;
  if (step.kind === "repeat") return step.agent.output;
  if (step.kind === "map") return LIST;
  if (step.kind === "subflow") return step.workflow.output ?? ANYTHING;
  const taken = step.kind === "branch" ? takenCase(run, step) : undefined;
  return (taken?.kind === "workflow" ? taken.workflow.output : undefined) ?? ANYTHING;
}

const ANYTHING: AnyContract = jsonSchemaContract<unknown>("anything", "0.0.0", {});
const LIST: AnyContract = jsonSchemaContract<unknown>("list", "0.0.0", { type: "array" });
const APPROVAL: AnyContract = jsonSchemaContract<unknown>("approval", "0.0.0", {
  type: "object",
  properties: {
    approved: { type: "boolean" },
    by: { type: "string" },
    reason: { type: ["string", "null"] },
    timedOut: { type: "boolean" },
  },
  required: ["approved", "by", "reason", "timedOut"],
  additionalProperties: false,
});

/** What was done by hand, as its agent would have had to give it, or the step as a whole. */
function checked(core: Core, contract: AnyContract, what: string, output: unknown): Json {
  const verdict = check(contract, output, what, "edge");
  if (verdict.kind === "violated") {
    const message = `The ${what} breaks ${contract.id}: ${verdict.violations[0]?.message ?? ""}`;
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
