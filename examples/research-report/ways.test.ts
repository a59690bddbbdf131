/** The three ways over all questions, on SQLite. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Baton, open, type WorkflowDefinition } from "baton";
import { sqlite } from "baton/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agentsOf } from "./agents.ts";
import { openCatalogue } from "./catalogue.ts";
import { compare, comparisonTable } from "./comparison.ts";
import { expectedOf } from "./expected.ts";
import { libraryOf, readTexts } from "./library.ts";
import { readQuestions } from "./questions.ts";
import { runWay, type WayDone } from "./run-way.ts";
import { WAYS, ways } from "./ways.ts";

const library = libraryOf(readTexts());
const questions = readQuestions();
const agents = agentsOf(undefined, library);
const catalogue = openCatalogue();
const workflows = ways(agents, catalogue);
const folder = mkdtempSync(join(tmpdir(), "baton-report-"));

let baton: Baton;
const done: WayDone[] = [];

async function runAll(): Promise<readonly WayDone[]> {
  const all: WayDone[] = [];
  let tick = 0;
  for (const way of WAYS) {
    const request = { questions, progress: () => undefined, now: () => (tick += 1) };
    all.push(await runWay(baton, way, { workflow: workflows[way], ...request }));
  }
  return all;
}

beforeAll(async () => {
  const store = sqlite(join(folder, "journal.db"));
  baton = await open({ store, workflows: Object.values(workflows), log: () => undefined });
  done.push(...(await runAll()));
}, 60_000);

afterAll(async () => {
  await baton.close();
  rmSync(folder, { recursive: true });
});

test("the reports are equal, byte for byte, and are those that were expected", () => {
  const expected = questions.map((question) => expectedOf(library, question));
  expect(compare(done).compared).toEqual(
    expected.map(({ id, sha256 }) => ({
      question: id,
      equal: true,
      ...(sha256 === undefined ? {} : { sha256 }),
    })),
  );
});

test("what is below 0.7 is refused by the same rule in all ways, and each way ends as it does", () => {
  const below = questions.filter(
    (question) => expectedOf(library, question).sha256 === undefined,
  ).length;
  expect(below).toBeGreaterThan(9);
  const { ways: figures } = compare(done);
  for (const { refused } of figures)
    expect(refused).toEqual({ "confidence is at least 0.7": below });
  expect(figures.map(({ statuses }) => statuses)).toEqual([
    { parked: below },
    { failed: below },
    { compensated: below },
  ]);
});

test("the refusal is in the journal with its evidence", async () => {
  const { steps } = await baton.report("q07-orchestration");
  expect(steps.find(({ path }) => path === "analysis")?.violations).toMatchObject([
    {
      contract: "sound-finding@1.0.0",
      path: "/confidence",
      rule: "confidence is at least 0.7",
      value: 0.59,
    },
  ]);
});

test("what declined questions had taken of the catalogue was given back, the newest first", () => {
  const lines = catalogue.lines();
  const below = questions.length - (done[0]?.answers.filter(({ report }) => report).length ?? 0);
  const given = lines.filter(({ did }) => did === "gave back").map(({ kind }) => kind);
  expect(given.filter((kind) => kind === "number")).toHaveLength(below);
  expect(given.filter((kind) => kind === "announcement")).toHaveLength(below);
  expect(lines.filter(({ kind }) => kind === "place")).toHaveLength(questions.length - below);
});

test("the agents are the same objects in all three", () => {
  const used = (definition: WorkflowDefinition): readonly unknown[] =>
    definition.steps.flatMap((step) => {
      if (step.kind === "agent") return [step.agent];
      if (step.kind !== "subscription") return [];
      return step.target.kind === "agent" ? [step.target.agent] : used(step.target.workflow);
    });
  for (const workflow of Object.values(workflows)) {
    const found = used(workflow);
    for (const agent of Object.values(agents)) expect(found.includes(agent)).toBe(true);
  }
});

test("every journal verifies and is decided the same by today's code", async () => {
  expect((await baton.verify()).problems).toEqual([]);
  for (const run of await baton.runs({ limit: 1_000 }))
    expect((await baton.replay(run.id)).differences).toEqual([]);
});

test("asked again, nothing runs twice, and the table says so", async () => {
  const again = await runAll();
  expect(again.map(({ found }) => found)).toEqual(WAYS.map(() => questions.length));
  expect(again.map(({ entries }) => entries)).toEqual(done.map(({ entries }) => entries));
  expect(comparisonTable(compare(again))).toMatch(/^ms +- +- +-$/m);
  expect(comparisonTable(compare(done))).toMatch(/^reports written +51 +51 +51$/m);
});

test("ways that differ are told apart", () => {
  const [one, two] = done;
  const [first, ...others] = two?.answers ?? [];
  if (one === undefined || two === undefined || first?.report === undefined) throw new Error();
  const changed = { ...first, report: { ...first.report, confidence: 0.123 } };
  const { compared } = compare([one, { ...two, answers: [changed, ...others] }]);
  expect(compared.filter(({ equal }) => !equal)).toEqual([{ question: "q01", equal: false }]);
});
