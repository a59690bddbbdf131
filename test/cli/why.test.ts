/** `baton why`, `graph` and `show` on a run of a choreography. */
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

const Finding = contract("finding", "1.0.0", z.object({ text: z.string(), confidence: z.number() }));
const Asked = topic("asked", Finding);
const Found = topic("found", Finding);
const Written = topic("written", Finding);
const acting = (name) => agent({
  name, version: "1.0.0", input: Finding, output: Finding, execute: (given) => given,
});
const report = choreography("report", "1.0.0", {
  starts: Asked, ends: Written, deadline: "10m",
  subscriptions: {
    research: on(Asked, acting("research"), { publishes: Found }),
    writing: on(Found, acting("writing"), {
      requires: { "confidence is at least 0.7": ({ event }) => event.confidence >= 0.7 },
      publishes: Written,
    }),
  },
});
export default defineConfig({ workflows: [report] });
`;

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(async () => {
  writeFileSync(join(folder, "baton.config.ts"), CONFIG);
  await baton("run", "report", "--id", "sure", "--input", '{"text":"owls","confidence":0.9}');
  await baton("run", "report", "--id", "vague", "--input", '{"text":"owls","confidence":0.1}');
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

test("why tells, in one command, from the missing end back to the refused handoff, with the next one", async () => {
  const { code, out } = await baton("why", "vague");
  expect(code).toBe(0);
  expect(out.replaceAll(/\d{4}-\S+ \S+Z/g, "then")).toBe(`vague  parked
  Run vague (report@1.0.0) has had no event of written, with which it ends. (since then, until then)
    because writing#3 (writing@1.0.0, event vague@3 of found) was refused, and waits for a person: Step writing requires: confidence is at least 0.7. (since then)
      next: baton dead-letters show vague writing#3
`);
  const { out: json } = await baton("why", "vague", "--json");
  expect(JSON.parse(json)).toMatchObject({
    id: "vague",
    complete: false,
    reasons: [{ run: "vague" }],
  });
  const asked = ["why", "vague", "--store", join(folder, ".baton", "baton.db")];
  expect((await baton(...asked)).out).not.toContain("has had no event of written");
  expect((await baton(...asked, "--config", "baton.config.ts")).out).toBe(out);
  expect((await baton("why", "sure")).out).toContain("given what it should");
  expect((await baton("why", "nobody")).code).toBe(3);
});

test("graph draws what was expected beside what was, as text, as Mermaid and as data", async () => {
  const { out } = await baton("graph", "--run", "vague");
  expect(out).toContain("research  research@1.0.0 -> found");
  expect(out).toMatch(/writing {2}writing@1\.0\.0 -> written\s+1 parked/);
  expect(out).toMatch(/written \(ends the run\)\s+no event/);
  expect(out).toMatch(/missing .*written, which has not come\. \(deadline .*Z\)/);
  expect((await baton("graph", "--run", "sure")).out).toContain("In the run as expected.");
  const { out: mermaid } = await baton("graph", "--run", "vague", "--mermaid");
  expect(mermaid).toContain("flowchart LR");
  expect(mermaid).toMatch(/s\d+ -\.-> t\d+/);
  expect(mermaid).toMatch(/writing.*:::trouble/);
  const { out: json } = await baton("graph", "--run", "vague", "--json");
  expect(JSON.parse(json)).toMatchObject({
    run: "vague",
    differences: [{ what: "missing" }, { what: "delivery", path: "writing#3" }],
  });
});

test("show lists deliveries by subscription, and lineage follows events back to the input", async () => {
  const { out } = await baton("show", "vague");
  expect(out).toMatch(/research\s+1 sealed\s+research@1\.0\.0/);
  expect(out).toMatch(/writing\s+1 parked/);
  expect((await baton("lineage", "sure", "written")).out).toMatch(
    /^writing#3 .*on found sure@3.*\n└─ research#1 .*on asked sure@1.*\n {3}└─ input/,
  );
});
