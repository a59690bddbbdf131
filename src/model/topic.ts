/** Topics: contract-typed channels of the bus. */
import type { AnyContract, Contract } from "./contract.ts";
import { type Duration } from "./duration.ts";
import type { Frozen, Json } from "./json.ts";
import { isAgentName } from "./naming.ts";
import { definitionInvalid, durationOr, isAsync, isContract, unknownOptions } from "./problems.ts";

/** A topic as the engine sees it. */
export interface TopicDefinition {
  readonly name: string;
  /** What the data of each of its events keeps to. Its version is that of the topic. */
  readonly contract: AnyContract;
  readonly description?: string;
  /** What an event is about: events of one key are handled in the order in which they were published. */
  readonly key?: (data: Json) => string;
  /** How far back subscriptions may go; without it to the beginning. */
  readonly retentionMs?: number;
}

/** A topic with events whose data is a `T`. Made by {@link topic}; a frozen value. */
export interface Topic<in out T, out N extends string = string> extends TopicDefinition {
  readonly name: N;
  readonly contract: Contract<T>;
}

/** What {@link topic} takes besides name and contract. */
export interface TopicOptions<T> {
  readonly description?: string;
  /**
   * What an event is about, such as an order's number. Events of one key are handled by a subscription one after the other, in
   * the order in which they were published; without a key in any order. Synchronous.
   */
  readonly key?: (data: Frozen<T>) => string;
  /** How long its events can be asked for again. For ever if left out. Nothing is removed from the journal by it. */
  readonly retention?: Duration;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof TopicOptions<never>>([
  "description",
  "key",
  "retention",
]);

/**
 * A topic: a channel for events whose data keeps to a contract. The contract's version is the topic's: a newer one must accept
 * what was published under the older ones.
 *
 * @param name lower case, with dots: `research.findings`.
 * @throws BatonError `DEFINITION_INVALID` with all problems in `details.problems`.
 */
export function topic<T, const N extends string>(
  name: N,
  contract: Contract<T>,
  options: NoInfer<TopicOptions<T>> = {},
): Topic<T, N> {
  const { description, key, retention } = options;
  const problems = unknownOptions(options, OPTIONS, "the topic");
  if (!isAgentName(name))
    problems.push(`The name "${name}" is not lower-case letters, digits, dashes and dots.`);
  if (!isContract(contract)) problems.push("It was given no contract.");
  if (key !== undefined && typeof key !== "function") problems.push("`key` is not a function.");
  else if (isAsync(key)) problems.push("`key` is asynchronous; it must answer at once.");
  const retentionMs = durationOr(retention, "retention", problems);
  if (problems.length > 0) throw definitionInvalid(`topic "${name}"`, problems);
  return Object.freeze({
    name,
    contract,
    ...(description === undefined ? {} : { description }),
    // It is called with data that was checked against the contract.
    ...(key === undefined ? {} : { key: key as (data: Json) => string }),
    ...(retentionMs === undefined ? {} : { retentionMs }),
  });
}

/** Whether a value has the form of a topic. */
export function isTopic(value: unknown): value is TopicDefinition {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    "contract" in value &&
    isContract(value.contract)
  );
}
