/** Sums of what models were asked to do. Money is added as decimals: binary fractions lose cents. */
import { Big } from "big.js";
import type { UsageRecord } from "../model/entry.ts";

/** All calls of one model in one currency; `cost` is absent where no price was known, so that unpriced calls stand apart. */
export interface UsageTotal {
  readonly model: string;
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** A decimal string. */
  readonly cost?: string;
  readonly currency?: string;
}

interface Sum {
  readonly model: string;
  readonly currency: string | undefined;
  readonly cost: Big | undefined;
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Totals per model and currency, in order of first use. */
export function usageTotals(records: Iterable<UsageRecord>): readonly UsageTotal[] {
  const sums = new Map<string, Sum>();
  for (const record of records) {
    const { model, currency, cost } = record;
    const key = JSON.stringify([model, cost === undefined ? null : (currency ?? "")]);
    const sum = sums.get(key);
    sums.set(key, {
      model,
      currency,
      cost: cost === undefined ? undefined : (sum?.cost ?? new Big(0)).plus(cost),
      calls: (sum?.calls ?? 0) + 1,
      inputTokens: (sum?.inputTokens ?? 0) + record.inputTokens,
      outputTokens: (sum?.outputTokens ?? 0) + record.outputTokens,
    });
  }
  return [...sums.values()].map(({ cost, currency, ...counts }) => ({
    ...counts,
    ...(cost === undefined ? {} : { cost: cost.toFixed() }),
    ...(cost === undefined || currency === undefined ? {} : { currency }),
  }));
}
