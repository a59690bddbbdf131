/** Workflows made by chance: every kind of step, nested, with conditions, retries, rules and timeouts, from a seed. */
import { contract, type Json, type StepDefinition, type WorkflowDefinition } from "baton";
import type { SimulationOptions } from "baton/testing";
import { z } from "zod";
import { type Dice, diceOf, digest, pick } from "./dice.ts";
import {
  deadlineOfWorkflow,
  limitedStep,
  type RandomLimits,
  randomLimits,
} from "./random-limits.ts";
import { anything, RANDOM_FAKES, type RandomAgents, randomAgents, small } from "./random-agents.ts";

const amount = contract("amount", "1.0.0", z.object({ amount: z.int() }));

/** What workflows are made with. */
export interface Making extends RandomAgents {
  readonly dice: Dice;
  readonly limits: RandomLimits;
  /** Topics that its steps publish to, and take events of; absent where there are none. */
  readonly topics?: EventTopics;
  nested: number;
}

/** Topics for the steps of a workflow. */
export interface EventTopics {
  readonly emitted: readonly TopicDefinition[];
  readonly awaited: readonly TopicDefinition[];
}

type TopicDefinition = Extract<StepDefinition, { readonly kind: "emit" }>["topic"];

/** A workflow of one to eight steps; workflows in it are made in the same way. */
export function randomWorkflow(seed: number): WorkflowDefinition {
  const dice = diceOf(seed);
  const limits = randomLimits(seed);
  return made({ dice, limits, ...randomAgents(dice, limits), nested: 0 }, `random-${seed}`, 0);
}

/** How the workflow of a seed is simulated: everything that can be set is drawn from the seed as well. */
export function randomOptions(seed: number): SimulationOptions {
  const dice = diceOf(seed ^ 0x5eed);
  return {
    inputs: [1, "two", { three: [3] }],
    agents: RANDOM_FAKES,
    ignoreUnknownAgents: true,
    answers: { s1: { amount: 7 } },
    faults: { agentFailure: 0.2, compensationFailure: 0.3, cancel: 0.1, compensate: 0.05 },
    limits: {
      ...(dice(3) === 0 ? { concurrentRunsMax: 1 + dice(3) } : {}),
      ...(dice(3) === 0 ? { inlinePayloadBytesMax: 1 + dice(64) } : {}),
      ...(dice(6) === 0 ? { mapWidthMax: 1 + dice(4) } : {}),
    },
    seeds: { from: seed, count: 1 },
  };
}

export function made(making: Making, name: string, depth: number): WorkflowDefinition {
  const { dice } = making;
  const steps: StepDefinition[] = [];
  /** Steps that may be read: a sleep gives its time, and a draft is its reviewer's alone. */
  const readable: string[] = ["input"];
  const after: string[] = [];
  for (let count = 1 + dice(depth === 0 ? 8 : 3); count > 0; count -= 1) {
    const needs = [...new Set(Array.from({ length: 1 + dice(3) }, () => pick(dice, readable)))];
    if (after.length > 0 && dice(3) === 0) needs.push(pick(dice, after));
    const step = stepOf(making, `s${steps.length}`, needs, depth).map((each) =>
      limitedStep(making.limits, each),
    );
    steps.push(...step);
    const last = step.at(-1);
    if (last === undefined) continue;
    // When a sleep was over, and which entry an event is, is a matter of time.
    if (last.kind === "sleep" || last.kind === "emit") after.push(last.name);
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
    ...(dice(2) === 0 ? { compensation: "parallel" } : {}),
    ...deadlineOfWorkflow(making.limits),
    ...(steps.some(({ deadlineMs }) => deadlineMs !== undefined) ? { hasStepDeadlines: true } : {}),
    steps,
    stepByName: new Map(steps.map((step) => [step.name, step])),
    dependents,
    project: (view) => digest(readable.map((key) => view[key] ?? null)),
  };
}

type Input = (view: Readonly<Record<string, Json | undefined>>) => Json;

function stepOf(
  making: Making,
  name: string,
  needs: readonly string[],
  depth: number,
): readonly StepDefinition[] {
  const { dice, all } = making;
  const read = needs.filter((need) => need === "input" || need.startsWith("s"));
  const input: Input = (view) =>
    read
      .filter((key) => !key.endsWith("nap") && !key.endsWith("tells"))
      .map((key) => view[key] ?? "skipped");
  const skips = dice(6) === 0;
  const base = {
    name,
    needs,
    requires: [],
    onRefused: { kind: "fail" } as const,
    ...(skips ? { when: (view: Parameters<Input>[0]) => digest(input(view)) % 2 === 0 } : {}),
  };
  const caller = pick(dice, all);
  const size = dice(5);
  const event = making.topics === undefined ? undefined : eventStep(making, base, input);
  if (event !== undefined) return [event];
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
          ...refusing(dice),
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

/** In every third place a step that publishes, or one that awaits an event. */
function eventStep({ dice, topics }: Making, base: Base, input: Input): StepDefinition | undefined {
  if (topics === undefined || dice(3) > 0) return undefined;
  const emits = dice(3) > 0 || topics.awaited.length === 0;
  if (emits && topics.emitted.length > 0) {
    const topic = pick(dice, topics.emitted);
    return {
      ...base,
      name: `${base.name}tells`,
      kind: "emit",
      topic,
      data: (view) => digest(input(view)),
    };
  }
  if (topics.awaited.length === 0) return undefined;
  const isPicky = dice(4) === 0;
  return {
    ...base,
    kind: "event",
    topic: pick(dice, topics.awaited),
    ...(isPicky ? { matches: (data) => digest(data) % 2 === 0 } : {}),
    timeoutMs: pick(dice, [4_000, 8 * 3_600_000]),
    onTimeout: pick(dice, [
      { kind: "fail" },
      { kind: "skip" },
      { kind: "value", value: 7 },
    ] as const),
  };
}

/** How items are handed over; in some maps one is refused at times, while others are under way. */
function refusing(dice: Dice) {
  const refuses = dice(4) === 0;
  return {
    onRefused: { kind: dice(2) === 0 ? "skip" : "fail" } as const,
    input: (item: Json, index: number) => {
      if (refuses && index > 0 && digest(item) % 5 === 0) throw new Error("This item is refused.");
      return [item, index];
    },
  };
}

/** A step that waits for somebody, or for its time to be over. */
function waiting(dice: Dice, base: Base, input: Input, asks: boolean): StepDefinition {
  const hours = 3_600_000;
  const reminds = dice(2) === 0 ? { remindEveryMs: 2 * hours } : {};
  if (asks) {
    return {
      ...base,
      ...reminds,
      kind: "approval",
      show: input,
      onTimeout: dice(2) === 0 ? "approved" : "refused",
      ...(dice(3) === 0 ? { onDeclined: "fail" } : {}),
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
      ["agent", { kind: "agent", agent: pick(making.dice, making.all), input }],
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
function reviewed(
  { dice, all, drafter }: Making,
  base: Base,
  input: Input,
): readonly StepDefinition[] {
  const { name, needs } = base;
  const turns = dice(3);
  const draft = `${name}draft`;
  return [
    {
      name: draft,
      needs,
      requires: [],
      onRefused: { kind: "fail" },
      kind: "agent",
      agent: drafter,
      input,
    },
    {
      name,
      needs: [...needs, draft],
      requires: [{ name: "it is good", holds: (view) => Number(view[draft]) >= turns }],
      onRefused: { kind: "sendBack", to: draft, turns: 3 },
      kind: "agent",
      agent: pick(dice, all),
      input,
    },
  ];
}
