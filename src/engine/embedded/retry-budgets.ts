/**
 * Retry budgets: how many retries each agent's runs may still make together, in this process. The arithmetic is in
 * decide/retry-budget.ts.
 *
 * T1. Only what reached the agent counts: a place that was not to be had is no call.
 * T2. A run is never failed for a spent budget where its agent's breaker would have it wait.
 */
import {
  deposited,
  fullStore,
  refilled,
  type RetryStore,
  withdrawn,
} from "../../decide/retry-budget.ts";
import type { AttemptOutcome } from "../../decide/call.ts";
import type { Command } from "../../decide/turn.ts";
import type { AgentDefinition, RetryBudget } from "../../model/agent-definition.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Actor, Core } from "./core.ts";

export interface RetryBudgets {
  /** A first attempt of the agent begins. */
  began(agent: AgentDefinition, budget: RetryBudget): void;
  /** Takes a retry; false where none is left. */
  take(agent: AgentDefinition, budget: RetryBudget): boolean;
  /** Whole retries that are left now. */
  left(agent: AgentDefinition, budget: RetryBudget): number;
}

export function retryBudgets(clock: Clock): RetryBudgets {
  const stores = new Map<string, RetryStore>();
  const now = () => clock.monotonicMs();
  const storeOf = ({ id }: AgentDefinition, budget: RetryBudget) =>
    stores.get(id) ?? fullStore(budget, now());
  return {
    began: (agent, budget) => {
      stores.set(agent.id, deposited(storeOf(agent, budget), budget, now()));
    },
    take: (agent, budget) => {
      const after = withdrawn(storeOf(agent, budget), budget, now());
      if (after !== undefined) stores.set(agent.id, after);
      return after !== undefined;
    },
    left: (agent, budget) =>
      Math.floor(refilled(storeOf(agent, budget), budget, now()).left + 1e-9),
  };
}

type Failed = Extract<AttemptOutcome, { readonly kind: "attemptFailed" }>;

/** A failed attempt as its run is to hear of it: the last one, where the retry that its policy allows is not in the budget. */
export function withinBudget(
  {
    core,
    actor,
    command,
  }: {
    readonly core: Core;
    readonly actor: Actor;
    readonly command: Extract<Command, { readonly kind: "execute" }>;
  },
  failed: Failed,
): Failed {
  const { agent, standsIn, attempt, path } = command;
  const { attempts, budget } = agent.retry;
  // What a fallback gave is retried with the agent that it stood in for, whose breaker was open.
  if (budget === undefined || standsIn !== undefined || failed.final || failed.unknown === true)
    return failed;
  if (failed.error.code === "QUEUE_FULL" || actor.run.phase.kind !== "going") return failed;
  const counted = attempt - (actor.run.calls.get(path)?.uncounted ?? 0);
  if (counted >= attempts || waitsAtBreaker(core, agent)) return failed;
  if (core.retryBudgets.take(agent, budget)) return failed;
  return { ...failed, final: true, retriesCut: true };
}

/** The retry would meet an open breaker, and wait there (T2). */
function waitsAtBreaker({ breakers }: Core, { breaker }: AgentDefinition): boolean {
  if (breaker === undefined || breaker.whenOpen.kind === "fail") return false;
  return !breakers.isClosed(breaker.name);
}
