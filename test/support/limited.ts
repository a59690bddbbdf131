/** Agents and runs for tests of budgets. */
import {
  type Agent,
  type AgentContext,
  agent,
  type Baton,
  type Budget,
  type BudgetSnapshot,
  type Json,
  type PriceTable,
  type RunHandle,
} from "baton";
import { anything, of } from "./opened.ts";

export const PRICES: PriceTable = {
  fable: { inputPerMillion: "10", outputPerMillion: "20", currency: "EUR" },
};

export type Work = (input: number, context: AgentContext) => unknown;

export interface Limits {
  readonly budgets?: readonly Budget[];
  readonly maximum?: { readonly tokens?: number; readonly money?: string };
  readonly timeout?: "1s" | "10s";
  readonly attempts?: number;
}

/** An agent that is limited. */
export function limited(execute: Work, limits: Limits, name = "asks"): Agent<number, unknown> {
  const { attempts = 1, ...more } = limits;
  return agent({
    name,
    version: "1.0.0",
    input: of<number>(),
    output: anything,
    retry: { attempts },
    execute,
    ...more,
  });
}

/** How a budget stands. */
export async function budgetOf(baton: Baton, name = "spend"): Promise<BudgetSnapshot> {
  const found = (await baton.budgets()).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no budget ${name}`);
  return found;
}

/** Runs `run-0`, `run-1`, ... with their number as input. */
export async function startAll(
  baton: Baton,
  flow: Parameters<Baton["startUntyped"]>[0],
  count: number,
): Promise<readonly RunHandle<Json>[]> {
  return await Promise.all(
    Array.from({ length: count }, (_, i) => baton.startUntyped(flow, i, { id: `run-${i}` })),
  );
}

export const USES_100: Work = (input, context) => {
  context.usage({ model: "fable", inputTokens: 80, outputTokens: 20 });
  return input;
};
