import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { agent, contract, open, workflow } from "../../src/index.ts";
import { sqlite } from "../../src/sqlite.ts";

const Count = contract("count", "1.0.0", z.number());

function counting(execute: (count: number) => Promise<number>) {
  const counter = agent({
    name: "counter",
    version: "1.0.0",
    input: Count,
    output: Count,
    execute,
  });
  return workflow("counting", "1.0.0", { input: Count })
    .step("counted", counter, { input: ({ input }) => input })
    .output(({ counted }) => counted);
}

describe("starting runs again that the last process left unfinished", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "baton-resuming-"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it("joins each of them, and all go on to their end, while they are being resumed", async () => {
    const store = sqlite(join(folder, "baton.db"));
    const ids = Array.from({ length: 20 }, (_, n) => `run-${n}`);
    const hanging = counting(() => new Promise<number>(() => {}));
    const first = await open({ store, workflows: [hanging] });
    await Promise.all(ids.map((id, n) => first.start(hanging, n, { id })));
    await first.close({ graceMs: 0 });

    const working = counting(async (count) => count + 1);
    const second = await open({ store, workflows: [working] });
    const results = await Promise.all(
      ids.map(async (id, n) => await (await second.start(working, n, { id })).result()),
    );
    expect(results).toEqual(ids.map((_, n) => n + 1));
    const kinds: string[] = [];
    for await (const { entry } of second.entries("run-7")) kinds.push(entry.kind);
    expect(kinds).toEqual(["run.started", "run.resumed", "step.sealed", "run.completed"]);
    await second.close();
  });
});
