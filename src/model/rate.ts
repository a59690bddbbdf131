/** Rate limits as values: the policy of an agent, and how a rate stands. The bucket is in decide/rate.ts. */
import type { Duration } from "./duration.ts";
import { isAgentName } from "./naming.ts";
import { reader } from "./option-reader.ts";
import type { Frozen, Json } from "./json.ts";

/** How many calls an agent may make in a time, over all runs. */
export interface RateOptions<I> {
  /** Calls in each `per`, evenly spread. */
  readonly calls: number;
  readonly per: Duration;
  /**
   * Calls that may begin at once after a quiet time: 1 if left out. No time of the length `per` sees more than
   * `calls + burst - 1` calls begin.
   */
  readonly burst?: number;
  /** What the calls are counted by: each key has the whole rate. All calls are counted together if left out. Synchronous. */
  readonly key?: (input: Frozen<I>) => string;
  /** Agents that name the same rate share it; their settings must be the same. The agent's own name if left out. */
  readonly name?: string;
}

/** What decides when a call may begin. Agents that share a rate must have the same. */
export interface RateSettings {
  readonly calls: number;
  readonly perMs: number;
  readonly burst: number;
}

/** The rate of an agent. */
export interface RatePolicy {
  readonly name: string;
  readonly settings: RateSettings;
  readonly key?: (input: Json) => string;
}

/** A key of a rate, as it stands. */
export interface RateKeySnapshot {
  readonly key: string;
  /** Calls that could not begin at once now, of `burst`. */
  readonly used: number;
  /** Calls that wait in memory. */
  readonly waiting: number;
}

/** A rate, as it stands in this process. */
export interface RateSnapshot extends RateSettings {
  readonly name: string;
  /** `name@version` of the agents that share it. */
  readonly agents: readonly string[];
  /** Keys that were used so lately that they are not full again. */
  readonly keys: number;
  /** Calls that wait in memory for their turn, over all keys. */
  readonly waiting: number;
  /** The keys with most waiting and used, ten at the most. */
  readonly busiest: readonly RateKeySnapshot[];
}

const OPTIONS: ReadonlySet<string> = new Set<keyof RateOptions<never>>([
  "calls",
  "per",
  "burst",
  "key",
  "name",
]);

/** So that what is counted in parts of a call stays exact. */
const SETTING_MAX = 1_000_000;

/** Reads the option; what is wrong with it is added to `problems`, and then what is given back is not to be used. */
export function ratePolicy(agent: string, options: unknown, problems: string[]): RatePolicy {
  const read = reader("the rate", options, OPTIONS, problems);
  const given = read.field("name");
  const name = typeof given === "string" ? given : agent;
  // Without a name of its own it has the agent's, which is checked there.
  if (given !== undefined && (typeof given !== "string" || !isAgentName(given)))
    read.problem("has a `name` that is not a text of lower-case letters, digits, dashes and dots");
  const calls = read.whole("calls", 1, undefined) ?? 1;
  const burst = read.whole("burst", 1, 1) ?? 1;
  for (const [option, value] of Object.entries({ calls, burst }))
    if (value > SETTING_MAX)
      read.problem(`has a \`${option}\` of ${value}, which is more than ${SETTING_MAX}`);
  if (read.field("per") === undefined) read.problem("has no `per`");
  const perMs = read.duration("per") ?? 1;
  if (perMs === 0) read.problem("has a `per` of 0");
  const key = read.field("key");
  if (key !== undefined) read.fn("key");
  return Object.freeze({
    name,
    settings: Object.freeze({ calls, perMs, burst }),
    // A function, or there is a problem that says so; its input is checked against the contract before it is called.
    ...(key === undefined ? {} : { key: key as (input: Json) => string }),
  });
}
