/** The option `retry.budget` of an agent. How it is spent is in decide/retry-budget.ts. */
import type { RetryBudget } from "./agent-definition.ts";
import { shown } from "./option-reader.ts";
import { unknownOptions } from "./problems.ts";

/** A fifth: as many retries as one failing replica of five needs. The default of Finagle. */
const SHARE_DEFAULT = 0.2;
/** Enough for the hiccups of an agent that is seldom called. */
const LEAST_DEFAULT = 10;

const OPTIONS: ReadonlySet<string> = new Set<keyof RetryBudget>(["share", "least"]);

/** The budget with its defaults. */
export function retryBudget({
  share = SHARE_DEFAULT,
  least = LEAST_DEFAULT,
}: Partial<RetryBudget>): RetryBudget {
  return Object.freeze({ share, least });
}

/** What is wrong with the option, each a sentence. */
export function retryBudgetProblems(options: Partial<RetryBudget>): string[] {
  if (typeof options !== "object" || options === null)
    return ["The `retry.budget` was given no options."];
  const problems = unknownOptions(options, OPTIONS, "`retry.budget`");
  const { share, least } = retryBudget(options);
  if (!(typeof share === "number" && share >= 0 && share <= 1))
    problems.push(`The share of \`retry.budget\`, ${shown(share)}, is not between 0 and 1.`);
  if (!(typeof least === "number" && Number.isSafeInteger(least) && least >= 0))
    problems.push(
      `The least of \`retry.budget\`, ${shown(least)}, is not a whole number of 0 or more.`,
    );
  return problems;
}
