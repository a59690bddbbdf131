/** The lab: one seed over all variants, the same with a hiccup only, and what changes when the assumptions do. */
import { type OnBaton, runOnBaton } from "./on-baton.ts";
import { judge, type VariantResult, type Verdict } from "./outcome.ts";
import { HICCUP, type Incident, KILLED, PARAMETERS, type Parameters } from "./parameters.ts";
import { type Plan, planOf } from "./plan.ts";
import { runWithRetries } from "./with-retries.ts";

export const VARIANTS = ["retries", "batonRetries", "wait", "fallback"] as const;
export type Variant = (typeof VARIANTS)[number];

const POLICIES = { batonRetries: "none", wait: "wait", fallback: "fallback" } as const;

export interface SeedResult {
  readonly seed: number;
  readonly plan: Plan;
  readonly results: Readonly<Record<Variant, VariantResult>>;
  readonly verdicts: Readonly<Record<Variant, Verdict>>;
  /** The same runs, with something else in the place of the outage. */
  readonly killed: Readonly<Record<Variant, Verdict>>;
  readonly hiccup: Readonly<Record<Variant, Verdict>>;
  /** What the journals of all of these say of themselves. */
  readonly journal: {
    readonly problems: number;
    readonly entries: number;
    readonly unmarked: number;
  };
}

async function runVariant(plan: Plan, variant: Variant): Promise<VariantResult | OnBaton> {
  return variant === "retries"
    ? await runWithRetries(plan)
    : await runOnBaton(plan, POLICIES[variant]);
}

/** What came of a plan. */
export interface Outcome {
  readonly results: Readonly<Record<Variant, VariantResult>>;
  readonly verdicts: Readonly<Record<Variant, Verdict>>;
  readonly onBaton: readonly OnBaton[];
}

/** All variants, under one plan. The same plan gives the same outcome. */
export async function runPlan(plan: Plan): Promise<Outcome> {
  const retries = await runWithRetries(plan);
  const batonRetries = await runOnBaton(plan, POLICIES.batonRetries);
  const wait = await runOnBaton(plan, POLICIES.wait);
  const fallback = await runOnBaton(plan, POLICIES.fallback);
  const verdicts = {
    retries: judge(plan, retries),
    batonRetries: judge(plan, batonRetries),
    wait: judge(plan, wait),
    fallback: judge(plan, fallback),
  };
  const results = { retries, batonRetries, wait, fallback };
  return { results, verdicts, onBaton: [batonRetries, wait, fallback] };
}

/** All variants, under the plan of one seed. The same seed and parameters give the same result. */
export async function runSeed(
  runs: number,
  seed: number,
  parameters: Parameters = PARAMETERS,
): Promise<SeedResult> {
  const plan = planOf(runs, seed, parameters);
  const instead = (incident: Incident) => runPlan(planOf(runs, seed, { ...parameters, incident }));
  const { results, verdicts, onBaton } = await runPlan(plan);
  const killed = await instead(KILLED);
  const hiccup = await instead(HICCUP);
  const all = [...onBaton, ...killed.onBaton, ...hiccup.onBaton];
  const sum = (of: (each: OnBaton) => number) => all.reduce((total, each) => total + of(each), 0);
  const journal = {
    problems: sum(({ problems }) => problems),
    entries: sum(({ entries }) => entries),
    unmarked: sum(({ unmarked }) => unmarked),
  };
  const others = { killed: killed.verdicts, hiccup: hiccup.verdicts };
  return { seed, plan, results, verdicts, ...others, journal };
}

export interface WhatIf {
  readonly label: string;
  readonly verdict: Verdict;
}

/** One assumption changed at a time. */
export interface Changed {
  /** (a) with other numbers of attempts, and with other limits of calls at once. */
  readonly attempts: readonly WhatIf[];
  readonly callsAtOnce: readonly WhatIf[];
  /** (b) with other cooldowns, and with other limits of calls at once. */
  readonly cooldown: readonly WhatIf[];
  readonly waitCallsAtOnce: readonly WhatIf[];
}

/** Runs (a) and (b) again, with one assumption changed at a time. */
export async function whatIf(runs: number, seed: number): Promise<Changed> {
  const over = async <X>(
    variant: Variant,
    values: readonly X[],
    change: (value: X) => readonly [string, Partial<Parameters>],
  ): Promise<readonly WhatIf[]> => {
    const found: WhatIf[] = [];
    for (const value of values) {
      const [label, changed] = change(value);
      const plan = planOf(runs, seed, { ...PARAMETERS, ...changed });
      found.push({ label, verdict: judge(plan, await runVariant(plan, variant)) });
    }
    return found;
  };
  const limits = [5, 10, 20, 30, 60, 1_000];
  const limited = (callsAtOnce: number) =>
    [callsAtOnce === 1_000 ? "no limit" : String(callsAtOnce), { callsAtOnce }] as const;
  return {
    attempts: await over("retries", [3, 5, 10, 20, 100], (attempts) => [
      String(attempts),
      { attempts },
    ]),
    callsAtOnce: await over("retries", limits, limited),
    cooldown: await over("wait", [5_000, 10_000, 30_000, 60_000], (cooldownMs) => [
      `${cooldownMs / 1_000} s`,
      { cooldownMs },
    ]),
    waitCallsAtOnce: await over("wait", limits, limited),
  };
}
