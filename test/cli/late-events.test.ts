/** Events that came after the runs that would have taken them had ended, as `baton dead-letters` lists them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Inside the repository, so that the project finds zod.
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));

const CONFIG = `
import { agent, choreography, contract, defineConfig, on, topic } from "baton";
import { z } from "zod";

const Note = contract("note", "1.0.0", z.object({ text: z.string() }));
const [Asked, Found, Written] = ["asked", "found", "written"].map((name) => topic(name, Note));
const passing = (name) => agent({ name, version: "1.0.0", input: Note, output: Note, execute: (given) => given });
const report = choreography("report", "1.0.0", {
  starts: Asked, ends: Written, deadline: "10m",
  subscriptions: {
    research: on(Asked, passing("research"), { publishes: Found }),
    writing: on(Found, passing("writing"), { publishes: Written }),
  },
});
export default defineConfig({ workflows: [report] });
`;

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(() => writeFileSync(join(folder, "baton.config.ts"), CONFIG));
afterAll(() => rmSync(folder, { recursive: true }));

test("an event that came too late is a dead letter, and can be looked at", async () => {
  expect((await baton("publish", "asked", "--data", '{"text":"a"}', "--id", "q1")).code).toBe(0);
  const late = ["--data", '{"text":"b"}', "--id", "e2", "--correlation", "q1"];
  await baton("publish", "found", ...late);
  // Whoever opens the store to execute hands it over at the latest.
  await baton("publish", "asked", "--data", '{"text":"c"}', "--id", "q2");
  const listed = await baton("dead-letters");
  expect(listed.out.replace(/ {2,}/g, "|")).toMatch(/e2\|found\|q1\|.*\|report/);
  expect(listed.err).toContain("next:  baton events show e2");
  expect(JSON.parse((await baton("dead-letters", "--json")).out)).toMatchObject([
    { what: "late", id: "e2", topic: "found", correlation: "q1", choreographies: ["report"] },
  ]);
  expect((await baton("events", "show", "e2")).out).toContain('"b"');
});
