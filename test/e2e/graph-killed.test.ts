/** kill -9 in the middle of a LangGraph graph: the next process goes on from its last checkpoint. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JITI, projectPath, SOURCES } from "./real-process.ts";

const STEPS = 60;
const KILLED_AFTER = [12, 17];

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "baton-graph-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Starts the graph, and kills it after so many lines; gives all lines that it printed. */
async function linesOf(killedAfter = Number.POSITIVE_INFINITY): Promise<readonly string[]> {
  const program = [JITI, projectPath("test/e2e/graph-child.ts"), join(folder, "x.db"), `${STEPS}`];
  const child = spawn(process.execPath, program, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, JITI_ALIAS: aliases() },
  });
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (lines.length === killedAfter) child.kill("SIGKILL");
  }
  return lines;
}

function aliases(): string {
  // What real-process.ts has written as JSON.
  const known = JSON.parse(SOURCES["JITI_ALIAS"] ?? "{}") as Readonly<Record<string, string>>;
  return JSON.stringify({ ...known, "baton/langgraph": projectPath("src/langgraph.ts") });
}

test("a graph that is killed twice ends as it would have, and does no step again but those it was killed in", {
  timeout: 120_000,
}, async () => {
  const executed: string[] = [];
  for (const lines of KILLED_AFTER) executed.push(...(await linesOf(lines)));
  const last = await linesOf();
  expect(JSON.parse(last.at(-1) ?? "")).toEqual({ done: STEPS, isInOrder: true, problems: [] });
  executed.push(...last.slice(0, -1));
  expect(new Set(executed).size).toBe(STEPS);
  expect(executed.length).toBeLessThanOrEqual(STEPS + KILLED_AFTER.length);
});
