/** What limits agents and workflows that are made by chance: budgets, rates, heartbeats, probes, deadlines, savepoints, pivots. */
import { type agent, type Budget, budget, type StepDefinition } from "baton";
import { type Dice, diceOf, pick } from "./dice.ts";

type Options = Parameters<typeof agent<unknown, number, number>>[0];
type Duration = NonNullable<Options["timeout"]>;

/** What an agent of a random workflow uses in one attempt at the most; see random-agents.ts. */
export const TOKENS_MAX = 40;

/** What the seed says of limits. Each is in a part of the seeds, so that most have few of them. */
export interface RandomLimits {
  readonly dice: Dice;
  /** Shared by some agents. */
  readonly budget: Budget | undefined;
  readonly rates: boolean;
  readonly beats: boolean;
  readonly probes: boolean;
  readonly deadlines: boolean;
  readonly savepoints: boolean;
  readonly pivots: boolean;
}

/** Drawn apart from all else, so that what a seed's workflow is without limits stays as it was. */
export function randomLimits(seed: number): RandomLimits {
  const dice = diceOf(seed ^ 0x11317);
  const isOne = (of: number) => dice(of) === 0;
  return {
    dice,
    budget: isOne(4) ? randomBudget(dice) : undefined,
    rates: isOne(4),
    beats: isOne(4),
    probes: isOne(3),
    deadlines: isOne(4),
    savepoints: isOne(4),
    pivots: isOne(6),
  };
}

function randomBudget(dice: Dice): Budget {
  const calls = 2 + dice(12);
  const per = dice(3) === 0 ? undefined : pick<Duration>(dice, ["20s", "1h"]);
  return budget("spend", {
    calls,
    ...(dice(2) === 0 ? { tokens: TOKENS_MAX * (1 + dice(calls)) } : {}),
    ...(per === undefined ? {} : { per, whenSpent: dice(3) === 0 ? "fail" : "wait" }),
  });
}

/** Limits of one agent. */
export function limitsOfAgent(limits: RandomLimits): Partial<Options> {
  const { dice } = limits;
  return {
    ...(limits.budget !== undefined && dice(2) === 0
      ? { budgets: [limits.budget], maximum: { tokens: TOKENS_MAX } }
      : {}),
    ...(limits.rates && dice(2) === 0
      ? {
          rate: {
            calls: 1 + dice(4),
            per: pick<Duration>(dice, ["2s", "10s"]),
            burst: 1 + dice(3),
            ...(dice(2) === 0
              ? { key: (input: unknown) => JSON.stringify(input).slice(0, 2) }
              : {}),
          },
        }
      : {}),
    ...(limits.beats && dice(2) === 0
      ? { heartbeat: pick<Duration>(dice, ["1s", "3s"]), timeout: "5s" }
      : {}),
  };
}

/** An at-most-once agent that can be asked what it did; the simulation's world outside answers. */
export function probing({ probes, dice }: RandomLimits): Partial<Options> {
  return probes && dice(3) > 0 ? { probe: () => ({ kind: "unknown" }) } : {};
}

/** The deadline of a workflow; a run that waits for people takes hours. */
export function deadlineOfWorkflow({ deadlines, dice }: RandomLimits): {
  readonly deadlineMs?: number;
} {
  if (!deadlines || dice(2) === 0) return {};
  return { deadlineMs: pick(dice, [3_000, 15_000, 3_600_000, 30 * 3_600_000]) };
}

/** A step with what may stand on it: a savepoint, a pivot, a deadline. */
export function limitedStep(limits: RandomLimits, step: StepDefinition): StepDefinition {
  const { dice, savepoints, pivots, deadlines } = limits;
  const waits = step.kind === "approval" || step.kind === "signal" || step.kind === "sleep";
  return {
    ...step,
    ...(savepoints && dice(3) === 0 ? { savepoint: { attempts: dice(3) } } : {}),
    ...(pivots && dice(4) === 0 ? { pivot: true } : {}),
    ...(deadlines && !waits && dice(3) === 0
      ? { deadlineMs: pick(dice, [1_500, 6_000, 3_600_000]) }
      : {}),
  };
}
