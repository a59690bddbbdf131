/** Agents with types: input in, output out. What the engine sees of them is in agent-definition.ts. */
import type {
  AgentContext,
  AgentDefinition,
  Backoff,
  CompensationContext,
  RetryBudget,
  ProbeAnswer,
  ProbeContext,
  RetryPolicy,
} from "./agent-definition.ts";
import { type BreakerOptions, breakerPolicy } from "./breaker-options.ts";
import { type Budget, budgetsOf, maximumOf, maximumProblems } from "./budget.ts";
import type { Contract } from "./contract.ts";
import { type Duration, durationMs } from "./duration.ts";
import type { Frozen, Json } from "./json.ts";
import { isAgentName, isVersion } from "./naming.ts";
import { type RateOptions, ratePolicy } from "./rate.ts";
import { retryBudget, retryBudgetProblems } from "./retry-budget.ts";
import { definitionInvalid, durationOr, isAsync, isContract, unknownOptions } from "./problems.ts";

declare const CALL: unique symbol;

/** Marks, for the compiler only, what is given to an agent or a workflow and what comes out. */
export interface Callable<in I, out O> {
  readonly [CALL]?: (input: I) => O;
}

/** An agent that takes `I` and gives `O`. Made by {@link agent}; a frozen value without state. */
export interface Agent<in I, out O> extends AgentDefinition, Callable<I, O> {}

/** When a failed attempt is made again. */
export interface RetryOptions {
  /** Attempts in all, the first included: 1 to 100. */
  readonly attempts: number;
  /** The pause between two attempts; `exponential("200ms")` if left out. */
  readonly backoff?: Backoff;
  /** Which errors are final, so that no further attempt is made. Synchronous; none if left out. */
  readonly final?: (error: unknown) => boolean;
  /**
   * Bounds the retries of all runs together: at most `share` (0.2 if left out) for each first attempt, and `least` (10 if
   * left out) in store, which come back within a minute. Once it is spent, a failed attempt is the last. No bound if left
   * out; `{}` for the defaults.
   */
  readonly budget?: Partial<RetryBudget>;
}

/** What {@link agent} takes. */
export type AgentOptions<I, O, R> = AgentWork<I, O, R> & AgentUndoing<I, O> & AgentDelivery<I, O>;

/** How often an agent may act for one call. */
export type AgentDelivery<I, O> =
  | {
      /** If left out, or said so: it is called again until an attempt gives its output, always with the same idempotency key. */
      readonly delivery?: "at-least-once";
      readonly onUnknown?: never;
      readonly probe?: never;
      readonly nothingDone?: never;
    }
  | ({
      readonly delivery: "at-most-once";
      /** A person is asked, while the rest of the run goes on. */
      readonly onUnknown?: "ask";
    } & AtMostOnce<I, O>)
  | ({
      readonly delivery: "at-most-once";
      /** The step fails with `OUTCOME_UNKNOWN`, and `compensate` is called without an output. */
      readonly onUnknown: "compensate";
      readonly compensateUnknown: true;
    } & AtMostOnce<I, O>);

/** What an at-most-once agent may say besides. */
export interface AtMostOnce<I, O> {
  /** Asks the outside system, by the idempotency key, what an attempt of unknown outcome did. `onUnknown` decides if it gives up. */
  readonly probe?: (
    input: NoInfer<Frozen<I>>,
    context: ProbeContext,
  ) => ProbeAnswer<NoInfer<O>> | Promise<ProbeAnswer<NoInfer<O>>>;
  /** Whether an error says that the attempt did nothing, so that another is safe. Synchronous. If left out, no error says so. */
  readonly nothingDone?: (error: unknown) => boolean;
}

/** How an agent's work is undone. */
export type AgentUndoing<I, O> =
  | {
      /** Undoes what `execute` did, given the same input and what came out. Executed at least once, recorded once. */
      readonly compensate?: (
        input: Frozen<I>,
        output: Frozen<O>,
        context: CompensationContext,
      ) => unknown;
      readonly compensateUnknown?: false;
    }
  | {
      /** Undoes what `execute` did; `output` is undefined where an attempt may have acted, but its outcome is not known. */
      readonly compensate: (
        input: Frozen<I>,
        output: Frozen<O> | undefined,
        context: CompensationContext,
      ) => unknown;
      /**
       * Whether `compensate` is called, without an output, for an attempt that timed out, was aborted, or gave an output that
       * was refused. If left out, such a run is parked for a person.
       */
      readonly compensateUnknown: true;
    };

/** What an agent does, and under which policies. */
export interface AgentWork<I, O, R> {
  /** Lower case: `credit-score`, `risk.eu.credit-score`. */
  readonly name: string;
  /** Semantic version: `1.2.0`. */
  readonly version: string;
  readonly description?: string;
  readonly input: Contract<I>;
  readonly output: Contract<O>;
  /** Of one attempt. No limit if left out, which `baton check` warns of. */
  readonly timeout?: Duration;
  /**
   * How often a long attempt says that it is still at work, by `context.heartbeat()`: one that is silent for longer ends with
   * HEARTBEAT_MISSED, and is retried. It is not asked for if left out.
   */
  readonly heartbeat?: Duration;
  /** Three attempts with `exponential("200ms")` if left out. */
  readonly retry?: RetryOptions;
  /** Attempts at the same time in one process, over all runs. No limit of its own if left out. */
  readonly concurrency?: number;
  /**
   * Attempts that may wait at the same time for one of the places of `concurrency`. One more fails with `QUEUE_FULL`, and is
   * made again as `retry` says. Any number if left out.
   */
  readonly queue?: number;
  /** How many calls may begin in a time, over all runs; a call that is early waits. No limit if left out. */
  readonly rate?: RateOptions<NoInfer<I>>;
  /** Stops its calls while what is behind it is down, over all runs. None if left out; `{}` for the defaults. */
  readonly breaker?: BreakerOptions<NoInfer<I>, NoInfer<O>>;
  /** What limits its calls, shared with whoever else names the same {@link budget}. None if left out. */
  readonly budgets?: readonly Budget[];
  /**
   * What one attempt may use at most; set aside before it is made, and enforced: one that reports more is aborted. Needed for
   * what a budget measures: tokens, or money (`"0.12 EUR"`).
   */
  readonly maximum?: { readonly tokens?: number; readonly money?: string };
  /** Whether it acts on the outside world. If left out: true where it has `compensate` or is at-most-once, else false. */
  readonly sideEffects?: boolean;
  /** The work. Its input is frozen; its output is checked against the output contract. */
  readonly execute: (input: Frozen<I>, context: AgentContext) => R | Promise<R>;
  /** Timeout and retries of `compensate`; each as for `execute` if left out. */
  readonly compensation?: {
    readonly timeout?: Duration;
    readonly retry?: Omit<RetryOptions, "budget">;
  };
}

/** Attempts in all, where an agent does not say: one hiccup of the network is common, three in a row are an outage. */
export const RETRY_ATTEMPTS_DEFAULT = 3;
/** More attempts are an outage that a person should hear of, not a retry. */
export const RETRY_ATTEMPTS_MAX = 100;

/** How {@link exponential} grows. */
export interface ExponentialOptions {
  /** By what the pause is multiplied after each attempt: 2 if left out. */
  readonly factor?: number;
  /** The longest pause: `"30s"` if left out. */
  readonly max?: Duration;
  /** The random part, 0 to 1, that is taken off each pause, so that callers don't return in step: 0.5 if left out. */
  readonly jitter?: number;
}

/**
 * Pauses that grow: `base`, `base * factor`, `base * factor ** 2`, ... up to `max`, each shortened by a random part of up to
 * `jitter`.
 *
 * @example exponential("200ms", { factor: 2, max: "30s", jitter: 0.5 })
 * @throws BatonError `DURATION_INVALID`; `DEFINITION_INVALID` for a factor below 1, a jitter outside 0 to 1, or a `max`
 * below `base`.
 */
export function exponential(base: Duration, options: ExponentialOptions = {}): Backoff {
  const { factor = 2, max = "30s", jitter = 0.5 } = options;
  const backoff: Backoff = {
    baseMs: durationMs(base),
    factor,
    maxMs: durationMs(max),
    jitter,
  };
  const problems = backoffProblems(backoff);
  if (problems.length > 0) throw definitionInvalid(`backoff of "${base}"`, problems);
  return Object.freeze(backoff);
}

const OPTIONS: ReadonlySet<string> = new Set<keyof AgentOptions<never, never, never>>([
  "name",
  "version",
  "description",
  "input",
  "output",
  "timeout",
  "heartbeat",
  "retry",
  "concurrency",
  "queue",
  "rate",
  "breaker",
  "budgets",
  "maximum",
  "sideEffects",
  "execute",
  "compensate",
  "compensateUnknown",
  "compensation",
  "delivery",
  "onUnknown",
  "probe",
  "nothingDone",
]);
const COMPENSATION_OPTIONS: ReadonlySet<string> = new Set(["timeout", "retry"]);

/**
 * An agent: a named, versioned unit of work between two contracts.
 *
 * If left out: three attempts in all, with `exponential("200ms")` (doubling, at most 30 s, half of it random); no timeout; no
 * limit of concurrency or rate; `sideEffects` is whether there is a `compensate`.
 *
 * @throws BatonError `DEFINITION_INVALID` with all problems in `details.problems`.
 */
export function agent<I, O, const R extends Frozen<O>>(
  options: AgentOptions<I, O, R>,
): Agent<I, O> {
  const { name, version, description, input, output, concurrency, execute, compensate } = options;
  const problems = agentProblems(options);
  const timeoutMs = durationOr(options.timeout, "timeout", problems);
  if (timeoutMs === 0) problems.push("The timeout is 0: no attempt could ever end in time.");
  const heartbeatMs = durationOr(options.heartbeat, "heartbeat", problems);
  if (heartbeatMs === 0) problems.push("The heartbeat is 0: no attempt could keep to it.");
  const retry = options.retry ?? { attempts: RETRY_ATTEMPTS_DEFAULT };
  problems.push(...retryProblems(retry), ...deliveryProblems(options));
  const compensation = compensationOf(options, problems);
  const breaker = breakerOf(options, problems);
  const rate = options.rate === undefined ? undefined : ratePolicy(name, options.rate, problems);
  const limited = limitsOf(options, timeoutMs, problems);
  if (problems.length > 0) throw definitionInvalid(`agent "${name}@${version}"`, problems);
  return Object.freeze({
    name,
    version,
    id: `${name}@${version}`,
    ...(description === undefined ? {} : { description }),
    input,
    output,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    retry: retryPolicy(retry),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(options.queue === undefined ? {} : { queue: options.queue }),
    ...(rate === undefined ? {} : { rate }),
    ...(breaker === undefined ? {} : { breaker }),
    ...limited,
    ...deliveryOf(options),
    sideEffects:
      options.sideEffects ?? (compensate !== undefined || options.delivery === "at-most-once"),
    // The engine checks every value against the contract before it calls these; from there on it is of the contract's type.
    execute: execute as (input: Json, context: AgentContext) => unknown,
    ...(compensate === undefined
      ? {}
      : {
          compensate: compensate as NonNullable<AgentDefinition["compensate"]>,
        }),
    ...(options.compensateUnknown === true ? { compensateUnknown: true } : {}),
    ...(compensation === undefined ? {} : { compensation }),
  });
}

function retryPolicy({ attempts, backoff, final, budget }: RetryOptions): RetryPolicy {
  return Object.freeze({
    attempts,
    backoff: backoff ?? exponential("200ms"),
    ...(final === undefined ? {} : { final }),
    ...(budget === undefined ? {} : { budget: retryBudget(budget) }),
  });
}

function compensationOf<I, O, R>(
  { compensation, compensate, compensateUnknown }: AgentOptions<I, O, R>,
  problems: string[],
): AgentDefinition["compensation"] {
  if (compensateUnknown === true && compensate === undefined)
    problems.push("`compensateUnknown` is true, yet there is no `compensate`.");
  if (compensation === undefined) return undefined;
  if (typeof compensation !== "object" || compensation === null) {
    problems.push("`compensation` is not an object.");
    return undefined;
  }
  problems.push(...unknownOptions(compensation, COMPENSATION_OPTIONS, "`compensation`"));
  if (compensate === undefined)
    problems.push("There is a policy for `compensation`, yet no `compensate`.");
  const { retry } = compensation;
  const timeoutMs = durationOr(compensation.timeout, "timeout of `compensation`", problems);
  if (timeoutMs === 0) problems.push("The timeout of `compensation` is 0.");
  if (retry !== undefined) {
    problems.push(...retryProblems(retry));
    if ("budget" in retry)
      problems.push("The retries of `compensation` have a `budget`: what was done must be undone.");
  }
  return Object.freeze({
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(retry === undefined ? {} : { retry: retryPolicy(retry) }),
  });
}

function deliveryOf<I, O, R>({
  delivery,
  onUnknown,
  probe,
  nothingDone,
}: AgentOptions<I, O, R>): Pick<
  AgentDefinition,
  "delivery" | "onUnknown" | "probe" | "nothingDone"
> {
  if (delivery !== "at-most-once") return {};
  return {
    delivery,
    ...(onUnknown === undefined ? {} : { onUnknown }),
    // What it is given has passed the agent's input contract when the attempt was made.
    ...(probe === undefined ? {} : { probe: probe as NonNullable<AgentDefinition["probe"]> }),
    ...(nothingDone === undefined ? {} : { nothingDone }),
  };
}

function deliveryProblems<I, O, R>(options: AgentOptions<I, O, R>): string[] {
  const problems: string[] = [];
  const { delivery, onUnknown, probe, nothingDone, compensate } = options;
  if (delivery !== undefined && delivery !== "at-least-once" && delivery !== "at-most-once")
    problems.push("`delivery` is neither at-least-once nor at-most-once.");
  const isOnce = delivery === "at-most-once";
  for (const [name, option] of Object.entries({ onUnknown, probe, nothingDone })) {
    if (option !== undefined && !isOnce)
      problems.push(`\`${name}\` is for agents with delivery "at-most-once" only.`);
  }
  if (onUnknown !== undefined && onUnknown !== "ask" && onUnknown !== "compensate")
    problems.push("`onUnknown` is neither ask nor compensate.");
  if (onUnknown === "compensate" && (compensate === undefined || !options.compensateUnknown))
    problems.push(
      '`onUnknown` is "compensate": that takes a `compensate`, and `compensateUnknown: true`.',
    );
  if (probe !== undefined && typeof probe !== "function")
    problems.push("`probe` is not a function.");
  if (nothingDone !== undefined && typeof nothingDone !== "function")
    problems.push("`nothingDone` is not a function.");
  else if (isAsync(nothingDone))
    problems.push("`nothingDone` is asynchronous; it must answer at once.");
  if (isOnce && options.sideEffects === false)
    problems.push("`sideEffects` is false, yet the agent is at-most-once: one of them is wrong.");
  return problems;
}

/** A fallback is compared with the agent's contracts, so these must be contracts. */
function breakerOf<I, O, R>(options: AgentOptions<I, O, R>, problems: string[]) {
  const { breaker, name, input, output } = options;
  if (breaker === undefined || !isContract(input) || !isContract(output)) return undefined;
  return breakerPolicy({ name, input, output }, breaker, problems);
}

/** Its budgets, and the maximum without which it could not be under them. */
function limitsOf<I, O, R>(
  options: AgentOptions<I, O, R>,
  timeoutMs: number | undefined,
  problems: string[],
): Pick<AgentDefinition, "budgets" | "maximum"> {
  const { name, version } = options;
  const maximum =
    options.maximum === undefined ? {} : { maximum: maximumOf(options.maximum, problems) };
  if (options.budgets === undefined) return maximum;
  const budgets = budgetsOf(options.budgets, problems);
  const one = {
    id: `${name}@${version}`,
    ...maximum,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  for (const each of budgets)
    problems.push(...maximumProblems(one, each.limit, `its budget ${each.name}`));
  return { budgets, ...maximum };
}

function agentProblems<I, O, R>(options: AgentOptions<I, O, R>): string[] {
  const { name, version, input, output, concurrency, execute, compensate } = options;
  const problems = unknownOptions(options, OPTIONS, "the agent");
  if (!isAgentName(name)) {
    problems.push(`The name "${name}" is not lower-case letters, digits, dashes and dots.`);
  }
  if (!isVersion(version)) {
    problems.push(`The version "${version}" is not a semantic version such as "1.0.0".`);
  }
  if (!isContract(input)) problems.push("The input is not a contract.");
  if (!isContract(output)) problems.push("The output is not a contract.");
  if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency >= 1)) {
    problems.push(`The concurrency ${concurrency} is not a whole number of 1 or more.`);
  }
  problems.push(...queueProblems(options.queue, concurrency));
  if (typeof execute !== "function") problems.push("There is no function `execute`.");
  if (compensate !== undefined && typeof compensate !== "function") {
    problems.push("`compensate` is not a function.");
  }
  if (compensate !== undefined && options.sideEffects === false) {
    problems.push("`sideEffects` is false, yet there is a `compensate`: one of them is wrong.");
  }
  return problems;
}

function queueProblems(queue: number | undefined, concurrency: number | undefined): string[] {
  if (queue === undefined) return [];
  if (!(Number.isSafeInteger(queue) && queue >= 0))
    return [`The queue ${queue} is not a whole number of 0 or more.`];
  return concurrency === undefined
    ? ["There is a `queue`, yet no `concurrency`: nothing would ever wait in it."]
    : [];
}

function retryProblems({ attempts, backoff, final, budget }: RetryOptions): string[] {
  const problems = backoff === undefined ? [] : backoffProblems(backoff);
  if (budget !== undefined) problems.push(...retryBudgetProblems(budget));
  if (!(Number.isSafeInteger(attempts) && attempts >= 1 && attempts <= RETRY_ATTEMPTS_MAX)) {
    problems.push(
      `The attempts, ${attempts}, are not a whole number from 1 to ${RETRY_ATTEMPTS_MAX}.`,
    );
  }
  if (final !== undefined && typeof final !== "function") {
    problems.push("`retry.final` is not a function.");
  } else if (isAsync(final)) {
    problems.push("`retry.final` is asynchronous; it must answer at once.");
  }
  return problems;
}

function backoffProblems({ baseMs, factor, maxMs, jitter }: Backoff): string[] {
  const problems: string[] = [];
  if (!(baseMs >= 0)) problems.push(`The first pause of the backoff, ${baseMs} ms, is negative.`);
  if (!(factor >= 1)) problems.push(`The factor of the backoff, ${factor}, is below 1.`);
  if (!(maxMs >= baseMs)) {
    problems.push(
      `The longest pause of the backoff, ${maxMs} ms, is below the first, ${baseMs} ms.`,
    );
  }
  if (!(jitter >= 0 && jitter <= 1)) {
    problems.push(`The jitter of the backoff, ${jitter}, is not between 0 and 1.`);
  }
  return problems;
}
