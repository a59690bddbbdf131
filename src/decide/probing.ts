/**
 * Probing: an agent's own `probe` asks the outside system what an attempt of unknown outcome did.
 *
 * unknown -(probe)-> done: sealed | not done: another attempt, as the policy allows | unknown: onUnknown | failed: asked again
 * after a pause, `retry.attempts` times in all; then onUnknown.
 *
 * B1. While a call is probed nothing of it is executed.
 * B2. Each answer is an entry; a probe that was lost with its process is made again.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { BreakerMark } from "../model/breaker.ts";
import type { Failure, ProbedAnswer, UnknownOutcome, UsageRecord } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import type { Performing, Run, Unknown } from "../model/run.ts";
import type { StepDefinition } from "../model/workflow-definition.ts";
import { pauseMs, takePerforming } from "./call.ts";
import { tryInput } from "./handoff.ts";
import { countItem, readsAt } from "./parking.ts";
import { calledAt, callOf, standingIn } from "./step-call.ts";
import type { StepRules } from "./steps/rules.ts";
import { type Deliberation, say } from "./turn.ts";
import { followUnknown, unprobed } from "./unknown.ts";

/** What a probe answered, as the engine reports it. */
export interface Probed {
  readonly kind: "probed";
  readonly path: string;
  readonly turn: number;
  readonly attempt: number;
  readonly probe: number;
  readonly answer: ProbedAnswer;
  /** With `done`: checked against the agent's output contract, frozen. */
  readonly output?: Json;
  /** Hash of what the agent was given; with `done`. */
  readonly inputHash?: string;
  /** With `failed`. */
  readonly error?: Failure;
  /** With `failed`: asking again would be no use. */
  readonly final?: boolean;
  /** At least 0, below 1. */
  readonly random: number;
  readonly usage?: readonly UsageRecord[];
  readonly tookMs?: number;
  readonly breaker?: BreakerMark;
}

type RulesOf = (step: StepDefinition) => StepRules<StepDefinition>;

/** Commands the probes that are due. One that can't be asked gives up at once. */
export function askProbes(turn: Deliberation, rulesOf: RulesOf): void {
  const { run, nowMs } = turn;
  for (const [path, unknown] of run.unknowns) {
    // A probe that is held had its pause behind it, though a clock that was set back since may say otherwise.
    const dueAt = run.holds.get(path)?.dueAt ?? unknown.retryAt ?? 0;
    if (dueAt > nowMs || run.performing.has(path)) continue;
    const step = run.definition.stepByName.get(unknown.step);
    if (step === undefined) continue;
    const reads = readsAt(run, step, path);
    const agent = calledAt(run, step, path, unknown.agent);
    const own = callOf(run, step, path);
    const input =
      own === undefined ? undefined : tryInput(own.agent.input, `input of ${path}`, own.map);
    const { turn: turnNo, attempt } = unknown;
    const probe = unknown.probes + 1;
    const performing = { step: step.name, turn: turnNo, attempt, reads, agent: agent?.id };
    if (agent?.probe === undefined || input?.ok !== true) {
      const message = `What ${unknown.agent ?? "the agent"} was given at ${path} can't be computed again, or it has no probe any more.`;
      const error = { code: "PROBE_GONE", message };
      const place = { path, turn: turnNo, attempt, probe, random: 0 } as const;
      settle(turn, step, rulesOf(step), {
        probed: { kind: "probed", ...place, answer: "failed", error, final: true },
        unknown,
        performing,
        agent,
      });
      if (run.phase.kind !== "going") return;
      continue;
    }
    run.performing.set(path, performing);
    turn.commands.push({
      kind: "probe",
      path,
      turn: turnNo,
      attempt,
      probe,
      agent,
      input: input.value,
      inputHash: unknown.inputHash,
      error: unknown.error,
    });
  }
}

/** Takes in what a probe answered. */
export function probed(turn: Deliberation, outcome: Probed, rulesOf: RulesOf): void {
  const { run } = turn;
  const performing = takePerforming(run, outcome);
  const unknown = run.unknowns.get(outcome.path);
  const step = run.definition.stepByName.get(performing?.step ?? "");
  if (performing === undefined || unknown === undefined || step === undefined) return;
  // It was aborted, which tells nothing.
  if (outcome.answer === "failed" && run.phase.kind !== "going") return;
  const agent = calledAt(run, step, outcome.path, unknown.agent);
  settle(turn, step, rulesOf(step), { probed: outcome, unknown, performing, agent });
}

interface Settling {
  readonly probed: Probed;
  readonly unknown: Unknown;
  readonly performing: Performing;
  readonly agent: AgentDefinition | undefined;
}

function settle(
  turn: Deliberation,
  step: StepDefinition,
  rules: StepRules<StepDefinition>,
  settling: Settling,
): void {
  const { run } = turn;
  const { probed: outcome, unknown, performing, agent } = settling;
  const { path, attempt, answer, error } = outcome;
  const again = run.phase.kind === "going" ? retryAtOf(turn, settling) : undefined;
  const then = thenOf(run, settling, again);
  say(turn, {
    kind: "attempt.probed",
    path,
    turn: outcome.turn,
    attempt,
    by: { kind: "agent", id: agent?.name ?? "" },
    ...(unknown.agent === undefined ? {} : { agent: unknown.agent }),
    reads: performing.reads,
    payload: {
      probe: outcome.probe,
      answer,
      ...(error === undefined ? {} : { error }),
      ...(again === undefined ? {} : { retryAt: again }),
      ...(then === undefined ? {} : { then }),
      ...(outcome.usage === undefined ? {} : { usage: outcome.usage }),
      ...(outcome.tookMs === undefined ? {} : { tookMs: outcome.tookMs }),
      ...(outcome.breaker === undefined ? {} : { breaker: outcome.breaker }),
    },
  });
  if (answer === "done") return sealProbed(turn, step, rules, settling);
  if (run.phase.kind !== "going" || again !== undefined) return;
  const { inputHash } = unknown;
  if (answer === "notDone") {
    countItem(run, step);
    return rules.givenUp?.(turn, step, path, unknown.error);
  }
  if (then === undefined) return;
  if (then === "compensate") countItem(run, step);
  const place = { path, turn: outcome.turn, attempt, reads: performing.reads, inputHash };
  followUnknown(turn, step, rules, { ...place, error: unknown.error, then });
}

/** When something is tried again: the attempt, if nothing was done; the probe, if it failed; as often as the agent's policy says. */
function retryAtOf(
  turn: Deliberation,
  { probed: outcome, agent, unknown }: Settling,
): number | undefined {
  const { run, nowMs } = turn;
  const { answer, attempt, probe, path, random } = outcome;
  if (agent === undefined) return undefined;
  const { attempts } = agent.retry;
  const at = (made: number, error: Failure | undefined) =>
    Math.max(run.at, nowMs) + pauseMs(agent.retry, { made, random, error });
  if (answer === "failed")
    return outcome.final === true || probe >= attempts ? undefined : at(probe, outcome.error);
  if (answer !== "notDone") return undefined;
  const made = attempt - (run.calls.get(path)?.uncounted ?? 0);
  if (made >= attempts) return undefined;
  // One that was lost in a crash has used up no attempt, and says nothing of how busy the outside system is.
  return made === 0 ? Math.max(run.at, nowMs) : at(made, unknown.error);
}

function thenOf(
  run: Run,
  { probed: { answer }, agent }: Settling,
  again: number | undefined,
): UnknownOutcome | undefined {
  if (answer === "done" || answer === "notDone" || again !== undefined) return undefined;
  return run.phase.kind === "going" ? unprobed(agent) : "end";
}

function sealProbed(
  turn: Deliberation,
  step: StepDefinition,
  rules: StepRules<StepDefinition>,
  { probed: outcome, unknown, performing, agent }: Settling,
): void {
  const { run } = turn;
  const { path, attempt, output = null, inputHash } = outcome;
  const own = callOf(run, step, path)?.agent;
  const mark =
    own === undefined || agent === undefined ? undefined : standingIn(own, unknown.agent);
  countItem(run, step);
  rules.sealed?.(
    turn,
    step,
    { ...performing, agent: unknown.agent ?? performing.agent },
    {
      kind: "sealed",
      path,
      turn: outcome.turn,
      attempt,
      output,
      ...(inputHash === undefined ? {} : { inputHash }),
      ...(mark === undefined || agent === undefined
        ? {}
        : { behind: { fallback: { ...mark, agent } } }),
    },
  );
}
