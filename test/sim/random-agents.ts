/** Agents made by chance: pure ones, that fail, hang and break their contract; some that can be undone, some behind breakers. */
import {
  type Agent,
  agent,
  type AgentContext,
  contract,
  exponential,
  type Json,
  type WorkflowDefinition,
} from "baton";
import type { AgentFake } from "baton/testing";
import { z } from "zod";
import { digest, type Dice, pick } from "./dice.ts";
import { limitsOfAgent, probing, type RandomLimits, TOKENS_MAX } from "./random-limits.ts";

export const anything = contract("anything", "1.0.0", z.unknown());
export const small = contract("small", "1.0.0", z.int().min(0).max(1_000_000));

type AgentDefinition = Extract<
  WorkflowDefinition["steps"][number],
  { readonly kind: "agent" }
>["agent"];
type RandomAgent = Agent<unknown, number>;
type Options = Parameters<typeof agent<unknown, number, number>>[0];

interface Kind {
  readonly name: string;
  readonly attempts: number;
  readonly timeout?: "5s";
  readonly concurrency?: number;
  readonly execute: (input: Json, context: AgentContext) => unknown;
}

/** Of the entry that a delivery is of, which is a matter of time. */
const NUMBER = /(?<=^on\d+)#\d+$/;

const KINDS: readonly Kind[] = [
  { name: "plain", attempts: 4, execute: (input) => digest(input) },
  { name: "fragile", attempts: 2, execute: (input) => digest(input) },
  {
    name: "careful",
    attempts: 4,
    timeout: "5s",
    execute: async (input, context) => {
      const first = await context.once("first", () => digest(input));
      const second = await context.once("second", () => first + 1);
      return second;
    },
  },
  { name: "narrow", attempts: 4, timeout: "5s", concurrency: 2, execute: (input) => digest(input) },
  {
    name: "sloppy",
    attempts: 5,
    timeout: "5s",
    execute: (input, { attempt, path }) =>
      attempt <= digest(path.replace(NUMBER, "")) % 3 ? "not a number" : digest(input),
  },
];

const DRAFTER: Kind = { name: "drafter", attempts: 4, execute: (_, { turn }) => turn };
const STANDBY: Kind = { name: "standby", attempts: 4, execute: (input) => digest(input) };

/** What stands for each agent in a simulation: it is pure, so that it may be called as it is. */
export const RANDOM_FAKES: Readonly<Record<string, AgentFake>> = Object.fromEntries(
  [...KINDS, DRAFTER, STANDBY].map(({ name, execute }): readonly [string, AgentFake] => [
    name,
    // Its contract takes any JSON.
    (input: Json, context: AgentContext) => {
      const tokens = digest(input) % (TOKENS_MAX + 1);
      if (tokens % 2 === 0)
        context.usage({ model: "a-model", inputTokens: tokens, outputTokens: 0 });
      return execute(input, context);
    },
  ]),
);

export interface RandomAgents {
  readonly all: readonly AgentDefinition[];
  /** Writes the drafts that a review sends back. */
  readonly drafter: AgentDefinition;
}

/** The agents of one workflow. In half of the seeds some can be undone, in a third some stand behind breakers, in a quarter some are at-most-once. */
export function randomAgents(dice: Dice, limits: RandomLimits): RandomAgents {
  const undoes = dice(2) === 0;
  const breaks = dice(3) === 0;
  const isOnce = dice(4) === 0;
  const shared = breakerSettings(dice);
  const make = (kind: Kind, more: Partial<Options>): RandomAgent => {
    const undone = undoes && dice(3) > 0 ? compensation(dice) : {};
    const once =
      isOnce && dice(2) === 0
        ? { ...delivery(dice, undone.compensateUnknown === true), ...probing(limits) }
        : {};
    // Whether `compensate` must take an output that is unknown follows from chance here, which the types can't.
    return agent({
      ...base(kind),
      ...undone,
      ...once,
      ...more,
      ...limitsOfAgent(limits),
    } as Options);
  };
  const standby = make(STANDBY, {});
  const guarded = (): Partial<Options> => {
    if (!breaks || dice(2) === 0) return {};
    const isShared = dice(2) === 0;
    const whenOpen = pick<"wait" | "fail" | "fallback">(dice, ["wait", "wait", "fail", "fallback"]);
    return {
      // A call that hangs is heard of at its timeout only.
      timeout: "5s",
      breaker: {
        ...(isShared ? { ...shared, name: "shared" } : breakerSettings(dice)),
        whenOpen: whenOpen === "fallback" ? { fallback: standby } : whenOpen,
      },
    };
  };
  return { all: KINDS.map((kind) => make(kind, guarded())), drafter: make(DRAFTER, {}) };
}

function base({ name, attempts, timeout, concurrency, execute }: Kind): Options {
  return {
    name,
    version: "1.0.0",
    input: anything,
    output: small,
    retry: { attempts, backoff: exponential("200ms", { jitter: 0.5 }) },
    ...(timeout === undefined ? {} : { timeout }),
    ...(concurrency === undefined ? {} : { concurrency }),
    // What is handed over is JSON; what comes back is for the contract to judge, since one of them breaks it at times.
    execute: (input, context) => execute(input as Json, context) as number | Promise<number>,
  };
}

function compensation(dice: Dice): Partial<Options> {
  return {
    compensate: () => undefined,
    ...(dice(2) === 0 ? { compensateUnknown: true } : {}),
    ...(dice(3) === 0
      ? {}
      : {
          compensation: {
            retry: { attempts: 1 + dice(3), backoff: exponential("300ms") },
            ...(dice(2) === 0 ? { timeout: "3s" } : {}),
          },
        }),
  };
}

/** An attempt that the simulation has fail did nothing; of all others nobody knows. */
function delivery(dice: Dice, undoesUnknown: boolean) {
  return {
    delivery: "at-most-once" as const,
    ...(undoesUnknown && dice(2) === 0 ? { onUnknown: "compensate" as const } : {}),
    nothingDone: (error: unknown) => String(error).includes("says the simulation"),
  };
}

function breakerSettings(dice: Dice) {
  const opens =
    dice(3) === 0
      ? { window: { rate: 0.5, size: 4, minimum: 2 + dice(2) } }
      : { failures: 1 + dice(3) };
  return {
    ...opens,
    cooldown: pick(dice, ["1s", "3s", "20s"] as const),
    probes: 1 + dice(2),
  };
}
