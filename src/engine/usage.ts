import Big from "big.js";
import type { UsageRecord } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";

/** What a model costs: decimal strings, per million tokens. */
export interface Price {
  readonly inputPerMillion: string;
  readonly outputPerMillion: string;
  /** ISO 4217, e.g. `USD`. */
  readonly currency: string;
}

/** Prices by model name. A model that is not in it is recorded without a cost. */
export type PriceTable = Readonly<Record<string, Price>>;

/**
 * One call of a model, with its cost if the table has a price: exact decimal arithmetic, never floating point.
 * @throws BatonError USAGE_INVALID
 */
export function usageRecord(
  prices: PriceTable,
  usage: { readonly model: string; readonly inputTokens: number; readonly outputTokens: number },
): UsageRecord {
  const { model, inputTokens, outputTokens } = usage;
  const isCount = (tokens: number) => Number.isSafeInteger(tokens) && tokens >= 0;
  if (
    typeof model !== "string" ||
    model === "" ||
    !isCount(inputTokens) ||
    !isCount(outputTokens)
  ) {
    throw new BatonError(
      "USAGE_INVALID",
      `Usage of "${model}" has ${inputTokens} input and ${outputTokens} output tokens.`,
      {
        details: { model, inputTokens, outputTokens },
      },
    );
  }
  const price = Object.hasOwn(prices, model) ? prices[model] : undefined;
  if (price === undefined) return { model, inputTokens, outputTokens };
  const cost = new Big(price.inputPerMillion)
    .times(inputTokens)
    .plus(new Big(price.outputPerMillion).times(outputTokens))
    .div(1_000_000);
  return { model, inputTokens, outputTokens, cost: cost.toFixed(), currency: price.currency };
}
