import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "baton";
import { sqlite } from "baton/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { JITI, projectPath, SOURCES } from "./real-process.ts";

/** Lets a process live until it ends by itself or is killed; gives its exit code, null if it was killed. */
async function life(file: string, how: string): Promise<number | null> {
  const child = spawn(
    process.execPath,
    [JITI, projectPath("test/e2e/poison-child.ts"), file, how],
    {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...SOURCES },
    },
  );
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

test.each(["SIGKILL", "exit"])(
  "promise 11: one run among 200 that kills its process (%s) is parked after five deaths, and all the others complete",
  async (how) => {
    const folder = await mkdtemp(join(tmpdir(), "baton-poison-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "baton.db");
    let deaths = 0;
    while (deaths < 12 && (await life(file, how)) !== 0) deaths += 1;
    expect(deaths).toBe(5);
    const baton = await open({ store: sqlite(file), readOnly: true, workflows: [] });
    onTestFinished(() => baton.close());
    expect((await baton.runs({ status: "completed", limit: 1_000 })).length).toBe(199);
    expect(await baton.deadLetters()).toMatchObject([
      { run: "run-113", path: "a", what: "step", because: "poison", input: 113 },
    ]);
    expect((await baton.verify()).problems).toEqual([]);
  },
  // Six processes, each of which compiles its sources.
  120_000,
);
