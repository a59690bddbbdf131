/** What `baton check` finds, on workflows made by the builder. */
import { expect, test } from "vitest";
import { z } from "zod";
import { checkDefinitions, type Finding } from "../../src/cli/static-checks.ts";
import {
  type AgentDefinition,
  agent,
  choreography,
  contract,
  on,
  topic,
  type WorkflowDefinition,
  workflow,
} from "../../src/index.ts";

const V1 = contract("report", "1.0.0", z.object({ score: z.number() }));
const V2 = contract("report", "2.0.0", z.object({ score: z.number(), source: z.string() }));

const pass = agent({
  name: "pass",
  version: "1.0.0",
  input: V1,
  output: V1,
  timeout: "1s",
  execute: (report) => report,
});

function rulesOf(
  workflows: readonly WorkflowDefinition[],
  agents: readonly AgentDefinition[] = [],
): readonly string[] {
  return checkDefinitions(workflows, agents).findings.map(
    (finding: Finding) => `${finding.severity} ${finding.rule} ${finding.where}`,
  );
}

const clean = workflow("clean", "1.0.0", { input: V1 })
  .step("a", pass, { input: ({ input }) => input })
  .step("b", pass, { input: ({ input }) => input })
  .step("c", pass, { needs: ["a", "b"], input: ({ a }) => a })
  .output(({ c }) => c);

test("a sound workflow has no findings; its links are counted", () => {
  expect(checkDefinitions([clean], [])).toEqual({
    findings: [],
    links: [{ workflow: "clean@1.0.0", steps: 3, possible: 3, actual: 2 }],
  });
});

test("an agent without timeout, and one whose effects stay, are warned of", () => {
  const slow = agent({
    name: "slow",
    version: "1.0.0",
    input: V1,
    output: V1,
    execute: (report) => report,
  });
  const acts = agent({
    name: "acts",
    version: "1.0.0",
    input: V1,
    output: V1,
    timeout: "1s",
    sideEffects: true,
    execute: (report) => report,
  });
  expect(rulesOf([], [slow, acts])).toEqual([
    "warning timeout slow@1.0.0",
    "warning compensation acts@1.0.0",
    "note idempotency acts@1.0.0",
  ]);
});

test("an agent that a heartbeat or the deadlines around it bound needs no timeout", () => {
  const bare = (name: string, more: { readonly heartbeat?: "1m" } = {}) =>
    agent({ name, version: "1.0.0", input: V1, output: V1, ...more, execute: (report) => report });
  const [beating, inStep, inRun, halfway] = [
    bare("beating", { heartbeat: "1m" }),
    bare("in-step"),
    bare("in-run"),
    bare("halfway"),
  ];
  const steps = workflow("steps", "1.0.0", { input: V1 })
    .step("a", inStep, { input: ({ input }) => input, deadline: "1m" })
    .step("b", halfway, { needs: ["a"], input: ({ a }) => a })
    .step("c", beating, { needs: ["b"], input: ({ b }) => b })
    .output(({ c }) => c);
  const whole = workflow("whole", "1.0.0", { input: V1, deadline: "1h" })
    .step("a", inRun, { input: ({ input }) => input })
    .step("b", halfway, { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  // One step that nothing bounds is enough.
  expect(rulesOf([steps, whole])).toEqual(["warning timeout halfway@1.0.0"]);
  expect(rulesOf([whole])).toEqual([]);
});

test("a handoff between versions of a contract that don't fit is an error", () => {
  const reader = agent({
    name: "reader",
    version: "1.0.0",
    input: V2,
    output: V2,
    timeout: "1s",
    execute: (report) => report,
  });
  const broken = workflow("broken", "1.0.0", { input: V1 })
    .step("old", pass, { input: ({ input }) => input })
    .step("new", reader, { needs: ["old"], input: ({ old }) => ({ ...old, source: "?" }) })
    .output((state) => state.new);
  expect(rulesOf([broken])).toEqual([
    "error contracts broken@1.0.0 old -> new",
    "note contracts report",
  ]);
});

test("a contract that accepts more than before is no finding", () => {
  const wider = contract("report", "1.1.0", z.object({ score: z.number().optional() }));
  const reader = agent({
    name: "reader",
    version: "1.0.0",
    input: wider,
    output: wider,
    timeout: "1s",
    execute: (report) => report,
  });
  const fits = workflow("fits", "1.0.0", { input: V1 })
    .step("old", pass, { input: ({ input }) => input })
    .step("new", reader, { needs: ["old"], input: ({ old }) => old })
    .output((state) => state.new);
  expect(rulesOf([fits])).toEqual([]);
});

test("one name and version for two things is an error", () => {
  const other = agent({
    name: "pass",
    version: "1.0.0",
    input: V1,
    output: V1,
    timeout: "1s",
    execute: () => ({ score: 0 }),
  });
  const another = contract("report", "1.0.0", z.object({ score: z.string() }));
  const takes = agent({
    name: "takes",
    version: "1.0.0",
    input: another,
    output: another,
    timeout: "1s",
    execute: (report) => report,
  });
  expect(rulesOf([clean], [other, takes])).toEqual([
    "error identity pass@1.0.0",
    "error identity report@1.0.0",
  ]);
});

test("a step that nothing reads is noted, unless output() is seen to read it", () => {
  const idle = workflow("idle", "1.0.0", { input: V1 })
    .step("used", pass, { input: ({ input }) => input })
    .step("unused", pass, { input: ({ input }) => input })
    .output(({ used }) => used.score);
  expect(rulesOf([idle])).toEqual(["note unread idle@1.0.0 unused"]);
});

test("what a subscription gives is for whoever takes its events, and not noted", () => {
  const Told = topic("told", V1);
  const telling = choreography("telling", "1.0.0", {
    starts: Told,
    subscriptions: { pass: on(Told, pass) },
  });
  expect(rulesOf([telling])).toEqual([]);
});

test("what can't be reached is an error, in a definition that no builder made", () => {
  const [first, ...rest] = clean.steps;
  const turned = { ...clean, steps: first === undefined ? [] : [...rest, first] };
  expect(rulesOf([turned])).toEqual(["error unreachable clean@1.0.0 c"]);
});

test("an agent that can be undone behind a pivot is warned of, unless a savepoint stands there", () => {
  const undoes = agent({
    name: "undoes",
    version: "1.0.0",
    input: V1,
    output: V1,
    timeout: "1s",
    retry: { attempts: 1 },
    execute: (report) => report,
    compensate: () => {},
  });
  const flow = (savepoint: boolean) =>
    workflow("paid", "1.0.0", { input: V1 })
      .step("before", undoes, { input: ({ input }) => input })
      .step("pay", undoes, { needs: ["before"], input: ({ before }) => before, pivot: true })
      .step("after", undoes, { needs: ["pay"], input: ({ pay }) => pay, savepoint })
      .output(({ after }) => after);
  expect(rulesOf([flow(false)])).toEqual(["warning pivot paid@1.0.0 after"]);
  expect(rulesOf([flow(true)])).toEqual([]);
});

test("an at-most-once agent that can tell nothing of its errors is named; its retries need no key", () => {
  const once = { input: V1, output: V1, timeout: "1s", delivery: "at-most-once" } as const;
  const execute = (report: { readonly score: number }) => report;
  const compensate = () => undefined;
  const silent = agent({ ...once, name: "silent", version: "1.0.0", execute, compensate });
  const telling = agent({
    ...once,
    name: "telling",
    version: "1.0.0",
    execute,
    compensate,
    nothingDone: () => true,
  });
  expect(rulesOf([], [silent, telling])).toEqual(["note delivery silent@1.0.0"]);
});
