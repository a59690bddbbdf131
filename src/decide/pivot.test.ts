/** What becomes of a step that fails for good behind a pivot, for each kind of step. */
import { describe, expect, it } from "vitest";
import { agentOf, anything, definitionOf, stepOf } from "../../test/support/definition-builder.ts";
import type { Fact, StepAction } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import type { StepDefinition } from "../model/workflow-definition.ts";
import { type Input, takeTurn } from "./accept.ts";
import { statusOf } from "./decide.ts";
import { evolve } from "./evolve.ts";
import type { Command } from "./turn.ts";

const retry = { attempts: 1, backoff: { baseMs: 1, factor: 1, maxMs: 1, jitter: 0 } };
const worker = agentOf("worker", async () => null, { retry });
const by = { kind: "person", id: "ada" } as const;
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
  readonly facts: Fact[];
  readonly commands: Command[];
  readonly take: (...inputs: readonly Input[]) => void;
}

/** A run whose calls succeed, but those of `fails`. */
function played(step: StepDefinition, fails: (path: string) => boolean): Played {
  const pivot = stepOf({
    ...{ kind: "agent", name: "pay", agent: worker, pivot: true, input: () => 1 },
  });
  const flow = definitionOf("paid", [pivot, step]);
  const run = newRun("r", flow, DEFAULT_LIMITS);
  const facts: Fact[] = [];
  const commands: Command[] = [];
  let nowMs = 1_000;
  const take = (...inputs: readonly Input[]): void => {
    const turn = takeTurn(run, inputs, (nowMs += 1_000));
    facts.push(...turn.facts);
    commands.push(...turn.commands);
    const outcomes = turn.commands.flatMap((command): Input[] => {
      if (command.kind !== "execute") return [];
      const place = { path: command.path, turn: command.turn, attempt: command.attempt };
      const error = { code: "Error", message: "it broke" };
      return fails(command.path)
        ? [{ kind: "attemptFailed", ...place, error, final: false, random: 0 }]
        : [{ kind: "sealed", ...place, output: 7, inputHash: "h" }];
    });
    if (outcomes.length > 0) take(...outcomes);
  };
  take(START);
  return { run, facts, commands, take };
}

const decision = (path: string, action: StepAction, turn = 0, output?: Json): Input => ({
  kind: "resolveStep",
  path,
  turn,
  by,
  action,
  reason: "because",
  ...(output === undefined ? {} : { output }),
});

const after = { name: "x", needs: ["pay"] };
const CALLS: Readonly<Record<string, readonly [StepDefinition, string]>> = {
  "an agent": [stepOf({ ...after, kind: "agent", agent: worker, input: () => 1 }), "x"],
  "an item of a map": [
    stepOf({
      ...{
        ...after,
        kind: "map",
        agent: worker,
        over: () => [1, 2, 3],
        input: (item: Json) => item,
      },
      ...{ concurrency: 1, failures: "all" },
    }),
    "x[0]",
  ],
  "a round of a repeat": [
    stepOf({
      ...{ ...after, kind: "repeat", agent: worker, input: () => 1, limit: 2, atLimit: "last" },
      until: (_output, round) => round === 1,
    }),
    "x#1",
  ],
  "a case of a branch": [
    stepOf({
      ...{ ...after, kind: "branch", choose: () => "a" },
      cases: new Map([["a", { kind: "agent", agent: worker, input: () => 1 }]]),
    }),
    "x",
  ],
};

describe.each(Object.entries(CALLS))(
  "%s that fails for good behind a pivot",
  (_what, [step, path]) => {
    const parked = () => {
      let isBroken = true;
      const run = played(step, (each) => each === path && isBroken);
      const repair = () => {
        isBroken = false;
      };
      return { ...run, repair };
    };

    it("is parked, while all else goes on, also after a restart", () => {
      const { run, facts } = parked();
      expect(run.parked.get(path)).toMatchObject({ because: "pivot", turn: 0 });
      expect(statusOf(run)).toBe("parked");
      const again = newRun("r", run.definition, DEFAULT_LIMITS);
      for (const fact of facts) evolve(again, fact);
      expect(takeTurn(again, [{ kind: "resume" }], 99_000).facts).toHaveLength(1);
      if (path === "x[0]") expect(run.steps.get("x")).toMatchObject({ items: { settled: 2 } });
    });

    it("is made again if a person says so", () => {
      const { run, take, repair } = parked();
      take(decision(path, "retry"));
      expect(run.parked.has(path)).toBe(true);
      repair();
      take(decision(path, "retry"));
      expect(run.phase.kind).toBe("completed");
      expect(run.values.get("x")?.turn).toBe(0);
    });

    it("is what a person says it came to", () => {
      const { run, facts, take } = parked();
      take(decision(path, "done", 0, 9));
      expect(run.phase.kind).toBe("completed");
      const sealed = facts.find((fact) => fact.path === path && fact.kind.endsWith(".sealed"));
      expect(sealed).toMatchObject({ by, value: 9 });
    });

    it("fails the run if a person gives it up, and what was done is kept", () => {
      const { run, facts, take } = parked();
      take(decision(path, "fail"));
      expect(facts.slice(-2).map(({ kind }) => kind)).toEqual(["step.failed", "run.failed"]);
      expect(run.values.has("pay")).toBe(true);
    });
  },
);

const child = definitionOf("child", []);
const failed = { kind: "failed", error: { code: "X", message: "no" }, seq: 3 } as const;
const WHOLE: Readonly<Record<string, readonly [StepDefinition, readonly Input[]]>> = {
  "an approval that was declined": [
    stepOf({
      ...{ ...after, kind: "approval", show: () => 1, onTimeout: "fail", onDeclined: "fail" },
      timeoutMs: 1e9,
    }),
    [{ kind: "signal", step: "x", id: "s", by, value: { approved: false } }],
  ],
  "a signal that did not come": [
    stepOf({
      ...{ ...after, kind: "signal", contract: anything, timeoutMs: 10 },
      onTimeout: { kind: "fail" },
    }),
    [{ kind: "tick" }],
  ],
  "a child run that failed": [
    stepOf({ ...after, kind: "subflow", workflow: child, input: () => 1 }),
    [{ kind: "child", path: "x", outcome: failed }],
  ],
  "a repeat that met its limit": [
    stepOf({
      ...{ ...after, kind: "repeat", agent: worker, input: () => 1, limit: 1, atLimit: "fail" },
      until: () => false,
    }),
    [],
  ],
};

describe.each(Object.entries(WHOLE))("%s behind a pivot", (_what, [step, inputs]) => {
  const parked = () => {
    const run = played(step, () => false);
    if (inputs.length > 0) run.take(...inputs);
    return run;
  };

  it("is parked, also after a restart", () => {
    const { run, facts } = parked();
    expect(run.parked.get("x")).toMatchObject({ because: "pivot", turn: 0, attempt: 0 });
    expect(statusOf(run)).toBe("parked");
    const again = newRun("r", run.definition, DEFAULT_LIMITS);
    for (const fact of facts) evolve(again, fact);
    const turn = takeTurn(again, [{ kind: "resume" }], 9e9);
    expect(turn.facts).toHaveLength(1);
    expect(turn.commands).toEqual([]);
  });

  it("takes no answer until a person has decided", () => {
    const { facts, take } = parked();
    const before = facts.length;
    take({ kind: "signal", step: "x", id: "late", by, value: { approved: true } });
    expect(facts.slice(before)).toEqual([]);
  });

  it("begins its next turn if a person says so", () => {
    const { run, facts, commands, take } = parked();
    take(decision("x", "retry"));
    const opened = facts.filter(({ kind }) => kind === "step.opened");
    expect(opened.map(({ turn }) => turn)).toEqual([0, 1]);
    const started = commands.flatMap((each) => (each.kind === "startChild" ? [each.run] : []));
    expect(started).toEqual(step.kind === "subflow" ? ["r/x", "r/x~1"] : []);
    if (step.kind === "signal")
      take({ kind: "signal", step: "x", id: "again", by, value: "late but welcome" });
    expect(run.signals.size).toBe(0);
  });

  it("is what a person says it came to, or fails the run", () => {
    const done = parked();
    done.take(decision("x", "done", 0, { approved: true }));
    expect(done.run.phase.kind).toBe("completed");
    expect(done.facts.at(-2)).toMatchObject({ kind: "step.sealed", by, turn: 0 });
    const given = parked();
    given.take(decision("x", "fail"));
    expect(given.run.phase).toMatchObject({ kind: "failed", step: "x" });
  });
});

it("a handoff that is refused behind a pivot waits for a person", () => {
  let isRefused = true;
  const requires = [{ name: "it may", holds: () => !isRefused }];
  const step = stepOf({ ...after, kind: "agent", agent: worker, input: () => 1, requires });
  const { run, facts, take } = played(step, () => false);
  expect(facts.slice(-2).map(({ kind }) => kind)).toEqual(["handoff.refused", "step.parked"]);
  isRefused = false;
  take(decision("x", "retry"));
  expect(run.phase.kind).toBe("completed");
});

it("an item of a map that is refused behind a pivot keeps no other from beginning", () => {
  const step = stepOf({
    ...{ ...after, kind: "map", agent: worker, over: () => [1, 2, 3], failures: "all" },
    input: (item: Json) => {
      if (item === 1) throw new Error("not this one");
      return item;
    },
    concurrency: 1,
  });
  const { run, take } = played(step, () => false);
  expect(run.steps.get("x")).toMatchObject({ items: { settled: 2 } });
  take(decision("x[0]", "done", 0, 5));
  expect(run.values.get("x")?.value).toEqual([5, 7, 7]);
});
