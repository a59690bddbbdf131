/** What a path of a run stands for in today's definition: which agent is called there, and on what. */
import { deliveryView } from "./bus.ts";
import { parsePath } from "./evolve.ts";
import { type Tried, tryCall, viewOf } from "./handoff.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { FallbackMark } from "../model/breaker.ts";
import type { Json } from "../model/json.ts";
import type { Items, Run } from "../model/run.ts";
import type {
  BranchCase,
  BranchStep,
  RepeatStep,
  StepDefinition,
  SubscriptionStep,
} from "../model/workflow-definition.ts";
import { fallbackOf } from "../model/workflow-parts.ts";

/** A call of an agent as today's definition makes it. */
export interface Call {
  readonly agent: AgentDefinition;
  readonly map: () => unknown;
}

/** By step that failed or was skipped, the items that it had: some of them may still be under way then, and are recorded after it. */
export type ItemsGivenUp = ReadonlyMap<string, Items>;

/** The call that a path stands for today, given what was recorded so far. */
export function callOf(
  run: Run,
  step: StepDefinition,
  path: string,
  givenUp?: ItemsGivenUp,
): Call | undefined {
  if (step.kind === "subscription") return deliveryCall(run, step, path);
  const { view } = viewOf(run, step.needs);
  const { index } = parsePath(path);
  const items = itemsOf(run, step) ?? givenUp?.get(step.name);
  switch (step.kind) {
    case "agent":
      return { agent: step.agent, map: () => step.input(view) };
    case "map":
      return { agent: step.agent, map: () => step.input(items?.list[index] ?? null, index, view) };
    case "repeat":
      return {
        agent: step.agent,
        map: () => step.input(view, roundOutput(items, index - 1), index),
      };
    case "branch": {
      const taken = takenCase(run, step);
      return taken?.kind === "agent"
        ? { agent: taken.agent, map: () => taken.input(view) }
        : undefined;
    }
    default:
      return undefined;
  }
}

function deliveryCall(run: Run, step: SubscriptionStep, path: string): Call | undefined {
  const delivery = run.bus?.deliveries.get(path);
  if (delivery === undefined || step.target.kind !== "agent") return undefined;
  const { view } = deliveryView(run, step, delivery);
  return { agent: step.target.agent, map: () => step.input(view) };
}

/** The agent that was called at a path: `id` names a fallback, or the step's own. */
export function calledAt(
  run: Run,
  step: StepDefinition,
  path: string,
  id: string | undefined,
): AgentDefinition | undefined {
  const own = callOf(run, step, path)?.agent;
  return own && calledOf(own, id);
}

/** The one of an agent and its fallbacks that `id` names; the agent itself where none is called that. */
export function calledOf(own: AgentDefinition, id: string | undefined): AgentDefinition {
  for (let each: AgentDefinition | undefined = own; each !== undefined; each = fallbackOf(each))
    if (each.id === id) return each;
  return own;
}

/** How an agent came to be called in the place of a step's own; undefined where it is the step's own. */
export function standingIn(own: AgentDefinition, id: string | undefined): FallbackMark | undefined {
  for (let each: AgentDefinition | undefined = own; each?.breaker !== undefined; ) {
    const fallback = fallbackOf(each);
    if (each.id !== id && fallback?.id === id) return { for: own.id, breaker: each.breaker.name };
    each = fallback;
  }
  return undefined;
}

/** The items of a step that is open. */
export function itemsOf(run: Run, step: StepDefinition): Items | undefined {
  const state = run.steps.get(step.name);
  return state?.kind === "open" ? state.items : undefined;
}

function roundOutput(items: Items | undefined, round: number): Json | undefined {
  const result = items?.results[round];
  return result?.ok === true ? result.value : undefined;
}

/** Whether the rule of a repeat holds after the newest round; undefined before the first. */
export function untilHolds(
  run: Run,
  step: RepeatStep,
): { readonly rounds: number; readonly until?: Tried<boolean> } {
  const items = itemsOf(run, step);
  const rounds = items?.settled ?? 0;
  const last = roundOutput(items, rounds - 1);
  if (last === undefined) return { rounds };
  const { view } = viewOf(run, step.needs);
  return { rounds, until: tryCall("until", () => step.until(last, rounds - 1, view)) };
}

/** The case that an open branch took, as today's definition has it. */
export function takenCase(run: Run, step: BranchStep): BranchCase | undefined {
  const state = run.steps.get(step.name);
  // A branch that has missed its deadline may still have its attempt under way.
  const opening = state?.kind === "open" || state?.kind === "failed" ? state.opening : undefined;
  return opening?.step === "branch" ? step.cases.get(opening.case) : undefined;
}
