/** The plan of one seed: which runs there are, when each comes, and what the bureau has to say of it. */
import { type Random, seededRandom } from "../../examples/credit-decision/random.ts";
import type { Parameters, Range } from "./parameters.ts";

/** One run, whatever executes it. */
export interface Fate {
  readonly id: string;
  /** From the beginning of the lab. */
  readonly arrivesAtMs: number;
  /** How long the bureau works on it on a good day. */
  readonly workMs: number;
  /** What the bureau says. */
  readonly score: number;
  /** What is on file from the last time. */
  readonly scoreOnFile: number;
  /** From 0 to below 1: takes a part off the pauses of (a). Baton draws its own. */
  readonly jitters: readonly number[];
}

/** Everything that one seed decides. All variants are given the same plan. */
export interface Plan {
  readonly seed: number;
  readonly parameters: Parameters;
  readonly fates: readonly Fate[];
}

const SCORE: Range = { low: 500, high: 800 };

/** The same seed gives the same plan on every machine; the order of the draws is part of it. */
export function planOf(runs: number, seed: number, parameters: Parameters): Plan {
  const random = seededRandom(seed);
  let nowMs = 0;
  const fates = Array.from({ length: runs }, (_, no): Fate => {
    nowMs += within(random, parameters.arrivalGapMs);
    const score = within(random, SCORE);
    return {
      id: `run-${String(no + 1).padStart(4, "0")}`,
      arrivesAtMs: nowMs,
      workMs: within(random, parameters.workMs),
      score,
      scoreOnFile: score + within(random, parameters.scoreOff),
      jitters: Array.from({ length: parameters.attempts }, () => random.whole(0, 999) / 1_000),
    };
  });
  return { seed, parameters, fates };
}

function within(random: Random, { low, high }: Range): number {
  return random.whole(low, high);
}
