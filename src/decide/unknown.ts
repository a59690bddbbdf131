/**
 * Attempts whose outcome is not known: timed out, aborted, or lost with their process.
 *
 * U1. Only an attempt with an intent in the journal, or one that the engine saw end without an answer, is ever unknown.
 * U2. An at-least-once agent is called again. An at-most-once agent never is before it is known that nothing was done.
 * U3. The policy is that of the agent which was called: a fallback's own, where one stood in.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Failure, UnknownOutcome } from "../model/entry.ts";
import type { Performing, Run } from "../model/run.ts";
import type { StepDefinition } from "../model/workflow-definition.ts";
import type { AttemptOutcome, Behind } from "./call.ts";
import { marksOf } from "./call.ts";
import { countItem, parkCall, readsAt } from "./parking.ts";
import { calledAt } from "./step-call.ts";
import type { StepRules } from "./steps/rules.ts";
import { poisonDeaths } from "./suspicion.ts";
import { type Deliberation, ENGINE, say } from "./turn.ts";

type Failed = Extract<AttemptOutcome, { readonly kind: "attemptFailed" }>;

/** What becomes of a call, by the policy of the agent that was called. */
export function afterUnknown(run: Run, agent: AgentDefinition | undefined): UnknownOutcome {
  if (run.phase.kind !== "going") return "end";
  if (agent?.delivery !== "at-most-once") return "retry";
  return agent.probe === undefined ? unprobed(agent) : "probe";
}

/** The same of a call that was lost with its process. */
export function afterLost(
  run: Run,
  step: StepDefinition,
  agent: AgentDefinition | undefined,
): UnknownOutcome {
  const state = run.steps.get(step.name);
  // The step went on without it.
  if (state !== undefined && state.kind !== "open") return "end";
  return afterUnknown(run, agent);
}

/** One that took its process down too often is not made again, whatever its agent's policy is. */
function unlessPoison(run: Run, path: string, then: UnknownOutcome): UnknownOutcome {
  const isMadeAgain = then === "retry" || then === "probe";
  return isMadeAgain && poisonDeaths(run, path) !== undefined ? "ask" : then;
}

/** What becomes of a call of unknown outcome that no probe can tell about. */
export function unprobed(agent: AgentDefinition | undefined): "ask" | "compensate" {
  return agent?.onUnknown ?? "ask";
}

/** Records that an attempt ended without a known outcome, and follows the agent's policy. */
export function recordUnknown(
  turn: Deliberation,
  step: StepDefinition,
  rules: StepRules<StepDefinition>,
  attempt: {
    readonly performing: Performing;
    readonly agent: AgentDefinition;
    readonly outcome: Failed;
  },
): void {
  const { performing, agent, outcome } = attempt;
  const { path, error, usage, tookMs, behind } = outcome;
  const then = afterUnknown(turn.run, agent);
  const inputHash = outcome.inputHash ?? turn.run.intents.get(path)?.inputHash;
  say(turn, {
    kind: "attempt.unknown",
    path,
    turn: outcome.turn,
    attempt: outcome.attempt,
    by: { kind: "agent", id: agent.name },
    agent: agent.id,
    reads: performing.reads,
    ...(inputHash === undefined ? {} : { inputHash }),
    payload: {
      error,
      then,
      ...(usage === undefined ? {} : { usage }),
      ...(tookMs === undefined ? {} : { tookMs }),
      ...marked(behind),
    },
  });
  followUnknown(turn, step, rules, { path, ...performing, inputHash, error, then });
}

function marked(behind: Behind | undefined) {
  return behind === undefined ? {} : marksOf(behind);
}

/**
 * Attempts that an earlier incarnation began, and of which nothing more was recorded: it died, or lost the run. Looked for
 * once, before anything of the run is begun.
 */
export function takeLostIntents(
  turn: Deliberation,
  rulesOf: (step: StepDefinition) => StepRules<StepDefinition>,
): void {
  const { run } = turn;
  run.lostIntentsTaken = true;
  const { kind } = run.phase;
  if (run.intents.size === 0 || (kind !== "going" && kind !== "failing" && kind !== "cancelling"))
    return;
  for (const [path, intent] of run.intents) {
    const step = run.definition.stepByName.get(intent.step);
    if (step === undefined || run.performing.has(path)) continue;
    const { inputHash } = intent;
    const agent = calledAt(run, step, path, intent.agent);
    const then = unlessPoison(run, path, afterLost(run, step, agent));
    const message = `Attempt ${intent.attempt} at ${path} was begun, and its process ended before its outcome was recorded.`;
    const error: Failure = { code: "OUTCOME_UNKNOWN", message };
    say(turn, {
      kind: "attempt.unknown",
      path,
      turn: intent.turn,
      attempt: intent.attempt,
      by: ENGINE,
      ...(intent.agent === undefined ? {} : { agent: intent.agent }),
      reads: intent.reads,
      ...(inputHash === undefined ? {} : { inputHash }),
      payload: { error, then, lost: true },
    });
    if (then === "compensate") countItem(run, step);
    const place = {
      path,
      turn: intent.turn,
      attempt: intent.attempt,
      reads: readsAt(run, step, path),
    };
    followUnknown(turn, step, rulesOf(step), { ...place, inputHash, error, then });
  }
}

/** Follows what was decided of a call of unknown outcome. */
export function followUnknown(
  turn: Deliberation,
  step: StepDefinition,
  rules: StepRules<StepDefinition>,
  place: Parameters<typeof parkCall>[2] & {
    readonly error: Failure;
    readonly then: UnknownOutcome;
  },
): void {
  const { path, error, then } = place;
  const deaths = poisonDeaths(turn.run, path);
  if (then === "ask" && deaths !== undefined) {
    const message = `${deaths} times the process died while nothing but the call at ${path} was in quarantine: another attempt would be likely to take it down again.`;
    parkCall(turn, step, place, { because: "poison", error: { code: "POISON", message } });
  } else if (then === "ask") {
    parkCall(turn, step, place, { because: "unknown", error });
  }
  if (then !== "compensate") return;
  const message = `What the attempt at ${path} did is not known: ${error.message}`;
  rules.givenUp?.(turn, step, path, { code: "OUTCOME_UNKNOWN", message });
}
