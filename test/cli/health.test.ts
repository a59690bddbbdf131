/** `baton health` and `baton waits`, on a store whose process has gone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agent, contract, open, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { countedIds, virtualClock } from "baton/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-cli-health-"));
const left = join(folder, "left.db");
const resting = join(folder, "resting.db");

const Anything = contract("anything", "1.0.0", z.unknown());
const failing = agent({
  name: "failing",
  version: "1.0.0",
  input: Anything,
  output: Anything,
  retry: { attempts: 2 },
  execute: () => {
    throw new Error("the bureau is busy");
  },
});
const asking = workflow("asking", "1.0.0", { input: Anything })
  .approval("review", { show: () => ({ amount: 5 }), remindEvery: "10d", timeout: "3000d" })
  .sleep("night", { for: "8h" })
  .awaitSignal("papers", { contract: Anything, timeout: "3000d", onTimeout: "skip" })
  .output(() => null);
const mapping = workflow("mapping", "1.0.0", { input: Anything })
  .map("checks", failing, { over: () => [1, 2], input: (item) => item })
  .output(() => null);

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder, columns: 200 });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

/** A store that a process left years ago; `settle` says what it still did. */
async function leave(path: string, start: (path: string) => readonly string[]): Promise<void> {
  const clock = virtualClock(1_600_000_000_000);
  const options = { store: sqlite(path), workflows: [asking, mapping], clock, ids: countedIds() };
  const here = await clock.until(open(options));
  for (const id of start(path))
    await here.startUntyped(id.startsWith("m") ? mapping : asking, 1, { id });
  await clock.settle();
  await clock.until(here.close({ graceMs: 0 }));
}

beforeAll(async () => {
  await leave(left, () => ["ask-1", "map-1"]);
  await leave(resting, () => []);
});

afterAll(() => rmSync(folder, { recursive: true }));

test("waits lists what every open run waits for, items of a map included", async () => {
  const { code, out } = await baton("waits", "--store", left);
  expect(code).toBe(0);
  expect(out).toMatch(/ask-1\s+review\s+an approval, until 2028-\S+ \S+, next reminder 2020-09-23/);
  expect(out).toMatch(/ask-1\s+night\s+a timer, until 2020-09-13 20:26:40Z\s+2020-09-13/);
  expect(out).toMatch(/map-1\s+checks\[0\]\s+attempt 2, until 2020-09-13 \S+ \(Error: the bureau/);
});

test("waits of one run says what to do next; --json gives the same as data", async () => {
  const { out } = await baton("waits", "ask-1", "--store", left);
  expect(out).toContain("next:  baton approve ask-1 review");
  expect(out).toContain("next:  baton signal ask-1 papers payload.json");
  const { out: json } = await baton("waits", "ask-1", "--store", left, "--json");
  expect(JSON.parse(json)).toMatchObject({
    run: "ask-1",
    workflow: "asking@1.0.0",
    dueAt: 1_600_000_000_000 + 8 * 3_600_000,
    waits: [{ what: "approval" }, { what: "timer" }, { what: "signal" }],
  });
  expect(await baton("waits", "nobody", "--store", left)).toMatchObject({ code: 3 });
  expect(await baton("waits", "--store", resting)).toMatchObject({
    code: 0,
    err: "Every run has ended.\n",
  });
});

test("show tells of the items that wait", async () => {
  const { out } = await baton("show", "map-1", "--store", left);
  expect(out).toMatch(/checks\[1\] waits for attempt 2, until/);
  const { out: json } = await baton("show", "map-1", "--store", left, "--json");
  expect(JSON.parse(json)).toMatchObject({ waits: [{ what: "retry" }, { what: "retry" }] });
});

test("health names what is overdue while nobody works on the store, and fails", async () => {
  const { code, out } = await baton("health", "--store", left);
  expect(code).toBe(1);
  expect(out).toContain("2 runs stuck.");
  expect(out).toMatch(/worked on\s+by nobody/);
  expect(out).toMatch(/ask-1\s+2020-09-13 20:26:40Z\s+Its time has passed, and nobody works/);
  const { out: json } = await baton("health", "--store", left, "--json");
  expect(JSON.parse(json)).toMatchObject({
    ok: false,
    runs: { waiting: 2 },
    stuck: [{ run: "ask-1", reason: "unattended" }, { run: "map-1" }],
  });
});

test("health of a store on which nothing is due is good, also if nobody works on it", async () => {
  const { code, out } = await baton("health", "--store", resting);
  expect(code).toBe(0);
  expect(out).toContain("Nothing is stuck.");
  expect(out).toMatch(/runs\s+0 to execute, 0 waiting, 0 waiting for a person/);
});
