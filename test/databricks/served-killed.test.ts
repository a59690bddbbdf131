import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answered, eventsOf, post } from "../support/served-agent.ts";

function path(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}

const ALIASES = {
  baton: path("src/index.ts"),
  "baton/sqlite": path("src/sqlite.ts"),
  "baton/databricks": path("src/databricks.ts"),
};

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-served-kill-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  rmSync(folder, { recursive: true });
});

/** Serves on a free port; gives the address. */
async function serving(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const argv = [
    path("node_modules/jiti/lib/jiti-cli.mjs"),
    path("test/databricks/served-child.ts"),
    ...["baton.db", "executions", "go-on"].map((name) => join(folder, name)),
  ];
  const child = spawn(process.execPath, argv, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, JITI_ALIAS: JSON.stringify(ALIASES) },
  });
  children.push(child);
  const [{ port }] = (await once(child, "message")) as [{ readonly port: number }];
  return { child, url: `http://127.0.0.1:${port}` };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

function executions(): readonly string[] {
  const file = join(folder, "executions");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

test("the same request after kill -9 gives the same run, with one result", async () => {
  const request = { input: "Go.", custom_inputs: { run_id: "r-1" } };
  const one = await serving();
  const lost = [
    post(`${one.url}/responses`, request),
    post(`${one.url}/responses`, { ...request, stream: true }).then((response) => response.text()),
  ];
  const failed = Promise.allSettled(lost);
  while (executions().length < 2) await new Promise((resolve) => setImmediate(resolve));
  await kill(one.child);
  expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  const two = await serving();
  const streamed = post(`${two.url}/responses`, { ...request, stream: true });
  writeFileSync(join(folder, "go-on"), "");
  const answer = await answered(await post(`${two.url}/responses`, request));
  expect(answer).toMatchObject({
    id: "resp_r-1",
    status: "completed",
    custom_outputs: { run: "r-1", output: "Go. first second" },
  });
  const events = await eventsOf(await streamed);
  expect(events.at(-2)).toMatchObject({ type: "response.completed", response: answer });
  // What was sealed is not executed again.
  expect(executions()).toEqual(["r-1\tfirst", "r-1\tsecond", "r-1\tsecond"]);
});
