/**
 * Attempts whose outcome is not known: timed out, aborted, or lost with their process.
 *
 * U1. Only an attempt with an intent in the journal, or one that the engine saw end without an answer, is ever unknown.
 * U2. An at-least-once agent is called again. An at-most-once agent never is before it is known that nothing was done.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Failure, UnknownOutcome } from "../model/entry.ts";
import type { Performing, Run } from "../model/run.ts";
import type { StepDefinition } from "../model/workflow-definition.ts";
import type { AttemptOutcome, Behind } from "./call.ts";
import { marksOf } from "./call.ts";
import { countItem, parkCall, readsAt } from "./parking.ts";
import { callOf } from "./step-call.ts";
import type { StepRules } from "./steps/rules.ts";
import { type Deliberation, ENGINE, say } from "./turn.ts";

type Failed = Extract<AttemptOutcome, { readonly kind: "attemptFailed" }>;

/** What becomes of the call, by its agent's policy. */
export function afterUnknown(run: Run, agent: AgentDefinition | undefined): UnknownOutcome {
  if (run.phase.kind !== "going") return "end";
  if (agent?.delivery !== "at-most-once") return "retry";
  return agent.onUnknown ?? "ask";
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
  const { path, error, inputHash, usage, tookMs, behind } = outcome;
  const then = afterUnknown(turn.run, agent);
  const actor = behind?.fallback?.agent ?? agent;
  say(turn, {
    kind: "attempt.unknown",
    path,
    turn: outcome.turn,
    attempt: outcome.attempt,
    by: { kind: "agent", id: actor.name },
    agent: actor.id,
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
  follow(turn, step, rules, { path, ...performing, inputHash, error, then });
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
  for (const [path, intent] of run.intents) {
    const step = run.definition.stepByName.get(intent.step);
    if (step === undefined || run.performing.has(path)) continue;
    const then = afterUnknown(run, callOf(run, step, path)?.agent);
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
      ...(intent.inputHash === undefined ? {} : { inputHash: intent.inputHash }),
      payload: { error, then, lost: true },
    });
    if (then === "compensate") countItem(run, step);
    const place = { path, turn: intent.turn, attempt: intent.attempt, reads: readsAt(run, step) };
    follow(turn, step, rulesOf(step), { ...place, inputHash: intent.inputHash, error, then });
  }
}

function follow(
  turn: Deliberation,
  step: StepDefinition,
  rules: StepRules<StepDefinition>,
  place: Parameters<typeof parkCall>[2] & {
    readonly error: Failure;
    readonly then: UnknownOutcome;
  },
): void {
  const { path, error, then } = place;
  if (then === "ask") parkCall(turn, step, place, { because: "unknown", error });
  if (then === "compensate") rules.givenUp?.(turn, step, path, error);
}
