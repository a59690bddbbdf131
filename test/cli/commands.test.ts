/** Every command on a project with a store of its own, in this process. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import {
  type RecordingTerminal,
  recordingTerminal,
  type TerminalSettings,
} from "./recording-terminal.ts";

// Inside the repository, so that the project finds zod.
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROJECT = fileURLToPath(new URL("project", import.meta.url));
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));
const empty = mkdtempSync(join(tmpdir(), "baton-cli-empty-"));

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly terminal: RecordingTerminal;
}

async function baton(argv: readonly string[], settings: TerminalSettings = {}): Promise<Said> {
  const terminal = recordingTerminal({ cwd: folder, ...settings });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err(), terminal };
}

/** What a command prints with --json: documents, one per line. */
async function json(...argv: readonly string[]): Promise<readonly unknown[]> {
  const { out } = await baton([...argv, "--json"]);
  return out
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

beforeAll(async () => {
  cpSync(PROJECT, folder, { recursive: true });
  await baton(["run", "quick", "--id", "q1", "--input", '{"name":"Ada"}']);
  await baton(["run", "order", "--id", "o1", "--input", '{"id":"o1","amount":500}']);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(empty, { recursive: true });
});

test("run prints the output, and --json one document", async () => {
  const said = await baton(["run", "quick", "--input", '{"name":"Ada"}', "--id", "q1"]);
  expect(said).toMatchObject({ code: 0, out: '{\n  "text": "Dear Ada"\n}\n' });
  expect(await json("run", "quick@1.0.0", "--input", '{"name":"Ada"}', "--id", "q1")).toEqual([
    { id: "q1", workflow: "quick@1.0.0", status: "completed", output: { text: "Dear Ada" } },
  ]);
});

test("run takes its input from stdin", async () => {
  const said = await baton(["run", "quick", "-", "--id", "stdin"], { stdin: '{"name":"Eve"}' });
  expect(said).toMatchObject({ code: 0, out: expect.stringContaining("Dear Eve") });
});

test("run ends with 0 at a question for a person, and says how to answer it", async () => {
  const said = await baton(["run", "order", "--id", "o1", "--input", '{"id":"o1","amount":500}']);
  expect(said.code).toBe(0);
  expect(said.out).toBe('waiting for approval review\n  {"amount":500}\n');
  expect(said.err).toContain("next:  baton approve o1 review");
});

test("a wait in a child run names the child", async () => {
  const input = '{"id":"p1","amount":500}';
  expect(await json("run", "outer", "--id", "p1", "--input", input)).toMatchObject([
    {
      status: "waiting",
      waits: [{ run: "p1/inner", step: "review", what: "approval", shown: { amount: 500 } }],
    },
  ]);
  await baton(["approve", "p1/inner", "review", "--reject"]);
  expect(await json("run", "outer", "--id", "p1", "--input", input)).toMatchObject([
    { id: "p1", status: "completed", output: { approved: false, paid: false } },
  ]);
});

test("run does not sit through a sleep of hours", async () => {
  const input = '{"id":"n1","amount":1}';
  expect(await json("run", "overnight", "--id", "n1", "--input", input)).toMatchObject([
    { status: "waiting", waits: [{ run: "n1", step: "night", what: "timer" }] },
  ]);
});

test.for([
  ["refused", '{"nam":"x"}', "name@1.0.0  /name"],
  ["failed", '{"name":"crash"}', "the greeter crashed"],
  ["failed", '{"name":"rude"}', "is polite"],
])(
  "a run that is %s ends with 1 and its reason: %s",
  async ([status = "", input = "", reason = ""]) => {
    const said = await baton(["run", "quick", "--input", input]);
    expect(said.code).toBe(1);
    expect(said.out).toContain(status);
    expect(said.out).toContain(reason);
  },
);

test("a JSONL file is run line by line; bad lines are named; again starts nothing twice", async () => {
  const lines = [
    '{"id":"b1","amount":50}',
    '{"id":"b2","amount":',
    '{"amount":1}',
    '{"id":"b3","amount":-1}',
    '{"id":"b4","amount":900}',
    '{"id":"b1","amount":51}',
  ];
  writeFileSync(join(folder, "orders.jsonl"), lines.join("\n"));
  const args = ["run", "order", "orders.jsonl", "--id-field", "id", "--in-flight", "1"];
  const first = (await json(...args)).at(-1);
  const counted = {
    runs: 3,
    statuses: { waiting: 2, refused: 1 },
    refusedAt: { "order@1.0.0 (input)": 1 },
    malformedLines: 3,
    conflicts: 1,
  };
  expect(first).toMatchObject({ summary: { ...counted, found: 0, answered: 1 } });
  expect((await json(...args)).at(-1)).toMatchObject({
    summary: { ...counted, found: 3, answered: 0 },
  });
  const said = await baton(args);
  expect(said.code).toBe(4);
  expect(said.out).toContain("line 2: the line is not JSON");
  expect(said.out).toContain("line 3: has no id");
  expect(said.out).toContain("line 6: Run b1 exists, with another input.");
});

test("a batch with lines that can't be used does the others, and ends as one such input does", async () => {
  writeFileSync(join(folder, "bad.jsonl"), "nothing\n[\n");
  const none = await baton(["run", "quick", "bad.jsonl"]);
  expect(none).toMatchObject({ code: 2, out: expect.stringContaining("2 lines not started:") });
  writeFileSync(join(folder, "some.jsonl"), '[\n{"name":"Ada"}\n');
  const [, , last] = await json("run", "quick", "some.jsonl");
  expect(last).toMatchObject({ summary: { statuses: { completed: 1 }, malformedLines: 1 } });
  expect((await baton(["run", "quick", "some.jsonl"])).code).toBe(2);
  writeFileSync(join(folder, "failing.jsonl"), '[\n{"name":"crash"}\n');
  expect((await baton(["run", "quick", "failing.jsonl"])).code).toBe(1);
});

test("the policy's answers are journalled as a program's, not as a person's", async () => {
  const [report] = await json("show", "b1", "--entries");
  expect(report).toMatchObject({
    entries: expect.arrayContaining([
      expect.objectContaining({
        entry: expect.objectContaining({
          kind: "signal.received",
          by: { kind: "program", id: "policy" },
        }),
      }),
    ]),
  });
});

test("runs lists, filters and limits", async () => {
  const [waiting] = await json("runs", "--status", "waiting");
  expect(waiting).toEqual(
    expect.arrayContaining([expect.objectContaining({ id: "o1", status: "waiting" })]),
  );
  expect((await json("runs", "--limit", "1"))[0]).toHaveLength(1);
  expect((await baton(["runs", "--workflow", "none@1.0.0"])).err).toBe("No runs.\n");
});

test("show fits into 80 columns and tells steps, versions and waits", async () => {
  const { out } = await baton(["show", "o1"]);
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(out).toMatch(/^o1 {2}waiting\nworkflow {2}order@1\.0\.0\n/);
  expect(out).toMatch(/^review +open/m);
  expect(out).toContain("next:  baton approve o1 review");
});

test("watch prints a run's entries as lines and ends with the run", async () => {
  const { code, out } = await baton(["watch", "q1"]);
  expect(code).toBe(0);
  expect(out.trimEnd().split("\n")).toHaveLength(3);
  const [entry] = await json("watch", "q1", "--from", "2");
  expect(entry).toMatchObject({ kind: "entry", entry: { seq: 2, kind: "run.completed" } });
});

test("watch ends with 130 at Ctrl-C, leaving the run alone", async () => {
  const pressed: { terminal?: RecordingTerminal } = {};
  const terminal = recordingTerminal({ cwd: folder, onWrite: () => pressed.terminal?.interrupt() });
  pressed.terminal = terminal;
  expect(await runProgram(["watch", "o1"], terminal)).toBe(130);
  expect(await json("show", "o1")).toMatchObject([{ status: "waiting" }]);
});

test("watch ends where its run has ended before, and where nobody reads it any more", async () => {
  expect(await baton(["watch", "q1", "--from", "3"])).toMatchObject({ code: 0, out: "" });
  const hung: { up?: () => void } = {};
  const terminal = recordingTerminal({ cwd: folder, onWrite: () => hung.up?.() });
  hung.up = terminal.hangUp;
  expect(await runProgram(["watch", "o1"], terminal)).toBe(0);
  expect(await json("show", "o1")).toMatchObject([{ status: "waiting" }]);
});

test("state, diff and lineage agree on what a version holds", async () => {
  expect(await json("state", "q1@0")).toMatchObject([
    { version: 0, values: { input: { name: "Ada" } } },
  ]);
  expect(await json("state", "q1", "--key", "greet")).toEqual([{ text: "Dear Ada" }]);
  expect(await json("diff", "q1@0", "q1@1")).toEqual([
    [{ kind: "added", path: "/greet", after: { text: "Dear Ada" } }],
  ]);
  expect((await baton(["diff", "q1", "q1"])).err).toBe("No differences.\n");
  const { out } = await baton(["lineage", "q1", "greet"]);
  expect(out).toBe(
    'greet  version 1  greeter@1.0.0  {"text":"Dear Ada"}\n└─ input  version 0  the input  {"name":"Ada"}\n',
  );
});

test("fork takes another input, an agent of the config, or one of a file", async () => {
  writeFileSync(join(folder, "other.json"), '{"name":"Bob"}');
  const input = await json("fork", "q1", "--input", "other.json", "--id", "f1");
  expect(input).toMatchObject([{ id: "f1", status: "completed", output: { text: "Dear Bob" } }]);
  const fromConfig = await json("fork", "q1@0", "--agent", "greet=greeter@2.0.0");
  expect(fromConfig).toMatchObject([{ output: { text: "Good morning, Ada" } }]);
  const fromFile = await json("fork", "q1", "--agent", "greet=./workflows.ts#greeter2");
  expect(fromFile).toMatchObject([{ output: { text: "Good morning, Ada" } }]);
});

test("replay and verify find nothing wrong in what was just written", async () => {
  expect(await baton(["replay", "q1"])).toMatchObject({
    code: 0,
    out: expect.stringContaining("same"),
  });
  const all = ["replay", "--all", "--workflow", "order@1.0.0"];
  expect(await baton(all)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^same {2}\d+ runs/),
  });
  const [report] = await json("verify");
  expect(report).toMatchObject({ problems: [] });
  expect((await baton(["verify", "q1"])).out).toMatch(/^ok {2}1 run/);
});

test("verify ends with 1 and names the entry that was changed", async () => {
  const copy = join(empty, "copy.db");
  cpSync(join(folder, ".baton", "baton.db"), copy);
  const database = new Database(copy);
  const triggers = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    .pluck()
    .all();
  for (const trigger of triggers) database.exec(`DROP TRIGGER "${String(trigger)}"`);
  database.exec(
    `UPDATE entries SET text = replace(text, 'Dear Ada', 'Dear Eve') WHERE text LIKE '%"stream":"run/q1"%'`,
  );
  database.close();
  const said = await baton(["verify", "--store", copy], { cwd: empty });
  expect(said).toMatchObject({
    code: 1,
    out: expect.stringContaining("changed    run/q1 entry 1"),
  });
});

test("what needs no code needs no config, if the store is named", async () => {
  const store = join(folder, ".baton", "baton.db");
  const said = await baton(["show", "q1", "--store", store], { cwd: empty });
  expect(said).toMatchObject({ code: 0, out: expect.stringContaining("completed") });
});

test("approve, signal and cancel are journalled with their author", async () => {
  const order = (id: string): Promise<Said> =>
    baton(["run", "order", "--id", id, "--input", `{"id":"${id}","amount":500}`]);
  await order("a1");
  const approved = await baton(["approve", "a1", "--reason", "seen", "--by", "eve"]);
  expect(approved).toMatchObject({ code: 0, out: "waiting for signal payment\n" });
  const refused = await baton(["signal", "a1", "payment", "--payload", '{"paid":"yes"}']);
  expect(refused).toMatchObject({ code: 4, err: expect.stringContaining("payment@1.0.0  /paid") });
  expect(await json("signal", "a1", "payment", "--payload", '{"paid":true}')).toMatchObject([
    { status: "completed", output: { approved: true, paid: true } },
  ]);
  await order("a2");
  expect(await json("approve", "a2", "review", "--reject")).toMatchObject([
    { output: { approved: false, paid: false } },
  ]);
  await order("a3");
  expect(await baton(["cancel", "a3", "--reason", "withdrawn"])).toMatchObject({
    code: 0,
    out: "cancelled: a3, by ada: withdrawn\n",
  });
});

test("check counts the links that there could be beside those that there are", async () => {
  const { code, out } = await baton(["check"]);
  expect(code).toBe(0);
  expect(out).toContain("order@1.0.0: 3 steps; 3 links possible between them, 1 in the graph");
});

test("graph draws the workflow, as Mermaid too, and marks how far a run came", async () => {
  expect((await baton(["graph", "quick"])).out).toContain("└─ greet  greeter@1.0.0  ← input");
  expect((await baton(["graph", "order", "--mermaid"])).out).toMatch(/^flowchart TD\n/);
  expect((await baton(["graph", "--run", "o1"])).out).toMatch(/open +review/);
});

test("init makes a project that runs, and touches no folder that holds something", async () => {
  const made = await baton(["init", "my-app"]);
  expect(made).toMatchObject({ code: 0, out: expect.stringContaining("+ my-app/package.json") });
  const cwd = join(folder, "my-app");
  expect(JSON.parse(readFileSync(join(cwd, "package.json"), "utf8"))).toMatchObject({
    name: "my-app",
    type: "module",
  });
  const said = await baton(["run", "answer-letter", "input.json", "--id", "letter-1"], { cwd });
  expect(said).toMatchObject({ code: 0, out: expect.stringContaining("Dear Ada") });
  expect((await baton(["check", "--strict"], { cwd })).code).toBe(0);
  expect(await baton(["init", "my-app"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("is not empty"),
  });
});

test("colours are for terminals, unless NO_COLOR is set", async () => {
  const escape = "\u001b[";
  expect((await baton(["show", "q1"])).out).not.toContain(escape);
  expect((await baton(["show", "q1"], { isTTY: true })).out).toContain(escape);
  expect((await baton(["show", "q1"], { isTTY: true, env: { NO_COLOR: "1" } })).out).not.toContain(
    escape,
  );
});

test("--deadline bounds a run; show and runs --deadlines tell of it", async () => {
  await baton(["run", "quick", "--id", "d1", "--input", '{"name":"Ada"}', "--deadline", "2h"]);
  const shown = await baton(["show", "d1"]);
  expect(shown.out).toMatch(/^deadline {2}\d{4}-\d\d-\d\d [\d:]+Z$/m);
  const [runs] = await json("runs", "--deadlines");
  expect(runs).toEqual(
    expect.arrayContaining([expect.objectContaining({ id: "d1", deadlineAt: expect.any(Number) })]),
  );
  expect((await baton(["runs", "--deadlines"])).out).toMatch(/RUN .*DEADLINE/);
  expect((await baton(["runs"])).out).not.toContain("DEADLINE");
});

test("a deadline that is no length of time is refused where it is typed", async () => {
  for (const deadline of ["0s", "soon"]) {
    const said = await baton(["run", "quick", "--input", "{}", "--deadline", deadline]);
    expect(said.code).not.toBe(0);
    expect(said.err).toContain("Expected a length of time such as 90s, 30m or 2h.");
  }
});

test("--deadline bounds each line of a batch", async () => {
  writeFileSync(join(folder, "bounded.jsonl"), '{"name":"Ada"}\n{"name":"Bob"}\n');
  await baton(["run", "quick", "bounded.jsonl", "--deadline", "2h"]);
  const [runs] = await json("runs", "--deadlines");
  const bounded = ["bounded-1", "bounded-2"].map((id) =>
    expect.objectContaining({ id, deadlineAt: expect.any(Number) }),
  );
  expect(runs).toEqual(expect.arrayContaining(bounded));
});
