/** Workflows made by chance: every kind of step, nested, with conditions, retries, rules and timeouts, from a seed. */
import {
  type Agent,
  agent,
  type AgentContext,
  contract,
  exponential,
  type Json,
  type StepDefinition,
  type WorkflowDefinition,
} from "baton";
import { z } from "zod";

const anything = contract("anything", "1.0.0", z.unknown());
const small = contract("small", "1.0.0", z.int().min(0).max(1_000_000));
const amount = contract("amount", "1.0.0", z.object({ amount: z.int() }));

/** A source of chance from a 32-bit seed (mulberry32): a whole number from 0 up to `below`. */
export function diceOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

/** A number from any JSON: what an agent gives depends on all that it was given. */
function digest(value: Json | undefined): number {
  let hash = 7;
  for (const letter of JSON.stringify(value ?? null))
    hash = (hash * 31 + letter.charCodeAt(0)) % 999_983;
  return hash;
}

function agentsFor(): readonly Agent<unknown, unknown>[] {
  const made = (
    name: string,
    more: { readonly attempts: number; readonly timeout?: "5s"; readonly concurrency?: number },
    execute: (input: Json, context: AgentContext) => unknown,
  ) =>
    agent({
      name,
      version: "1.0.0",
      input: anything,
      output: small,
      retry: { attempts: more.attempts, backoff: exponential("200ms", { jitter: 0.5 }) },
      ...(more.timeout === undefined ? {} : { timeout: more.timeout }),
      ...(more.concurrency === undefined ? {} : { concurrency: more.concurrency }),
      // What is handed over is JSON; what comes back is for the contract to judge, since one of them breaks it at times.
      execute: (input, context) => execute(input as Json, context) as number | Promise<number>,
    }) as Agent<unknown, unknown>;
  return [
    made("plain", { attempts: 4 }, (input) => digest(input)),
    made("fragile", { attempts: 2 }, (input) => digest(input)),
    made("careful", { attempts: 4, timeout: "5s" }, async (input, context) => {
      const first = await context.once("first", () => digest(input));
      const second = await context.once("second", () => first + 1);
      return second;
    }),
    made("narrow", { attempts: 4, timeout: "5s", concurrency: 2 }, (input) => digest(input)),
    made("sloppy", { attempts: 5, timeout: "5s" }, (input, { attempt, path }) =>
      attempt <= digest(path) % 3 ? "not a number" : digest(input),
    ),
  ];
}

interface Making {
  readonly dice: (below: number) => number;
  readonly agents: readonly Agent<unknown, unknown>[];
  nested: number;
}

/** A workflow of one to eight steps; workflows in it are made in the same way. */
export function randomWorkflow(seed: number): WorkflowDefinition {
  return made({ dice: diceOf(seed), agents: agentsFor(), nested: 0 }, `random-${seed}`, 0);
}

function made(making: Making, name: string, depth: number): WorkflowDefinition {
  const { dice } = making;
  const steps: StepDefinition[] = [];
  /** Steps that may be read: a sleep gives its time, and a draft is its reviewer's alone. */
  const readable: string[] = ["input"];
  const after: string[] = [];
  for (let count = 1 + dice(depth === 0 ? 8 : 3); count > 0; count -= 1) {
    const needs = [...new Set(Array.from({ length: 1 + dice(3) }, () => pick(dice, readable)))];
    if (after.length > 0 && dice(3) === 0) needs.push(pick(dice, after));
    const step = stepOf(making, `s${steps.length}`, needs, depth);
    steps.push(...step);
    const last = step.at(-1);
    if (last === undefined) continue;
    if (last.kind === "sleep") after.push(last.name);
    else readable.push(last.name);
  }
  const dependents = new Map<string, string[]>();
  for (const step of steps) {
    for (const need of step.needs)
      dependents.set(need, [...(dependents.get(need) ?? []), step.name]);
  }
  return {
    name,
    version: "1.0.0",
    id: `${name}@1.0.0`,
    input: anything,
    output: small,
    steps,
    stepByName: new Map(steps.map((step) => [step.name, step])),
    dependents,
    project: (view) => digest(readable.map((key) => view[key] ?? null)),
  };
}

function pick<X>(dice: (below: number) => number, from: readonly X[]): X {
  const picked = from[dice(from.length)];
  if (picked === undefined) throw new Error("There is nothing to pick from.");
  return picked;
}

type Input = (view: Readonly<Record<string, Json | undefined>>) => Json;

function stepOf(
  making: Making,
  name: string,
  needs: readonly string[],
  depth: number,
): readonly StepDefinition[] {
  const { dice, agents } = making;
  const read = needs.filter((need) => need === "input" || need.startsWith("s"));
  const input: Input = (view) =>
    read.filter((key) => !key.endsWith("nap")).map((key) => view[key] ?? "skipped");
  const skips = dice(6) === 0;
  const base = {
    name,
    needs,
    requires: [],
    onRefused: { kind: "fail" } as const,
    ...(skips ? { when: (view: Parameters<Input>[0]) => digest(input(view)) % 2 === 0 } : {}),
  };
  const caller = pick(dice, agents);
  const size = dice(5);
  const kind = dice(depth < 2 ? 12 : 8);
  if (kind >= 8 && kind <= 10) return [nesting(making, base, input, depth, kind === 10)];
  switch (kind) {
    case 0:
      return [
        {
          ...base,
          kind: "map",
          agent: caller,
          over: (view) => Array.from({ length: size }, (_, i) => digest([input(view), i])),
          input: (item, index) => [item, index],
          concurrency: 1 + dice(3),
          failures: dice(2) === 0 ? "all" : "settled",
        },
      ];
    case 1:
      return [
        {
          ...base,
          kind: "repeat",
          agent: caller,
          input: (view, previous) => previous ?? input(view),
          until: (output, round) => round >= size || digest(output) % 4 === 0,
          limit: 4,
          atLimit: dice(4) === 0 ? "fail" : "last",
        },
      ];
    case 2:
    case 4:
      return [waiting(dice, base, input, kind === 2)];
    case 3:
      return [
        {
          ...base,
          name: `${name}nap`,
          kind: "sleep",
          wake: { kind: "after", afterMs: 500 * (1 + size ** 5) },
        },
      ];
    case 5:
      return reviewed(making, base, input);
    default:
      return [{ ...base, kind: "agent", agent: caller, input }];
  }
}

/** A step that waits for somebody, or for its time to be over. */
function waiting(
  dice: (below: number) => number,
  base: Base,
  input: Input,
  asks: boolean,
): StepDefinition {
  const hours = 3_600_000;
  const reminds = dice(2) === 0 ? { remindEveryMs: 2 * hours } : {};
  if (asks) {
    return {
      ...base,
      ...reminds,
      kind: "approval",
      show: input,
      onTimeout: dice(2) === 0 ? "approved" : "refused",
      ...(dice(3) > 0 ? { timeoutMs: 6 * hours } : {}),
    };
  }
  return {
    ...base,
    kind: "signal",
    contract: amount,
    timeoutMs: 8 * hours,
    onTimeout: { kind: "value", value: { amount: dice(5) } },
  };
}

/** A step that runs a workflow of its own: always, or in one of two ways. */
function nesting(
  making: Making,
  base: Base,
  input: Input,
  depth: number,
  branches: boolean,
): StepDefinition {
  making.nested += 1;
  const workflow = made(making, `nested-${making.nested}`, depth + 1);
  if (!branches) return { ...base, kind: "subflow", workflow, input };
  return {
    ...base,
    kind: "branch",
    choose: (view) => (digest(input(view)) % 2 === 0 ? "agent" : "flow"),
    cases: new Map<string, BranchCase>([
      ["agent", { kind: "agent", agent: pick(making.dice, making.agents), input }],
      ["flow", { kind: "workflow", workflow, input }],
    ]),
  };
}

type BranchCase =
  Extract<StepDefinition, { kind: "branch" }>["cases"] extends ReadonlyMap<string, infer C>
    ? C
    : never;

type Base = Pick<StepDefinition, "name" | "needs" | "requires" | "onRefused">;

/** A draft that only its review reads, which sends it back until its turn is good enough. */
function reviewed({ dice, agents }: Making, base: Base, input: Input): readonly StepDefinition[] {
  const { name, needs } = base;
  const turns = dice(3);
  const draft = `${name}draft`;
  const drafter = agent({
    name: "drafter",
    version: "1.0.0",
    input: anything,
    output: small,
    retry: { attempts: 4, backoff: exponential("100ms") },
    execute: (_, { turn }) => turn,
  }) as Agent<unknown, unknown>;
  const known = agents.find(({ id }) => id === drafter.id) ?? drafter;
  (agents as Agent<unknown, unknown>[]).push(...(known === drafter ? [drafter] : []));
  return [
    {
      name: draft,
      needs,
      requires: [],
      onRefused: { kind: "fail" },
      kind: "agent",
      agent: known,
      input,
    },
    {
      name,
      needs: [...needs, draft],
      requires: [{ name: "it is good", holds: (view) => Number(view[draft]) >= turns }],
      onRefused: { kind: "sendBack", to: draft, turns: 3 },
      kind: "agent",
      agent: pick(dice, agents),
      input,
    },
  ];
}
