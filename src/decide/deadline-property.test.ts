/** Deadlines over generated workflows: nothing is sealed too late, but as the late result of what was aborted. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { agent, exponential } from "../model/agent.ts";
import { contract } from "../model/contract.ts";
import type { Fact } from "../model/entry.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";
import { type Input, takeTurn } from "./accept.ts";
import { nextDeadlineAt } from "./deadline.ts";
import { hasEnded, nextWakeAt } from "./decide.ts";
import { evolve } from "./evolve.ts";

const anything = contract("anything", "1.0.0", z.unknown());
const worker = agent({
  name: "worker",
  version: "1.0.0",
  input: anything,
  output: anything,
  retry: { attempts: 3, backoff: exponential("50ms", { jitter: 0 }) },
  execute: () => null,
});

interface Plan {
  readonly kind: "agent" | "map" | "repeat" | "sleep" | "approval";
  readonly needs: readonly number[];
  readonly deadlineMs: number | undefined;
}

const plans = fc.array(
  fc.record<Plan>({
    kind: fc.constantFrom("agent", "agent", "map", "repeat", "sleep", "approval"),
    needs: fc.array(fc.nat(9), { maxLength: 2 }),
    deadlineMs: fc.option(fc.integer({ min: 1, max: 900 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 6 },
);
const runDeadline = fc.option(fc.integer({ min: 1, max: 2_000 }), { nil: undefined });
/** What happens next: so much time passes, and then an attempt ends or fails, or the process is started anew. */
const happenings = fc.array(
  fc.record({
    ms: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })),
    pick: fc.nat(20),
    what: fc.constantFrom("gives", "gives", "gives", "fails", "wakes", "restarts"),
  }),
  { minLength: 5, maxLength: 40 },
);

function definitionOf(
  generated: readonly Plan[],
  deadlineMs: number | undefined,
): WorkflowDefinition {
  const steps = generated.map((plan, i): StepDefinition => {
    const needs = [...new Set(["input", ...plan.needs.filter((n) => n < i).map((n) => `s${n}`)])];
    const base = {
      name: `s${i}`,
      needs,
      requires: [],
      onRefused: { kind: "fail" },
      ...(plan.deadlineMs === undefined ? {} : { deadlineMs: plan.deadlineMs }),
    } as const;
    switch (plan.kind) {
      case "agent":
        return { ...base, kind: "agent", agent: worker, input: () => i };
      case "map":
        return {
          ...base,
          kind: "map",
          agent: worker,
          over: () => [1, 2, 3],
          input: (item) => item,
          concurrency: 2,
          failures: "settled",
        };
      case "repeat":
        return {
          ...base,
          kind: "repeat",
          agent: worker,
          input: () => i,
          until: (_output, round) => round >= 2,
          limit: 5,
          atLimit: "last",
        };
      case "sleep":
        return { ...base, kind: "sleep", wake: { kind: "after", afterMs: 150 } };
      case "approval":
        return {
          ...base,
          kind: "approval",
          show: () => null,
          remindEveryMs: 100,
          onTimeout: "fail",
        };
    }
  });
  const dependents = new Map<string, string[]>();
  for (const { name, needs } of steps)
    for (const key of needs) dependents.set(key, [...(dependents.get(key) ?? []), name]);
  return {
    name: "generated",
    version: "1.0.0",
    id: "generated@1.0.0",
    input: anything,
    steps,
    stepByName: new Map(steps.map((step) => [step.name, step])),
    dependents,
    project: () => null,
    hasStepDeadlines: true,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}

const START: Input = {
  kind: "start",
  by: { kind: "program", id: "test" },
  engine: "test",
  manifest: "test",
  traceId: "test",
  input: null,
  inputHash: "",
};

/** An attempt that is under way, as its engine reports it. */
function outcomeOf(run: Run, what: string, pick: number): Input | undefined {
  const underWay = [...run.performing];
  const [path, performing] = underWay[pick % Math.max(1, underWay.length)] ?? [];
  if (path === undefined || performing === undefined) return undefined;
  const place = { path, turn: performing.turn, attempt: performing.attempt };
  if (what === "gives") return { kind: "sealed", ...place, output: 1, inputHash: "" };
  const error = { code: "Error", message: "busy" };
  return { kind: "attemptFailed", ...place, error, final: false, random: 0 };
}

/** By the journal alone: when each step must have been sealed. */
function deadlinesOf(definition: WorkflowDefinition, facts: readonly Fact[]) {
  const settledAt = new Map<string, number>([["input", facts[0]?.at ?? 0]]);
  const deadlines = new Map<string, number>();
  for (const fact of facts) {
    if (fact.kind === "step.sealed" || fact.kind === "step.skipped")
      settledAt.set(fact.path ?? "", fact.at);
    for (const { name, needs, deadlineMs } of definition.steps) {
      if (deadlines.has(name) || !needs.every((key) => settledAt.has(key))) continue;
      const ready = Math.max(...needs.map((key) => settledAt.get(key) ?? 0));
      deadlines.set(name, ready + (deadlineMs ?? Number.POSITIVE_INFINITY));
    }
  }
  return deadlines;
}

test("nothing is sealed at or after its deadline, but as the late result of an attempt that was aborted", () => {
  let missed = 0;
  fc.assert(
    fc.property(plans, runDeadline, happenings, (generated, deadlineMs, story) => {
      const definition = definitionOf(generated, deadlineMs);
      let run = newRun("run", definition, DEFAULT_LIMITS);
      const facts: Fact[] = [];
      let nowMs = 1_000;
      const take = (...inputs: readonly Input[]) => {
        facts.push(...takeTurn(run, inputs, nowMs).facts);
      };
      take(START);
      for (const { ms, pick, what } of story) {
        if (hasEnded(run)) break;
        nowMs += ms;
        if (what === "restarts") {
          const wakeAt = nextDeadlineAt(run);
          run = facts.reduce(evolve, newRun("run", definition, DEFAULT_LIMITS));
          expect(nextDeadlineAt(run)).toBe(wakeAt);
          take({ kind: "resume" });
        } else if (what === "wakes") {
          nowMs = Math.max(nowMs, nextWakeAt(run) ?? 0);
          take();
        } else {
          const input = outcomeOf(run, what, pick);
          if (input !== undefined) take(input);
        }
      }
      const started = facts[0];
      const runAt =
        started?.kind === "run.started" ? (started.payload.deadlineAt ?? Infinity) : Infinity;
      expect(runAt).toBe(1_000 + (deadlineMs ?? Infinity));
      const deadlines = deadlinesOf(definition, facts);
      const turnedAt = facts.find(({ kind }) => kind === "run.overdue" || kind === "step.failed");
      const isTurned = (fact: Fact) => turnedAt !== undefined && turnedAt.seq < fact.seq;
      for (const fact of facts) {
        const { kind, path = "", payload } = fact;
        if (kind === "run.completed") expect(fact.at).toBeLessThan(runAt);
        if (kind === "run.overdue") expect(fact.at).toBeGreaterThanOrEqual(runAt);
        if (kind === "step.failed" && payload.deadlineAt !== undefined) {
          missed += 1;
          expect(payload.deadlineAt).toBe(Math.min(runAt, deadlines.get(path) ?? Infinity));
        }
        if (kind !== "step.sealed") continue;
        if (fact.at >= Math.min(runAt, deadlines.get(path) ?? Infinity))
          expect(isTurned(fact)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
  // It would hold of workflows that meet their deadlines, too.
  expect(missed).toBeGreaterThan(50);
});
