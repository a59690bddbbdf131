/** Amounts of what budgets measure: tokens, money, calls and time. Money is an exact decimal, never a floating-point number. */
import Big from "big.js";
import type { UsageRecord } from "./entry.ts";

/** What is limited, reserved or spent. A measure that is absent is not measured there. */
export interface Amounts {
  /** Input and output tokens together. */
  readonly tokens?: number;
  /** A decimal in units of `currency`: `"0.12"`. */
  readonly money?: string;
  /** ISO 4217; there where `money` is. */
  readonly currency?: string;
  readonly calls?: number;
  readonly timeMs?: number;
}

export type Measure = "tokens" | "money" | "calls" | "timeMs";

export const MEASURES: readonly Measure[] = ["tokens", "money", "calls", "timeMs"];

/** What people call the measure: the name of its option. */
export function measureName(measure: Measure): string {
  return measure === "timeMs" ? "time" : measure;
}

export const NOTHING: Amounts = Object.freeze({});

/** Measure by measure; what only one of them has stays. */
export function plus(one: Amounts, other: Amounts): Amounts {
  const tokens = added(one.tokens, other.tokens);
  const calls = added(one.calls, other.calls);
  const timeMs = added(one.timeMs, other.timeMs);
  const currency = one.currency ?? other.currency;
  return {
    ...(tokens === undefined ? {} : { tokens }),
    ...(one.money === undefined && other.money === undefined
      ? {}
      : { money: new Big(one.money ?? 0).plus(other.money ?? 0).toFixed() }),
    ...(currency === undefined ? {} : { currency }),
    ...(calls === undefined ? {} : { calls }),
    ...(timeMs === undefined ? {} : { timeMs }),
  };
}

function added(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : one + (other ?? 0);
}

/** What is left of `one`; never less than nothing. Measures that `one` does not have are left out. */
export function minus(one: Amounts, other: Amounts): Amounts {
  return map(one, (measure) => {
    const left = amountOf(one, measure).minus(amountOf(other, measure));
    return left.lt(0) ? new Big(0) : left;
  });
}

/** The larger of the two, measure by measure, of those that either has. */
export function atLeast(one: Amounts, other: Amounts): Amounts {
  return map(plus(one, other), (measure) => {
    const [a, b] = [amountOf(one, measure), amountOf(other, measure)];
    return a.lt(b) ? b : a;
  });
}

/** Only those measures that `by` has; what is not there is nothing. */
export function measuredBy(amounts: Amounts, by: Amounts): Amounts {
  return map(by, (measure) => amountOf(amounts, measure));
}

/** The first measure of `limit` of which there is more than it allows. */
export function exceeds(amounts: Amounts, limit: Amounts): Measure | undefined {
  return MEASURES.find(
    (measure) =>
      limit[measure] !== undefined && amountOf(amounts, measure).gt(amountOf(limit, measure)),
  );
}

/** Whether there is nothing of any measure. */
export function isNothing(amounts: Amounts): boolean {
  return MEASURES.every((measure) => amountOf(amounts, measure).eq(0));
}

/** An amount of one measure for people: `50 calls`, `1.20 EUR`. */
export function amountText(amounts: Amounts, measure: Measure): string {
  const amount = amountOf(amounts, measure).toFixed();
  if (measure === "money") return `${amount} ${amounts.currency ?? ""}`.trim();
  if (measure === "timeMs") return `${amount} ms`;
  return `${amount} ${amount === "1" ? measure.slice(0, -1) : measure}`;
}

/**
 * What reported usage comes to. Money is left out where a call has no price: then it is not known.
 */
export function usedIn(usage: readonly UsageRecord[]): Amounts {
  let tokens = 0;
  let money: Big | undefined = new Big(0);
  let currency: string | undefined;
  for (const record of usage) {
    tokens += record.inputTokens + record.outputTokens;
    money = record.cost === undefined ? undefined : money?.plus(record.cost);
    currency ??= record.currency;
  }
  return {
    tokens,
    ...(money === undefined ? {} : { money: money.toFixed() }),
    ...(money === undefined || currency === undefined ? {} : { currency }),
  };
}

function amountOf(amounts: Amounts, measure: Measure): Big {
  return new Big(amounts[measure] ?? 0);
}

function map(shape: Amounts, amount: (measure: Measure) => Big): Amounts {
  return {
    ...(shape.tokens === undefined ? {} : { tokens: amount("tokens").toNumber() }),
    ...(shape.money === undefined ? {} : { money: amount("money").toFixed() }),
    ...(shape.currency === undefined ? {} : { currency: shape.currency }),
    ...(shape.calls === undefined ? {} : { calls: amount("calls").toNumber() }),
    ...(shape.timeMs === undefined ? {} : { timeMs: amount("timeMs").toNumber() }),
  };
}
