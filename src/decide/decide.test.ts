/** Properties of the decider over generated workflows, with agents that answer in any order, and fail now and then. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { type Agent, agent, exponential } from "../model/agent.ts";
import { contract } from "../model/contract.ts";
import type { Fact } from "../model/entry.ts";
import { SEALING_KINDS } from "../model/entry-kinds.ts";
import type { Json } from "../model/json.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import { workflow } from "../model/workflow.ts";
import type { StepDefinition, View, WorkflowDefinition } from "../model/workflow-definition.ts";
import { type Input, takeTurn } from "./accept.ts";
import { hasEnded, nextWakeAt } from "./decide.ts";
import { evolve } from "./evolve.ts";
import type { Command } from "./turn.ts";

const anything = contract("anything", "1.0.0", z.unknown());
const inner = workflow("inner", "1.0.0", { input: anything }).output(() => 1);

const KINDS = [
  "agent",
  "reviewed",
  "map",
  "branch",
  "child",
  "repeat",
  "sleep",
  "approval",
] as const;

interface Plan {
  readonly kind: (typeof KINDS)[number];
  /** Which of the earlier steps it needs, as numbers that are taken modulo. */
  readonly needs: readonly number[];
  /** Whether it is skipped by its condition. */
  readonly skipped: boolean;
  /** How many attempts of each call fail before one succeeds; of three that there are. */
  readonly failures: number;
  readonly size: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom(...KINDS),
  needs: fc.array(fc.nat(20), { maxLength: 3 }),
  skipped: fc.boolean(),
  failures: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.constantFrom(1, 2) },
    { weight: 1, arbitrary: fc.constant(3) },
  ),
  size: fc.nat(4),
});

interface Planned {
  readonly definition: WorkflowDefinition;
  /** By step, how many attempts fail. */
  readonly failures: ReadonlyMap<string, number>;
}

function agentFor(name: string): Agent<unknown, unknown> {
  return agent({
    name,
    version: "1.0.0",
    input: anything,
    output: anything,
    retry: { attempts: 3, backoff: exponential("100ms", { jitter: 0 }) },
    execute: () => null,
  });
}

/** Puts the workflow together as the engine sees it; its steps are what the builder would make of them. */
function planned(plans: readonly Plan[], canFail: boolean): Planned {
  const steps: StepDefinition[] = [];
  const failures = new Map<string, number>();
  const readable: string[] = [];
  for (const [i, each] of plans.entries()) {
    const name = `s${i}`;
    const needs = [
      "input",
      ...each.needs.map((n) => readable[n % (readable.length || 1)] ?? "input"),
    ];
    const common = {
      needs: [...new Set(needs)],
      requires: [],
      onRefused: { kind: "fail" } as const,
      ...(each.skipped && each.size > 2 ? { when: () => false } : {}),
    };
    failures.set(name, canFail ? each.failures : Math.min(each.failures, 2));
    if (each.kind === "reviewed") {
      // A draft that only its review reads, which sends it back until its turn is good enough.
      const draft = `d${i}`;
      const { when: _, ...plain } = { when: undefined, ...common };
      steps.push({
        ...plain,
        kind: "agent",
        name: draft,
        agent: agentFor("drafter"),
        input: keysOf,
      });
      steps.push({
        ...plain,
        kind: "agent",
        name,
        agent: agentFor("reviewer"),
        needs: [...plain.needs, draft],
        requires: [
          { name: "it is good", holds: (view) => turnOf(view[draft]) >= Math.min(each.size, 2) },
        ],
        onRefused: { kind: "sendBack", to: draft, turns: 3 },
        input: keysOf,
      });
    } else steps.push(stepOf(name, each, common));
    readable.push(name);
  }
  const dependents = new Map<string, string[]>();
  for (const step of steps) {
    for (const need of step.needs)
      dependents.set(need, [...(dependents.get(need) ?? []), step.name]);
  }
  const definition: WorkflowDefinition = {
    name: "generated",
    version: "1.0.0",
    id: "generated@1.0.0",
    input: anything,
    steps,
    stepByName: new Map(steps.map((step) => [step.name, step])),
    dependents,
    project: (view) => ({ keys: Object.keys(view).sort() }),
  };
  return { definition, failures };
}

type Common = Pick<StepDefinition, "needs" | "requires" | "onRefused"> & {
  readonly when?: (view: View) => boolean;
};

function stepOf(name: string, { kind, size }: Plan, common: Common): StepDefinition {
  const base = { ...common, name };
  switch (kind) {
    case "map":
      return {
        ...base,
        kind: "map",
        agent: agentFor("mapper"),
        over: () => Array.from({ length: size }, (_, i) => i),
        input: (item) => item,
        concurrency: 2,
        failures: size % 2 === 0 ? "all" : "settled",
      };
    case "branch":
      return {
        ...base,
        kind: "branch",
        choose: () => "x",
        cases: new Map([["x", { kind: "agent", agent: agentFor("brancher"), input: keysOf }]]),
      };
    case "child":
      return { ...base, kind: "subflow", workflow: inner, input: keysOf };
    case "repeat":
      return {
        ...base,
        kind: "repeat",
        agent: agentFor("repeater"),
        input: (_, previous) => previous ?? null,
        until: (_, round) => round >= size,
        limit: 3,
        atLimit: "last",
      };
    case "sleep":
      return { ...base, kind: "sleep", wake: { kind: "after", afterMs: 1_000 + size * 1_000 } };
    case "approval":
      return {
        ...base,
        kind: "approval",
        show: keysOf,
        timeoutMs: 10_000,
        remindEveryMs: 3_000,
        onTimeout: "approved",
      };
    default:
      return { ...base, kind: "agent", agent: agentFor("caller"), input: keysOf };
  }
}

/** The keys of a view that are there: a key of a skipped step is undefined, which is no JSON. */
function keysOf(view: View): readonly string[] {
  return Object.keys(view).filter((key) => view[key] !== undefined);
}

function turnOf(value: Json | undefined): number {
  return typeof value === "object" && value !== null && "turn" in value ? Number(value["turn"]) : 0;
}

interface Played {
  readonly run: Run;
  readonly facts: readonly Fact[];
  readonly turns: readonly { readonly inputs: readonly Input[]; readonly nowMs: number }[];
}

type Work = Extract<Command, { readonly kind: "execute" | "startChild" }>;

/**
 * Plays a run to its end. `order` says which of the calls that are under way end next, and how many in one turn.
 * An agent answers by path, turn and attempt alone, so that the order can't matter to it.
 */
function play(
  { definition, failures }: Planned,
  order: readonly number[],
  look: (run: Run, facts: readonly Fact[], nowMs: number) => void,
): Played {
  const run = newRun("run", definition, DEFAULT_LIMITS);
  const facts: Fact[] = [];
  const turns: { readonly inputs: readonly Input[]; readonly nowMs: number }[] = [];
  const under: Work[] = [];
  let nowMs = 1_000;
  let at = 0;
  const next = () => order[at++ % order.length] ?? 0;
  let inputs: readonly Input[] = [START];
  while (true) {
    turns.push({ inputs, nowMs });
    const turn = takeTurn(run, inputs, nowMs);
    facts.push(...turn.facts);
    for (const command of turn.commands) {
      if (command.kind === "execute" || command.kind === "startChild") under.push(command);
    }
    // A child run that was never started can't be cancelled either: the engine says so, as its end.
    if (turn.commands.some(({ kind }) => kind === "abort")) {
      const known = new Set(under.map(({ path }) => path));
      for (const [path, { agent: called }] of run.performing) {
        if (called === undefined && !known.has(path))
          under.push({ kind: "startChild", path, run: "", workflow: inner, input: 1 });
      }
    }
    look(run, facts, nowMs);
    if (hasEnded(run)) return { run, facts, turns };
    expect(turns.length).toBeLessThan(2_000);
    nowMs += next() % 50;
    const ended: Input[] = [];
    for (let count = 1 + (next() % 3); count > 0 && under.length > 0; count -= 1) {
      const [work] = under.splice(next() % under.length, 1);
      if (work !== undefined) ended.push(outcomeOf(work, failures));
    }
    if (ended.length === 0) {
      // Promise 11: with nothing under way, there is a time at which the run goes on.
      const wakeAt = nextWakeAt(run);
      expect(wakeAt).toBeDefined();
      nowMs = Math.max(nowMs, wakeAt ?? 0);
      inputs = [{ kind: "tick" }];
    } else inputs = ended;
  }
}

const START: Input = {
  kind: "start",
  by: { kind: "program", id: "test" },
  engine: "test",
  manifest: "m",
  traceId: "t",
  input: 1,
  inputHash: "h",
};

function outcomeOf(work: Work, failures: ReadonlyMap<string, number>): Input {
  const { path } = work;
  if (work.kind === "startChild")
    return { kind: "child", path, outcome: { kind: "completed", output: 1, seq: 1 } };
  const { turn, attempt } = work;
  const step = path.split(/[[#]/)[0] ?? path;
  if (attempt <= (failures.get(step) ?? 0)) {
    const error = { code: "Error", message: `no ${attempt}` };
    return { kind: "attemptFailed", path, turn, attempt, error, final: false, random: 0.5 };
  }
  return { kind: "sealed", path, turn, attempt, output: { path, turn }, inputHash: "h" };
}

/** Of a run, all that follows from its journal. */
function stateOf(run: Run): unknown {
  const steps = [...run.steps].map(([name, state]) => {
    if (state.kind !== "open") return [name, state];
    const { items, ...open } = state;
    return [name, { ...open, results: items?.results, settled: items?.settled, list: items?.list }];
  });
  const { phase, seq, at, version, values, turns, calls, onces, reminders, signals, signalIds } =
    run;
  const { unmetNeeds, unsettledSteps, manifest, inputHash } = run;
  const journal = {
    phase,
    seq,
    at,
    version,
    values,
    turns,
    calls,
    onces,
    reminders,
    signals,
    signalIds,
  };
  return { ...journal, unmetNeeds, unsettledSteps, manifest, inputHash, steps };
}

function folded(definition: WorkflowDefinition, facts: readonly Fact[]): Run {
  const run = newRun("run", definition, DEFAULT_LIMITS);
  for (const fact of facts) evolve(run, fact);
  return run;
}

const isMap = (definition: WorkflowDefinition, path: string) =>
  definition.stepByName.get(path.split(/[[#]/)[0] ?? "")?.kind === "map";

/** What is under way: of a map how many items, of all else which attempt. Which items go first after a restart is open. */
function underWay(
  definition: WorkflowDefinition,
  calls: readonly { readonly path: string; readonly turn: number; readonly attempt: number }[],
) {
  return calls
    .map(({ path, turn, attempt }) =>
      isMap(definition, path) ? (path.split("[")[0] ?? "") : `${path} ${turn} ${attempt}`,
    )
    .sort();
}

const plans = fc.array(plan, { minLength: 1, maxLength: 8 });
const order = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 40 });

test("promise 4: at every moment, a run folded from its journal is the run, and commands again exactly what is under way", () => {
  fc.assert(
    fc.property(plans, order, (generated, ordering) => {
      const workflowOf = planned(generated, true);
      const { definition } = workflowOf;
      play(workflowOf, ordering, (run, facts, nowMs) => {
        const again = folded(definition, facts);
        expect(stateOf(again)).toEqual(stateOf(run));
        if (run.phase.kind !== "going") return;
        const turn = takeTurn(again, [], nowMs);
        expect(turn.facts).toEqual([]);
        const commanded = turn.commands.flatMap((command) => {
          if (command.kind === "execute") return [command];
          return command.kind === "startChild" ? [{ path: command.path, turn: 0, attempt: 0 }] : [];
        });
        const performing = [...run.performing].map(([path, { turn, attempt }]) => ({
          path,
          turn,
          attempt,
        }));
        expect(underWay(definition, commanded)).toEqual(underWay(definition, performing));
      });
    }),
    { numRuns: 150 },
  );
});

test("promises 1 and 3: versions are dense, and no path and turn is sealed twice", () => {
  fc.assert(
    fc.property(plans, order, (generated, ordering) => {
      const { run, facts } = play(planned(generated, true), ordering, () => {});
      expect(facts.map(({ seq }) => seq)).toEqual([...facts.keys()]);
      const sealing = facts.filter(({ kind }) => SEALING_KINDS.has(kind));
      expect(run.version).toBe(sealing.length - 1);
      const places = facts
        .filter(({ kind }) => kind === "step.sealed" || kind === "item.sealed")
        .map(({ path, turn }) => `${path} ${turn ?? 0}`);
      expect(new Set(places).size).toBe(places.length);
      const last = facts.at(-1)?.kind;
      expect(["run.completed", "run.failed"]).toContain(last);
    }),
    { numRuns: 300 },
  );
});

test("promise 10: the order in which agents answer does not change how a run ends, nor the state of one that completes", () => {
  const end = ({ run }: Played) => ({
    kind: run.phase.kind,
    state:
      run.phase.kind === "completed"
        ? Object.fromEntries(
            [...run.values]
              .filter(([key]) => run.definition.stepByName.get(key)?.kind !== "sleep")
              .map(([key, { value, turn }]) => [key, { value, turn }]),
          )
        : undefined,
  });
  fc.assert(
    fc.property(plans, fc.boolean(), order, order, (generated, canFail, one, other) => {
      const workflowOf = planned(generated, canFail);
      const first = end(play(workflowOf, one, () => {}));
      expect(end(play(workflowOf, other, () => {}))).toEqual(first);
      if (!canFail) expect(first.kind).toBe("completed");
    }),
    { numRuns: 300 },
  );
});

test("promise 8: the same inputs at the same times give the same facts, to the byte", () => {
  fc.assert(
    fc.property(plans, order, (generated, ordering) => {
      const workflowOf = planned(generated, true);
      const { facts, turns } = play(workflowOf, ordering, () => {});
      const run = newRun("run", workflowOf.definition, DEFAULT_LIMITS);
      const again = turns.flatMap(({ inputs, nowMs }) => takeTurn(run, inputs, nowMs).facts);
      expect(JSON.stringify(again)).toBe(JSON.stringify(facts));
    }),
    { numRuns: 200 },
  );
});

test("a run that is cancelled at any moment ends, and begins nothing more", () => {
  fc.assert(
    fc.property(plans, order, fc.nat(30), (generated, ordering, moment) => {
      const workflowOf = planned(generated, true);
      const { turns } = play(workflowOf, ordering, () => {});
      const run = newRun("run", workflowOf.definition, DEFAULT_LIMITS);
      const before = turns.slice(0, 1 + (moment % turns.length));
      for (const { inputs, nowMs } of before) takeTurn(run, inputs, nowMs);
      if (hasEnded(run) || run.phase.kind === "failing") return;
      const nowMs = before.at(-1)?.nowMs ?? 0;
      const by = { kind: "person", id: "ada" } as const;
      takeTurn(run, [{ kind: "cancel", by, reason: "enough" }], nowMs);
      const error = { code: "ABORTED", message: "aborted" };
      for (const [path, { turn, attempt, agent: called }] of [...run.performing]) {
        const ended: Input =
          called === undefined
            ? { kind: "child", path, outcome: { kind: "failed", error, seq: 1 } }
            : { kind: "attemptFailed", path, turn, attempt, error, final: true, random: 0 };
        expect(takeTurn(run, [ended], nowMs).commands).toEqual([]);
      }
      expect(run.phase.kind).toBe("cancelled");
    }),
    { numRuns: 200 },
  );
});
