/** Promise 6 as far as a savepoint, over generated workflows: what is undone, what is done again, and what it comes to. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { agentOf } from "../../test/support/definition-builder.ts";
import { definitionOf as definition, stepOf } from "../../test/support/definition-builder.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Fact, PlannedCompensation } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import type { StepDefinition, View, WorkflowDefinition } from "../model/workflow-definition.ts";
import { type Input, takeTurn } from "./accept.ts";
import { hasEnded, nextWakeAt } from "./decide.ts";
import { evolve, parsePath } from "./evolve.ts";
import type { Command } from "./turn.ts";

interface Plan {
  readonly kind: "agent" | "map" | "repeat" | "signal" | "odd";
  readonly needs: readonly number[];
  readonly compensates: boolean;
  readonly size: number;
  /** Attempts of its savepoint; none below 0. */
  readonly savepoint: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom("agent", "agent", "map", "repeat", "signal", "odd"),
  needs: fc.array(fc.nat(20), { maxLength: 3 }),
  compensates: fc.boolean(),
  size: fc.integer({ min: 1, max: 3 }),
  savepoint: fc.integer({ min: -2, max: 2 }),
});
const generated = fc.record({
  plans: fc.array(plan, { minLength: 1, maxLength: 7 }),
  way: fc.constantFrom("sequential" as const, "parallel" as const),
  /** Which step the one that fails reads, besides the input. */
  failing: fc.nat(7),
  /** How often it fails. */
  failures: fc.nat(4),
  order: fc.array(fc.nat(1_000), { minLength: 1, maxLength: 60 }),
});
type Generated = typeof generated extends fc.Arbitrary<infer X> ? X : never;

function actor(name: string, compensates: boolean): AgentDefinition {
  const back = compensates ? { compensate: async () => {}, compensateUnknown: true as const } : {};
  return agentOf(name, async () => null, back);
}

/** What a view has: a step that was skipped has left nothing. */
function present(view: View): Json {
  return Object.fromEntries(
    Object.entries(view).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function workflowOf({ plans, way, failing }: Generated): WorkflowDefinition {
  const steps: StepDefinition[] = plans.map((each, i) => {
    const needs = [
      ...new Set(["input", ...each.needs.map((n) => (i === 0 ? "input" : `s${n % i}`))]),
    ];
    const savepoint = each.savepoint < 0 ? {} : { savepoint: { attempts: each.savepoint } };
    const base = { name: `s${i}`, needs, ...savepoint };
    const called = actor(`s${i}`, each.compensates);
    if (each.kind === "map") {
      const list = Array.from({ length: each.size }, (_, index) => index);
      const concurrency = 2;
      return stepOf({
        ...{ ...base, kind: "map", agent: called, over: () => list, input: (item: Json) => item },
        ...{ concurrency, failures: "all" },
      });
    }
    if (each.kind === "repeat") {
      const until = (_output: Json, round: number) => round + 1 >= each.size;
      return stepOf({
        ...{ ...base, kind: "repeat", agent: called, limit: 9, atLimit: "last", until },
        input: (view, previous) => previous ?? present(view),
      });
    }
    if (each.kind === "signal")
      return stepOf({
        ...{ ...base, kind: "signal", contract: called.output, timeoutMs: 1_000 },
        onTimeout: { kind: "value", value: 7 },
      });
    const when = each.kind === "odd" ? { when: () => false } : {};
    return stepOf({ ...base, ...when, kind: "agent", agent: called, input: present });
  });
  const boom = actor("boom", true);
  const needs = ["input", `s${failing % plans.length}`];
  steps.push(stepOf({ name: "boom", kind: "agent", needs, agent: boom, input: present }));
  return definition("generated", steps, present, { compensation: way });
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
}

/** Plays a run to its end. With `crashes` its process dies now and then, and what was under way is lost. */
function play(flow: WorkflowDefinition, chosen: Generated, crashes: boolean): Played {
  let run = newRun("run", flow, DEFAULT_LIMITS);
  const facts: Fact[] = [];
  let under: Work[] = [];
  let [nowMs, at, failures] = [1_000, 0, chosen.failures];
  const next = () => chosen.order[at++ % chosen.order.length] ?? 0;
  let inputs: readonly Input[] = [START];
  for (let turns = 0; ; turns += 1) {
    expect(turns).toBeLessThan(3_000);
    const turn = takeTurn(run, inputs, nowMs);
    facts.push(...turn.facts);
    for (const fact of turn.facts) expectExactPlan(flow, facts, fact);
    if (hasEnded(run) || run.phase.kind === "parked") return { run, facts };
    expectFolded(flow, run, facts);
    nowMs += 1 + (next() % 50);
    if (crashes && turns < 200 && next() % 7 === 0) {
      run = folded(flow, facts);
      under = [];
      inputs = [{ kind: "resume" }];
      continue;
    }
    for (const command of turn.commands)
      if (command.kind === "execute" || command.kind === "compensate") under.push(command);
    if (turn.commands.some(({ kind }) => kind === "readHistory")) {
      inputs = [{ kind: "history", facts: [...facts] }];
      continue;
    }
    const [work] = under.length === 0 ? [] : under.splice(next() % under.length, 1);
    if (work === undefined) {
      const wakeAt = nextWakeAt(run);
      expect(wakeAt).toBeDefined();
      nowMs = Math.max(nowMs, wakeAt ?? 0);
      inputs = [{ kind: "tick" }];
      continue;
    }
    const place = { path: work.path, turn: work.turn, attempt: work.attempt };
    if (work.kind === "compensate") inputs = [{ kind: "compensated", ...place }];
    else if (work.path === "boom" && failures > 0) {
      failures -= 1;
      const error = { code: "Error", message: "no" };
      inputs = [{ kind: "attemptFailed", ...place, error, final: true, random: 0 }];
    } else {
      // The same in every turn: what a step gives follows from what it was given.
      const output = { path: work.path, given: work.input };
      inputs = [{ kind: "sealed", ...place, output, inputHash: "h" }];
    }
  }
}

function folded(flow: WorkflowDefinition, facts: readonly Fact[]): Run {
  const again = newRun("run", flow, DEFAULT_LIMITS);
  for (const fact of facts) evolve(again, fact);
  return again;
}

/** What was executed and can be undone, of a step that was not sealed by then: all of it and nothing else is in the plan. */
function expectExactPlan(flow: WorkflowDefinition, facts: readonly Fact[], fact: Fact): void {
  if (fact.kind !== "run.compensating") return;
  const before = facts.filter(({ seq }) => seq < fact.seq);
  const { to } = fact.payload;
  const placeOf = ({ path = "", turn = 0 }: Pick<Fact, "path" | "turn">) => `${path}:${turn}`;
  const undone = new Set(
    before.filter(({ kind }) => kind === "compensation.sealed").map((each) => placeOf(each)),
  );
  const isSettled = (step: string, turn: number) =>
    before.some(
      (each) =>
        each.kind === "step.sealed" &&
        each.path === step &&
        (each.turn ?? 0) === turn &&
        each.seq <= (to?.seq ?? -1),
    );
  const expected = before.flatMap((each) => {
    if (each.kind !== "step.sealed" && each.kind !== "item.sealed") return [];
    const { step } = parsePath(each.path ?? "");
    const definitionOfStep = flow.stepByName.get(step);
    const acts = definitionOfStep !== undefined && "agent" in definitionOfStep;
    if (!acts || definitionOfStep.agent.compensate === undefined || each.agent === undefined)
      return [];
    return undone.has(placeOf(each)) || isSettled(step, each.turn ?? 0) ? [] : [placeOf(each)];
  });
  const plan = (fact.value as unknown as readonly PlannedCompensation[]).filter(
    ({ what }) => what === "result",
  );
  expect(plan.map((each) => placeOf(each))).toEqual(expected.reverse());
}

/** Promise 4: a run folded from its journal is the one in memory, but for what is under way. */
function expectFolded(flow: WorkflowDefinition, run: Run, facts: readonly Fact[]): void {
  const again = folded(flow, facts);
  for (const field of [
    ...(["phase", "version", "values", "turns", "restarts", "savepointUses", "calls"] as const),
    ...(["signals", "unmetNeeds", "unsettledSteps", "rollback"] as const),
  ])
    expect(again[field], field).toEqual(run[field]);
  const kinds = (one: Run) => [...one.steps].map(([name, { kind }]) => `${name} ${kind}`);
  expect(kinds(again)).toEqual(kinds(run));
}

function stateOf({ run }: Played): Readonly<Record<string, Json>> {
  return Object.fromEntries([...run.values].map(([key, { value }]) => [key, value]));
}

function expectSound({ run, facts }: Played): void {
  expect(["completed", "compensated", "failed"]).toContain(run.phase.kind);
  const results = facts.flatMap(({ kind, path = "", turn = 0 }) =>
    kind === "step.sealed" || kind === "item.sealed" || kind === "compensation.sealed"
      ? [`${kind === "compensation.sealed"} ${path}:${turn}`]
      : [],
  );
  expect(new Set(results).size, "promise 3").toBe(results.length);
}

/** Signals and timeouts give the same in every life; nothing else depends on time. */
const never = (chosen: Generated): Generated => ({ ...chosen, failures: 0 });

test("promise 6: after a good second pass the state is that of a run that never failed", () => {
  let restored = 0;
  fc.assert(
    fc.property(generated, (chosen) => {
      const flow = workflowOf(chosen);
      const played = play(flow, chosen, false);
      expectSound(played);
      if (played.facts.some(({ kind }) => kind === "run.restored")) restored += 1;
      if (played.run.phase.kind !== "completed") return;
      expect(stateOf(played)).toEqual(stateOf(play(flow, never(chosen), false)));
    }),
    { numRuns: 400 },
  );
  expect(restored).toBeGreaterThan(50);
});

test("promise 4: a process that dies while a run goes back to a savepoint, or on from it, changes nothing of what it comes to", () => {
  fc.assert(
    fc.property(generated, (chosen) => {
      const flow = workflowOf(chosen);
      const played = play(flow, chosen, true);
      expectSound(played);
      if (played.run.phase.kind !== "completed") return;
      expect(stateOf(played)).toEqual(stateOf(play(flow, never(chosen), false)));
    }),
    { numRuns: 400 },
  );
});
