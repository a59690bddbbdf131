/** Our MCP server asked by Python's SDK, and our agents calling Python's servers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Agent, contract, type Json, memory, open, workflow } from "baton";
import { mcpServer, mcpTools, type McpTools } from "baton/mcp";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { JITI, projectPath, SOURCES } from "../e2e/real-process.ts";
import { hosted } from "../mcp/hosted.ts";
import { openLending } from "../mcp/lending.ts";
import {
  installPython,
  PYTHON_SDKS,
  pythonCalls,
  pythonOf,
  pythonServer,
  SERVERS,
} from "./mcp-python.ts";

const KEY = "baton/idempotency-key";
const ADA = { applicant: "ada", amount: 100 };

/** What each of them speaks with us. */
const SPOKEN = [
  ["new", "auto", "2026-07-28"],
  ["new", "legacy", "2025-11-25"],
  ["old", "legacy", "2025-11-25"],
] as const;

for (const sdk of ["new", "old"] as const) {
  const why = installPython(sdk);
  const spoken = SPOKEN.filter(([name]) => name === sdk);
  describe.skipIf(why !== undefined)(`${PYTHON_SDKS[sdk]}`, () => {
    test.each(spoken)(
      "%s, %s: a client calls our server over HTTP, by %s",
      async (_sdk, mode, protocol) => {
        const baton = await openLending();
        const server = await mcpServer(baton, { wait: "100ms" });
        const { url, close } = await hosted(server.fetch);
        onTestFinished(async () => {
          await close();
          await server.close();
          await baton.close();
        });
        const keyed = { name: "credit_lending", arguments: ADA, meta: { [KEY]: "k" } };
        const answer = await pythonCalls(sdk, {
          url,
          mode,
          calls: [
            keyed,
            keyed,
            { name: "doubling", arguments: { value: 21 } },
            { name: "credit_lending", arguments: { applicant: "ada", amount: 0 } },
            { name: "credit_lending", arguments: { applicant: "ada", amount: 600 } },
          ],
        });
        expect(answer).toMatchObject({
          protocol,
          tools: ["credit_lending", "doubling", "baton_run_status"],
          results: [
            { structuredContent: { applicant: "ada", approved: true } },
            { structuredContent: { applicant: "ada", approved: true } },
            { structuredContent: { value: 42 } },
            { isError: true, content: [{ text: expect.stringContaining("/amount: ") }] },
            { isError: true, content: [{ text: expect.stringContaining("RUN_UNFINISHED") }] },
          ],
        });
        expect(answer.progress).toContainEqual([1, "score is done"]);
        const [one, other] = answer.results.map(({ _meta }) => _meta?.["baton/run"]?.id);
        expect(one).toBe(other);
      },
    );

    test.each(spoken)(
      "%s, %s: a client starts `baton mcp`, and speaks %s with it",
      async (_sdk, mode, protocol) => {
        const folder = mkdtempSync(join(tmpdir(), "baton-mcp-interop-"));
        onTestFinished(() => rmSync(folder, { recursive: true }));
        const gate = join(folder, "gate");
        writeFileSync(gate, "");
        const config = ["--config", projectPath("test/mcp/baton.config.ts")];
        const answer = await pythonCalls(sdk, {
          command: process.execPath,
          args: [
            JITI,
            projectPath("src/cli/main.ts"),
            "mcp",
            ...config,
            "--store",
            join(folder, "x.db"),
          ],
          env: { ...SOURCES },
          mode,
          calls: [{ name: "two-steps", arguments: { name: "x", gate } }],
        });
        expect(answer).toMatchObject({
          protocol,
          tools: ["two-steps", "baton_run_status"],
          results: [{ structuredContent: { name: "x" } }],
        });
      },
    );

    test("our agents call its tools over HTTP", async () => {
      const { url, child } = await pythonServer(sdk);
      onTestFinished(() => {
        child.kill("SIGKILL");
      });
      const tools = await mcpTools({ transport: { url } });
      await callsEach(tools);
      const beats: unknown[] = [];
      const { signal } = new AbortController();
      await tools.call("counts", {}, { signal, heartbeat: (beat) => beats.push(beat) });
      expect(beats).toContainEqual({ progress: 1, total: 3, message: "at 1" });
    });

    test("our agents call its tools over stdio, and a process that dies is started again", async () => {
      const tools = await mcpTools({
        transport: { command: pythonOf(sdk), args: ["-c", SERVERS[sdk]] },
      });
      await callsEach(tools);
      const { signal } = new AbortController();
      const pid = async () => Number((await tools.call("pid", {}, { signal })).text);
      const before = await pid();
      process.kill(before, "SIGKILL");
      const agent = tools.agent("pid", { name: "pid", version: "1.0.0" });
      expect(await outputOf(agent, {})).not.toEqual({ result: before });
      expect(await pid()).not.toBe(before);
      await tools.close();
    });
  });
}

async function callsEach(tools: McpTools): Promise<void> {
  onTestFinished(() => tools.close());
  const named = (name: string) => ({ name, version: "1.0.0", retry: { attempts: 1 } });
  expect(await outputOf(tools.agent("lookup", named("lookup")), { name: "ada" })).toEqual({
    name: "ada",
    score: 700,
    tags: [],
  });
  expect(tools.agent("add", named("add"))).toMatchObject({ delivery: "at-most-once" });
  expect(await outputOf(tools.agent("add", named("add")), { a: 2 })).toEqual({ result: 3 });
  expect(await outputOf(tools.agent("counts", named("counts")), {})).toEqual({ result: "counted" });
  await expect(outputOf(tools.agent("fails", named("fails")), {})).rejects.toMatchObject({
    code: "RUN_FAILED",
    message: expect.stringContaining("The tool fails failed"),
  });
}

async function outputOf(agent: Agent<Json, Json>, input: Json): Promise<Json> {
  const Any = contract("any", "1.0.0", z.json());
  const flow = workflow("one", "1.0.0", { input: Any })
    .step("one", agent, { input: (state) => state.input as Json })
    .output((state) => state.one);
  const baton = await open({ store: memory(), workflows: [flow] });
  try {
    const run = await baton.start(flow, input as never);
    return await run.result();
  } finally {
    await baton.close();
  }
}
