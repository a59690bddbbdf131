/** The table of agent calls: one row for each attempt of an agent that has an outcome. */
import Big from "big.js";
import type { EntryKind, UsageRecord } from "../../model/entry.ts";
import type { JsonObject } from "../../model/json.ts";
import type { JournalEntry } from "./batch.ts";
import type { Column, Row } from "./columns.ts";
import { ofRun, PLACE_COLUMNS, place, RUN_COLUMNS, text, whole } from "./place-cells.ts";

export const CALL_COLUMNS: readonly Column[] = [
  ...PLACE_COLUMNS,
  ...RUN_COLUMNS,
  { name: "path", type: "string", comment: "The step." },
  { name: "turn", type: "long", comment: "0, or more where the step was sent or taken back." },
  { name: "attempt", type: "long", comment: "Which attempt it was, from 1." },
  { name: "agent", type: "string", required: true, comment: "name@version." },
  {
    name: "fallback_for",
    type: "string",
    comment: "name@version of the agent in whose place it was called.",
  },
  {
    name: "purpose",
    type: "string",
    required: true,
    comment: "step, probe (what an attempt did) or compensation.",
  },
  {
    name: "outcome",
    type: "string",
    required: true,
    comment: "sealed, failed, or unknown: whether it acted is not known.",
  },
  { name: "error_code", type: "string", comment: "Why it failed, for programs." },
  { name: "error_message", type: "string", comment: "Why it failed." },
  {
    name: "retry_at",
    type: "timestamp",
    comment: "When the next attempt is due, if there is one.",
  },
  { name: "took_ms", type: "long", comment: "How long it took." },
  { name: "timed_out", type: "boolean", comment: "Whether it ran out of its time." },
  {
    name: "model",
    type: "string",
    comment: "The models that were asked, in their order, with commas between.",
  },
  { name: "input_tokens", type: "long", comment: "Of all its models." },
  { name: "output_tokens", type: "long", comment: "Of all its models." },
  {
    name: "cost",
    type: "decimal(38,18)",
    comment: "Of all its models; null if one of them has no price.",
  },
  { name: "currency", type: "string", comment: "Of the cost." },
  { name: "usage", type: "string", comment: "The usage records, as JSON." },
  { name: "input_hash", type: "string", comment: "SHA-256 of what the agent was given, in hex." },
];

interface Outcome {
  readonly purpose: "step" | "probe" | "compensation";
  readonly outcome: "sealed" | "failed" | "unknown";
}

const OUTCOMES: Partial<Record<EntryKind, Outcome>> = {
  "step.sealed": { purpose: "step", outcome: "sealed" },
  "item.sealed": { purpose: "step", outcome: "sealed" },
  "attempt.failed": { purpose: "step", outcome: "failed" },
  "attempt.unknown": { purpose: "step", outcome: "unknown" },
  "attempt.probed": { purpose: "probe", outcome: "sealed" },
  "compensation.sealed": { purpose: "compensation", outcome: "sealed" },
  "compensation.failed": { purpose: "compensation", outcome: "failed" },
};

export function callRow(from: JournalEntry): Row | undefined {
  const { kind, path, turn, attempt, agent, inputHash, payload, by } = from.entry;
  const outcome = OUTCOMES[kind];
  // What a person has done by hand, or was carried over from another run, is no call.
  if (outcome === undefined || agent === undefined || by.kind === "person") return undefined;
  const error = fieldsOf(payload["error"]);
  return {
    ...place(from),
    ...ofRun(from),
    path: text(path),
    turn: BigInt(turn ?? 0),
    attempt: whole(attempt),
    agent,
    fallback_for: text(fieldsOf(payload["fallback"])["for"]),
    purpose: outcome.purpose,
    outcome: outcome.purpose === "probe" ? probed(payload) : outcome.outcome,
    error_code: text(error["code"]),
    error_message: text(error["message"]),
    retry_at: Number.isSafeInteger(payload["retryAt"]) ? Number(payload["retryAt"]) : null,
    took_ms: whole(payload["tookMs"]),
    timed_out: payload["timedOut"] === true,
    input_hash: text(inputHash),
    ...usageCells(payload),
  };
}

/** A probe that answered is sealed, whatever it said of the attempt. */
function probed({ answer }: JsonObject): Outcome["outcome"] {
  if (answer === "failed") return "failed";
  return answer === "unknown" ? "unknown" : "sealed";
}

function usageCells({ usage }: JsonObject): Row {
  // Sealed under this name is nothing but a list of these.
  const records = (usage ?? []) as unknown as readonly UsageRecord[];
  if (records.length === 0) return {};
  const sum = (tokens: (record: UsageRecord) => number): bigint =>
    BigInt(records.reduce((total, record) => total + tokens(record), 0));
  const costs = records.flatMap(({ cost }) => (cost === undefined ? [] : [cost]));
  const currencies = new Set(records.map(({ currency }) => currency));
  const [currency] = currencies;
  const isPriced = costs.length === records.length && currencies.size === 1;
  return {
    model: [...new Set(records.map(({ model }) => model))].join(","),
    input_tokens: sum(({ inputTokens }) => inputTokens),
    output_tokens: sum(({ outputTokens }) => outputTokens),
    cost: isPriced ? costs.reduce((total, cost) => total.plus(cost), new Big(0)).toFixed() : null,
    currency: isPriced ? text(currency) : null,
    usage: JSON.stringify(records),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? // An object of a sealed payload.
      (value as JsonObject)
    : {};
}
