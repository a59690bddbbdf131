/** Wrong usage of every kind: the exit code, and an error that says what to do. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-cli-bad-"));

function config(name: string, text: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, "baton.config.ts"), text);
}

const GOOD = `import { agent, contract, defineConfig, workflow } from "baton";
const Any = contract("any", "1.0.0", { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } }, { jsonSchema: {} });
const same = agent({ name: "same", version: "1.0.0", input: Any, output: Any, timeout: "1s", execute: (value) => value });
export default defineConfig({ workflows: [workflow("w", "1.0.0", { input: Any }).step("s", same, { input: ({ input }) => input }).output(({ s }) => s)] });
`;

beforeAll(async () => {
  config("none", "");
  rmSync(join(folder, "none", "baton.config.ts"));
  config("syntax", "export default {");
  config("throws", 'throw new Error("no key");');
  config("empty", "export default {};");
  config("import", 'import "not-installed-anywhere"; export default {};');
  config("fresh", GOOD);
  config("good", GOOD);
  const terminal = recordingTerminal({ cwd: join(folder, "good") });
  await runProgram(["run", "w", "--id", "r", "--input", "{}"], terminal);
  writeFileSync(
    join(folder, "good", "garbage.db"),
    "this is no database, however often it is opened".repeat(100),
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Case {
  readonly what: string;
  readonly at: string;
  readonly argv: readonly string[];
  readonly code: number;
  readonly says: string;
}

const CASES: readonly Case[] = [
  { what: "no config", at: "none", argv: ["runs"], code: 2, says: "There is no baton.config.ts" },
  {
    what: "a named config that is missing",
    at: "none",
    argv: ["runs", "--config", "x.ts"],
    code: 2,
    says: "There is no file",
  },
  {
    what: "a config with a syntax error",
    at: "syntax",
    argv: ["check"],
    code: 2,
    says: "could not be loaded",
  },
  { what: "a config that throws", at: "throws", argv: ["check"], code: 2, says: "no key" },
  {
    what: "a config without workflows",
    at: "empty",
    argv: ["check"],
    code: 2,
    says: "workflows: missing",
  },
  {
    what: "a config whose import is missing",
    at: "import",
    argv: ["check"],
    code: 2,
    says: "not-installed-anywhere",
  },
  {
    what: "reading where nothing was run",
    at: "fresh",
    argv: ["runs"],
    code: 3,
    says: "There is no store",
  },
  { what: "an unknown command", at: "good", argv: ["rnus"], code: 2, says: "Did you mean runs?" },
  {
    what: "an unknown option",
    at: "good",
    argv: ["runs", "--stat"],
    code: 2,
    says: "unknown option",
  },
  {
    what: "an unknown status",
    at: "good",
    argv: ["runs", "--status", "x"],
    code: 2,
    says: "Allowed choices",
  },
  {
    what: "a limit that is no number",
    at: "good",
    argv: ["runs", "--limit", "many"],
    code: 2,
    says: "whole number",
  },
  { what: "an unknown run", at: "good", argv: ["show", "x"], code: 3, says: "x" },
  { what: "an unknown version", at: "good", argv: ["state", "r@9"], code: 3, says: "9" },
  {
    what: "a bad version",
    at: "good",
    argv: ["state", "r", "--at", "-1"],
    code: 2,
    says: "whole number",
  },
  {
    what: "two versions at once",
    at: "good",
    argv: ["state", "r@1", "--at", "0"],
    code: 2,
    says: "Give one of them",
  },
  {
    what: "an unknown key",
    at: "good",
    argv: ["state", "r", "--key", "x"],
    code: 2,
    says: "It has: input, s",
  },
  {
    what: "the lineage of an unknown key",
    at: "good",
    argv: ["lineage", "r", "x"],
    code: 2,
    says: "x",
  },
  {
    what: "an unknown workflow",
    at: "good",
    argv: ["run", "x", "--input", "{}"],
    code: 3,
    says: "The config has: w@1.0.0",
  },
  { what: "no input", at: "good", argv: ["run", "w"], code: 2, says: "Give the input once" },
  {
    what: "two inputs",
    at: "good",
    argv: ["run", "w", "a.json", "--input", "{}"],
    code: 2,
    says: "Give the input once",
  },
  {
    what: "input that is no JSON",
    at: "good",
    argv: ["run", "w", "--input", "{"],
    code: 2,
    says: "is not JSON",
  },
  {
    what: "a missing input file",
    at: "good",
    argv: ["run", "w", "x.json"],
    code: 2,
    says: "no such file",
  },
  {
    what: "a missing JSONL file",
    at: "good",
    argv: ["run", "w", "x.jsonl"],
    code: 2,
    says: "no such file",
  },
  {
    what: "an id for many runs",
    at: "good",
    argv: ["run", "w", "x.jsonl", "--id", "a"],
    code: 2,
    says: "--id-field",
  },
  {
    what: "a start without following, of many runs",
    at: "good",
    argv: ["run", "w", "x.jsonl", "--no-wait"],
    code: 2,
    says: "--no-wait is for one input",
  },
  {
    what: "a store without a name",
    at: "good",
    argv: ["runs", "--store", ""],
    code: 2,
    says: "--store names no file",
  },
  {
    what: "watching an unknown run from a later entry on",
    at: "good",
    argv: ["watch", "x", "--from", "1"],
    code: 3,
    says: "There is no run x",
  },
  {
    what: "dead letters of one run",
    at: "good",
    argv: ["dead-letters", "list", "r", "s"],
    code: 2,
    says: "baton dead-letters show r",
  },
  {
    what: "a list of one budget that is not there",
    at: "good",
    argv: ["budgets", "list", "x"],
    code: 3,
    says: "There is no budget x",
  },
  {
    what: "an event without its id",
    at: "good",
    argv: ["events", "show"],
    code: 2,
    says: "Which event",
  },
  {
    what: "the same id with another input",
    at: "good",
    argv: ["run", "w", "--id", "r", "--input", "[]"],
    code: 4,
    says: "another input",
  },
  {
    what: "approving a run that has ended",
    at: "good",
    argv: ["approve", "r"],
    code: 4,
    says: "has ended",
  },
  { what: "approving an unknown run", at: "good", argv: ["approve", "x", "s"], code: 3, says: "x" },
  {
    what: "signalling without a payload",
    at: "good",
    argv: ["signal", "r", "s"],
    code: 2,
    says: "Give the payload once",
  },
  {
    what: "cancelling a run that has ended",
    at: "good",
    argv: ["cancel", "r"],
    code: 4,
    says: "has ended",
  },
  {
    what: "forking with an unknown agent",
    at: "good",
    argv: ["fork", "r", "--agent", "s=x@1.0.0"],
    code: 3,
    says: "It has: same@1.0.0",
  },
  {
    what: "forking with nonsense",
    at: "good",
    argv: ["fork", "r", "--agent", "s"],
    code: 2,
    says: "step=module.ts#export",
  },
  { what: "replaying neither one nor all", at: "good", argv: ["replay"], code: 2, says: "--all" },
  { what: "a graph of nothing", at: "good", argv: ["graph", "x"], code: 3, says: "The config has" },
  {
    what: "a file that is no store",
    at: "good",
    argv: ["runs", "--store", "garbage.db"],
    code: 5,
    says: "garbage.db",
  },
];

/** What would do nothing where it is typed, and the option that is named. */
const IGNORED: readonly (readonly [option: string, ...argv: string[]])[] = [
  ["--count", "run", "w", "--input", "{}", "--count", "a"],
  ["--id-field", "run", "w", "x.json", "--id-field", "id"],
  // Also as it is without it.
  ["--in-flight", "run", "w", "--input", "{}", "--in-flight", "256"],
  ["--reason", "dead-letters", "--reason", "y"],
  ["--no-wait", "dead-letters", "show", "r", "--no-wait"],
  ["--limit", "dead-letters", "show", "r", "--limit", "50"],
  ["--output", "dead-letters", "retry", "r", "--output", "{}"],
  ["--nothing-done", "dead-letters", "resolve", "r", "--nothing-done"],
  ["--tokens", "budgets", "--tokens", "5"],
  ["--by", "budgets", "show", "x", "--by", "ada"],
  ["--reason", "breakers", "--reason", "y"],
  ["--to", "subscriptions", "--to", "7"],
  ["--by", "subscriptions", "--by", "ada"],
  ["--follow", "events", "show", "x", "--follow"],
  ["--by", "registry", "list", "--by", "ada"],
  ["--workflow", "replay", "r", "--workflow", "w@1.0.0"],
  ["--endpoint", "verify", "--endpoint", "http://x"],
  ["--every", "export", "delta", "--to", "lake", "--every", "1s"],
  ["--since", "export", "delta", "--to", "lake", "--since", "3"],
  ["--to", "export", "traces", "--to", "lake"],
];

test.for(IGNORED)("%s does nothing here: %s %s %s", async ([option, ...argv]) => {
  const terminal = recordingTerminal({ cwd: join(folder, "good") });
  expect(await runProgram(argv, terminal)).toBe(2);
  expect(terminal.err()).toContain(`error: ${option} is for `);
});

test("what was typed is shown, not sent to the terminal; a command is one of the list", async () => {
  const terminal = recordingTerminal({ cwd: folder });
  expect(await runProgram(["\u001b[31mnope"], terminal)).toBe(2);
  expect(terminal.err()).toContain("unknown command '\\u001b[31mnope'");
  const other = recordingTerminal({ cwd: folder });
  expect(await runProgram(["toString"], other)).toBe(2);
  expect(other.err()).toContain("See `baton --help`.");
});

test.for(CASES)("$what ends with $code", async ({ at, argv, code, says }) => {
  const terminal = recordingTerminal({ cwd: join(folder, at) });
  expect(await runProgram(argv, terminal)).toBe(code);
  expect(terminal.err()).toContain(says);
  expect(terminal.out()).toBe("");
});

test.for(CASES)("$what is JSON on stderr with --json", async ({ at, argv, code }) => {
  const terminal = recordingTerminal({ cwd: join(folder, at) });
  expect(await runProgram([...argv, "--json"], terminal)).toBe(code);
  expect(JSON.parse(terminal.err())).toMatchObject({
    error: { code: expect.any(String), message: expect.any(String), hint: expect.any(String) },
  });
});
