/** The saga of the hybrid: what is taken of the catalogue, and in which order it is given back. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory, open } from "baton";
import { virtualClock } from "baton/testing";
import { expect, onTestFinished, test } from "vitest";
import { agentsOf, writingAgent } from "./agents.ts";
import { type Catalogue, openCatalogue } from "./catalogue.ts";
import { deskOf } from "./desk.ts";
import { Asked, reportByHybrid } from "./hybrid.ts";
import type { Writer } from "./writing.ts";

const GOOD = { text: "When does the time ball at Greenwich fall?" };
const RUMOUR = { text: "Did Harrison's chronometer cause the flood of 1953 in London?" };

/** Asks one question, and gives how its run ended and what the catalogue saw. */
async function asked(question: { readonly text: string }, writer?: Writer) {
  const catalogue = openCatalogue();
  const agents = agentsOf();
  const hybrid = reportByHybrid(
    writer === undefined ? agents : { ...agents, writing: writingAgent(writer, "1.0.1") },
    deskOf(catalogue),
  );
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const options = { store, workflows: [hybrid], clock, log: () => undefined };
  const baton = await clock.until(open(options));
  onTestFinished(() => clock.until(baton.close({ graceMs: 0 })));
  await clock.until(baton.publish(Asked, question, { id: "q" }));
  await clock.settle();
  const run = await clock.until(baton.run("q/report-hybrid"));
  const outcome = await clock.until(run.outcome());
  return { baton, clock, outcome, did: didBy(catalogue) };
}

function didBy(catalogue: Catalogue): readonly string[] {
  return catalogue.lines().map(({ did, kind }) => `${did} ${kind}`);
}

test("a report that is written keeps what was taken for it", async () => {
  const { outcome, did } = await asked(GOOD);
  expect(outcome.kind).toBe("completed");
  expect(did).toEqual(["took announcement", "took number", "took place"]);
});

test("a finding that is declined is an event that fails the run, and the number goes back before the announcement", async () => {
  const { baton, clock, outcome, did } = await asked(RUMOUR);
  expect(outcome).toMatchObject({ kind: "compensated", error: { code: "FAILURE_EVENT" } });
  expect(did).toEqual([
    "took announcement",
    "took number",
    "gave back number",
    "gave back announcement",
  ]);
  const { steps } = await clock.until(baton.report("q/report-hybrid"));
  expect(steps.find(({ path }) => path.startsWith("analysis"))).toMatchObject({
    status: "skipped",
    skipped: "refused",
    violations: [{ rule: "confidence is at least 0.7" }],
  });
  const notices = [];
  for await (const event of baton.events("newsletter.declined")) notices.push(event.data);
  expect(notices).toMatchObject([{ question: RUMOUR.text }]);
  expect(JSON.stringify(notices)).toContain("0.7 is needed");
});

test("a writer that fails for good takes everything back: the conducted part first, then the events before it", async () => {
  const { outcome, did } = await asked(GOOD, () => {
    throw new Error("the model is down");
  });
  expect(outcome.kind).toBe("compensated");
  expect(did).toEqual([
    "took announcement",
    "took number",
    "took place",
    "gave back place",
    "gave back number",
    "gave back announcement",
  ]);
});

test("the catalogue gives the same key the same thing, takes back once, and is the same after it was opened again", () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-catalogue-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "new", "catalogue.jsonl");
  const first = openCatalogue(file);
  expect([first.take("number", "a"), first.take("number", "b"), first.take("number", "a")]).toEqual(
    [1, 2, 1],
  );
  expect(first.take("place", "a")).toBe(1);
  first.giveBack("number", "a");
  first.giveBack("number", "a");
  first.giveBack("number", "unknown");
  const second = openCatalogue(file);
  expect(second.lines()).toEqual(first.lines());
  expect(second.lines().map(({ did }) => did)).toEqual(["took", "took", "took", "gave back"]);
  // A number is never given twice, so that nobody finds two reports under one.
  expect(second.take("number", "a")).toBe(3);
});
