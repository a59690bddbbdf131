/** `baton mcp` as a real process, spoken to over its stdin and stdout. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { open } from "baton";
import { mcpTools } from "baton/mcp";
import { sqlite } from "baton/sqlite";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { JITI, projectPath, SOURCES } from "../e2e/real-process.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function place(): string {
  const folder = mkdtempSync(join(tmpdir(), "baton-mcp-"));
  folders.push(folder);
  return folder;
}

const SLOW = { timeout: 60_000 };
const KEY = "baton/idempotency-key";

/** How `baton mcp` is started, in a place of its own. */
function started(folder: string, ...argv: readonly string[]) {
  const env: Record<string, string> = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "",
    ...SOURCES,
  };
  const config = ["--config", projectPath("test/mcp/baton.config.ts")];
  return {
    command: process.execPath,
    args: [
      JITI,
      projectPath("src/cli/main.ts"),
      "mcp",
      ...config,
      "--store",
      join(folder, "baton.db"),
      "--by",
      "ada",
      ...argv,
    ],
    env,
  };
}

async function client(folder: string, mode: "auto" | "legacy") {
  const transport = new StdioClientTransport({ ...started(folder), stderr: "pipe" });
  let said = "";
  transport.stderr?.on("data", (chunk: unknown) => (said += String(chunk)));
  const made = new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode } });
  const errors: Error[] = [];
  made.onerror = (error) => errors.push(error);
  await made.connect(transport);
  onTestFinished(() => made.close());
  return { client: made, pid: () => transport.pid ?? 0, said: () => said, errors };
}

test.each(["auto", "legacy"] as const)(
  "a workflow is called over stdio, and what its code prints does not break the protocol (%s)",
  SLOW,
  async (mode) => {
    const folder = place();
    const gate = join(folder, "gate");
    writeFileSync(gate, "");
    const { client: asking, said, errors } = await client(folder, mode);
    const answer = await asking.callTool({ name: "two-steps", arguments: { name: "x", gate } });
    expect(answer.structuredContent).toMatchObject({ name: "x" });
    expect(errors).toEqual([]);
    expect(said()).toContain("printed while the config is loaded\n");
    expect(said()).toContain("printed by an agent\n");
    expect(said()).toContain("Serving over stdio: two-steps, baton_run_status");
  },
);

test(
  "after kill -9 in the middle, the same call joins the same run, and no sealed step runs again",
  SLOW,
  async () => {
    const folder = place();
    const gate = join(folder, "gate");
    const call = { name: "two-steps", arguments: { name: "x", gate }, _meta: { [KEY]: "k-1" } };
    const before = await client(folder, "legacy");
    const sealed = new Promise<void>((resolve) => {
      const refused = before.client.callTool(call, { onprogress: () => resolve() });
      refused.catch(() => undefined);
    });
    await sealed;
    const killed = before.pid();
    process.kill(killed, "SIGKILL");
    const after = await client(folder, "legacy");
    const answering = after.client.callTool(call);
    writeFileSync(gate, "");
    const answer = await answering;
    // The first step is of the process that was killed: it was not executed again.
    expect(answer.structuredContent).toEqual({ name: "x", pid: killed });
    await after.client.close();
    const baton = await open({
      store: sqlite(join(folder, "baton.db")),
      workflows: [],
      readOnly: true,
    });
    onTestFinished(() => baton.close());
    const runs = await baton.runs();
    expect(runs.map(({ status }) => status)).toEqual(["completed"]);
    for await (const { entry } of baton.entries(runs[0]?.id ?? "")) {
      expect(entry.by).toEqual({ kind: "program", id: "mcp", onBehalfOf: "ada" });
      break;
    }
    expect((await baton.verify()).problems).toEqual([]);
  },
);

/** The process itself, spoken to by hand. */
function spawned(folder: string): ChildProcessWithoutNullStreams {
  const { command, args, env } = started(folder);
  const child = spawn(command, args, { env });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

test(
  "frames that are none are passed over, and the process ends when stdin does",
  SLOW,
  async () => {
    const child = spawned(place());
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    child.stdin.write("{\n");
    child.stdin.write('"text"\n');
    child.stdin.write('{"jsonrpc":"2.0","id":7}\n');
    const initialize = {
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2024-11-05",
        capabilities: {},
        clientInfo: { name: "by hand", version: "1.0.0" },
      },
    };
    child.stdin.write(`${JSON.stringify(initialize)}\n`);
    const { value } = await lines.next();
    expect(JSON.parse(String(value))).toMatchObject({
      id: 1,
      result: { protocolVersion: "2024-11-05" },
    });
    child.stdin.end();
    await once(child, "exit");
    expect(child.exitCode).toBe(0);
  },
);

test(
  "a server that is interrupted answers the call under way, and leaves its run",
  SLOW,
  async () => {
    const folder = place();
    const gate = join(folder, "gate");
    const { client: asking, pid } = await client(folder, "legacy");
    let stop: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (stop = resolve));
    const answering = asking.callTool(
      { name: "two-steps", arguments: { name: "x", gate } },
      { onprogress: () => stop() },
    );
    await begun;
    process.kill(pid(), "SIGTERM");
    expect(await answering).toMatchObject({ isError: true });
    // It gives the step a moment to end, for which nobody here waits.
    process.kill(pid(), "SIGKILL");
    const later = await vi.waitFor(
      async () => open({ store: sqlite(join(folder, "baton.db")), workflows: [] }),
      { timeout: 20_000 },
    );
    onTestFinished(() => later.close());
    expect((await later.runs()).map(({ status }) => status)).toEqual(["running"]);
  },
);

test(
  "tools of a process: what it loses is a failed attempt, and the next one starts it again",
  SLOW,
  async () => {
    const folder = place();
    const gate = join(folder, "gate");
    const tools = await mcpTools({ transport: started(folder), recheck: "10m" });
    onTestFinished(() => tools.close());
    expect(tools.list.map(({ name, joinsByKey }) => [name, joinsByKey])).toEqual([
      ["two-steps", true],
      ["baton_run_status", undefined],
    ]);
    // It goes by the key, so that it can be called again.
    expect(tools.agent("two-steps", { name: "two", version: "1.0.0" }).delivery).toBeUndefined();
    const beats: unknown[] = [];
    const { signal } = new AbortController();
    const context = { signal, idempotencyKey: "k", heartbeat: (beat: unknown) => beats.push(beat) };
    const given = { name: "x", gate };
    const failing = tools.call("two-steps", given, context);
    failing.catch(() => undefined);
    await vi.waitFor(() => expect(beats).toEqual([{ progress: 1, message: "first is done" }]), {
      timeout: 20_000,
    });
    const killed = await killedWriter(folder);
    await expect(failing).rejects.toMatchObject({ code: "TOOL_SERVER_FAILED" });
    writeFileSync(gate, "");
    const { structured } = await tools.call("two-steps", given, context);
    expect(structured).toEqual({ name: "x", pid: killed });
  },
);

test.each(["new", "old"])(
  "a server that says that its tools have changed is asked before the next call (%s)",
  SLOW,
  async (protocol) => {
    const program = [JITI, projectPath("test/mcp/changing-child.ts"), protocol];
    const tools = await mcpTools({
      transport: { command: process.execPath, args: program },
      name: "changing",
      recheck: "10m",
    });
    onTestFinished(() => tools.close());
    const { signal } = new AbortController();
    const looked = () => tools.call("lookup", { name: "x" }, { signal });
    expect((await looked()).text).toBe("found");
    await tools.call("change", {}, { signal });
    await vi.waitFor(() => expect(looked()).rejects.toMatchObject({ code: "TOOL_CHANGED" }));
  },
);

/** Kills the process that the first step was executed in; gives its id. */
async function killedWriter(folder: string): Promise<number> {
  const baton = await open({
    store: sqlite(join(folder, "baton.db")),
    workflows: [],
    readOnly: true,
  });
  try {
    const [run] = await baton.runs();
    for await (const { entry, value } of baton.entries(run?.id ?? "")) {
      if (entry.kind !== "step.sealed") continue;
      const { pid } = value as { readonly pid: number };
      process.kill(pid, "SIGKILL");
      return pid;
    }
    return expect.fail("No step is sealed.");
  } finally {
    await baton.close();
  }
}
