/** Promise 6 over generated workflows: what is undone, how often, and in which order. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { type Agent, agent, exponential } from "../model/agent.ts";
import { contract } from "../model/contract.ts";
import type { Fact } from "../model/entry.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";
import { type Input, takeTurn } from "./accept.ts";
import { hasEnded, nextWakeAt } from "./decide.ts";
import { evolve, parsePath } from "./evolve.ts";
import type { Command } from "./turn.ts";

const anything = contract("anything", "1.0.0", z.unknown());
const retry = { attempts: 2, backoff: exponential("100ms", { jitter: 0 }) };

function agentFor(name: string, compensates: boolean): Agent<unknown, unknown> {
  return agent({
    name,
    version: "1.0.0",
    input: anything,
    output: anything,
    retry,
    execute: () => null,
    ...(compensates ? { compensate: () => null } : {}),
  });
}

interface Plan {
  readonly kind: "agent" | "map" | "repeat";
  readonly needs: readonly number[];
  readonly compensates: boolean;
  readonly size: number;
  /** Whether the first attempt to compensate fails. */
  readonly stumbles: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom("agent", "agent", "map", "repeat"),
  needs: fc.array(fc.nat(20), { maxLength: 3 }),
  compensates: fc.boolean(),
  size: fc.integer({ min: 1, max: 4 }),
  stumbles: fc.boolean(),
});
const plans = fc.array(plan, { minLength: 1, maxLength: 8 });
const order = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 40 });
const way = fc.constantFrom("sequential" as const, "parallel" as const);

function definitionOf(
  generated: readonly Plan[],
  compensation: "sequential" | "parallel",
  failing: number,
): WorkflowDefinition {
  const steps: StepDefinition[] = generated.map((each, i) => {
    const needs = [
      ...new Set(["input", ...each.needs.map((n) => (i === 0 ? "input" : `s${n % i}`))]),
    ];
    const base = { name: `s${i}`, needs, requires: [], onRefused: { kind: "fail" } as const };
    const called = agentFor(each.kind, each.compensates);
    if (each.kind === "map") {
      const list = Array.from({ length: each.size }, (_, index) => index);
      return {
        ...base,
        kind: "map",
        agent: called,
        over: () => list,
        input: (item) => item,
        concurrency: 2,
        failures: "all",
      };
    }
    if (each.kind === "agent") return { ...base, kind: "agent", agent: called, input: () => i };
    return {
      ...base,
      kind: "repeat",
      agent: called,
      input: (_view, previous) => previous ?? i,
      until: (_output, round) => round >= each.size,
      limit: 9,
      atLimit: "last",
    };
  });
  // It reads some of the others, so that the rest may still be under way when it fails.
  steps.push({
    kind: "agent",
    name: "boom",
    needs: ["input", `s${failing % generated.length}`],
    requires: [],
    onRefused: { kind: "fail" },
    agent: agentFor("boom", true),
    input: () => 0,
  });
  const dependents = new Map<string, string[]>();
  for (const step of steps)
    for (const need of step.needs)
      dependents.set(need, [...(dependents.get(need) ?? []), step.name]);
  return {
    name: "generated",
    version: "1.0.0",
    id: "generated@1.0.0",
    input: anything,
    compensation,
    steps,
    stepByName: new Map(steps.map((step) => [step.name, step])),
    dependents,
    project: () => null,
  };
}

type Work = Extract<Command, { readonly kind: "execute" | "compensate" }>;
const START: Input = {
  kind: "start",
  by: { kind: "program", id: "test" },
  engine: "test",
  manifest: "m",
  traceId: "t",
  input: 1,
  inputHash: "h",
};

interface Played {
  readonly run: Run;
  readonly facts: readonly Fact[];
  /** `begin path:turn` and `end path:turn` of each attempt to compensate. */
  readonly walked: readonly string[];
}

/** Plays a run to its end. What is under way when it fails still gives its output. */
function play(
  definition: WorkflowDefinition,
  generated: readonly Plan[],
  ordering: readonly number[],
): Played {
  const run = newRun("run", definition, DEFAULT_LIMITS);
  const facts: Fact[] = [];
  const walked: string[] = [];
  const under: Work[] = [];
  let nowMs = 1_000;
  let at = 0;
  const next = () => ordering[at++ % ordering.length] ?? 0;
  let inputs: readonly Input[] = [START];
  for (let turns = 0; ; turns += 1) {
    expect(turns).toBeLessThan(2_000);
    const turn = takeTurn(run, inputs, nowMs);
    facts.push(...turn.facts);
    let isAsked = false;
    for (const command of turn.commands) {
      if (command.kind === "execute" || command.kind === "compensate") under.push(command);
      if (command.kind === "compensate") walked.push(`begin ${command.path}:${command.turn}`);
      if (command.kind === "readHistory") isAsked = true;
    }
    expectFolded(definition, run, facts, nowMs);
    if (hasEnded(run) || run.phase.kind === "parked") return { run, facts, walked };
    nowMs += 1 + (next() % 50);
    if (isAsked) {
      inputs = [{ kind: "history", facts: [...facts] }];
      continue;
    }
    const [work] = under.length === 0 ? [] : under.splice(next() % under.length, 1);
    if (work === undefined) {
      const wakeAt = nextWakeAt(run);
      expect(wakeAt).toBeDefined();
      nowMs = Math.max(nowMs, wakeAt ?? 0);
      inputs = [{ kind: "tick" }];
    } else inputs = [outcomeOf(work, generated, walked)];
  }
}

function outcomeOf(work: Work, generated: readonly Plan[], walked: string[]): Input {
  const { path, turn, attempt } = work;
  const place = { path, turn, attempt };
  const error = { code: "Error", message: "no" };
  if (work.kind === "compensate") {
    walked.push(`end ${path}:${turn}`);
    const { step } = parsePath(path);
    const stumbles = generated[Number(step.slice(1))]?.stumbles === true && attempt === 1;
    return stumbles
      ? { kind: "compensationFailed", ...place, error, final: false, random: 0 }
      : { kind: "compensated", ...place };
  }
  if (path === "boom")
    return { kind: "attemptFailed", ...place, error, final: true, random: 0, inputHash: "h" };
  return { kind: "sealed", ...place, output: { path, turn }, inputHash: "h" };
}

/** Promise 4 on the way back: a run folded from its journal goes on exactly as the one in memory does. */
function expectFolded(
  definition: WorkflowDefinition,
  run: Run,
  facts: readonly Fact[],
  nowMs: number,
): void {
  if (run.phase.kind !== "compensating") return;
  const again = newRun("run", definition, DEFAULT_LIMITS);
  for (const fact of facts) evolve(again, fact);
  expect(again.phase).toEqual(run.phase);
  expect(again.rollback).toEqual(run.rollback);
  const turn = takeTurn(again, [{ kind: "history", facts: [...facts] }], nowMs);
  expect(turn.facts).toEqual([]);
  const commanded = turn.commands.flatMap((command) =>
    command.kind === "compensate" ? [`${command.path} ${command.attempt}`] : [],
  );
  const performing = [...run.performing].map(([path, { attempt }]) => `${path} ${attempt}`);
  // Side by side there can be more to begin than may be under way: which of them go first is open after a restart.
  if (definition.compensation === "parallel") expect(commanded).toHaveLength(performing.length);
  else expect(commanded).toEqual(performing);
}

const placeOf = ({ path = "", turn = 0 }: Fact) => `${path}:${turn}`;

/** What agents with `compensate` had sealed, in that order. */
function sealedOf(definition: WorkflowDefinition, facts: readonly Fact[]): readonly string[] {
  return facts.flatMap((fact) => {
    if (fact.kind !== "step.sealed" && fact.kind !== "item.sealed") return [];
    const step = definition.stepByName.get(parsePath(fact.path ?? "").step);
    const acts = step !== undefined && "agent" in step && step.agent.compensate !== undefined;
    return acts && fact.agent !== undefined ? [placeOf(fact)] : [];
  });
}

test("promise 6: after a failure exactly the sealed results with compensate are compensated, once each, and in order", () => {
  fc.assert(
    fc.property(plans, way, fc.nat(7), order, (generated, compensation, failing, ordering) => {
      const definition = definitionOf(generated, compensation, failing);
      const { run, facts, walked } = play(definition, generated, ordering);
      const sealed = sealedOf(definition, facts);
      const undone = facts.flatMap((fact) =>
        fact.kind === "compensation.sealed" ? [placeOf(fact)] : [],
      );
      expect([...undone].sort()).toEqual([...sealed].sort());
      expect(run.phase.kind).toBe(sealed.length === 0 ? "failed" : "compensated");
      expect(facts.map(({ seq }) => seq)).toEqual([...facts.keys()]);
      if (compensation === "sequential") expect(undone).toEqual([...sealed].reverse());
      else expectReadersFirst(definition, undone, walked);
    }),
    { numRuns: 400 },
  );
});

/** Nothing is begun before everything that read it, directly or through others, has been undone. */
function expectReadersFirst(
  definition: WorkflowDefinition,
  undone: readonly string[],
  walked: readonly string[],
): void {
  const stepOf = (place: string) => parsePath(place).step.split(":")[0] ?? "";
  const lastEnd = new Map<string, number>();
  const firstBegin = new Map<string, number>();
  for (const [index, what] of walked.entries()) {
    const [kind = "", place = ""] = what.split(" ");
    const step = stepOf(place);
    if (kind === "end") lastEnd.set(step, index);
    else if (!firstBegin.has(step)) firstBegin.set(step, index);
  }
  for (const step of new Set(undone.map(stepOf))) {
    const readers = new Set(definition.dependents.get(step) ?? []);
    for (const reader of readers) {
      for (const further of definition.dependents.get(reader) ?? []) readers.add(further);
      const ended = lastEnd.get(reader);
      if (ended !== undefined) expect(ended).toBeLessThan(firstBegin.get(step) ?? -1);
    }
  }
}
