/**
 * An outage: a dead downstream, 1,000 runs that need it, and a process that is restarted twice meanwhile. How many calls reach
 * it is bounded by the policy, not by the number of runs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agent, type Baton, open, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { countedIds, virtualClock } from "baton/testing";
import { expect, onTestFinished, test } from "vitest";
import { anything, of } from "../support/opened.ts";

const RUNS = 1_000;
const FAILURES = 5;
const COOLDOWN_MS = 30_000;
const PROBES = 2;

/** Without attempts to spare, a run whose probe fails would fail with it. */
function outage() {
  const it = { down: true, calls: 0, atOnce: 0, atOnceMost: 0 };
  const score = agent({
    name: "score",
    version: "1.0.0",
    input: anything,
    output: anything,
    retry: { attempts: 100 },
    breaker: { name: "bureau", failures: FAILURES, cooldown: "30s", probes: PROBES },
    execute: async (input) => {
      it.calls += 1;
      it.atOnce += 1;
      it.atOnceMost = Math.max(it.atOnceMost, it.atOnce);
      await new Promise<void>((resolve) => setImmediate(resolve));
      it.atOnce -= 1;
      if (it.down) throw new Error("connect ECONNREFUSED");
      return input;
    },
  });
  const flow = workflow("scoring", "1.0.0", { input: of<number>() })
    .step("score", score, { input: ({ input }) => input })
    .output(({ score: found }) => found);
  return { it, flow };
}

test("1,000 runs before a dead downstream: five calls open the breaker, two probes follow in each cooldown, over two restarts", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-breaker-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const clock = virtualClock();
  const { it, flow } = outage();
  const opening = async (): Promise<Baton> =>
    await clock.until(
      open({
        store: sqlite(join(folder, "a.db")),
        workflows: [flow],
        clock,
        ids: countedIds(),
      }),
    );
  let baton = await opening();
  await clock.until(
    Promise.all(Array.from({ length: RUNS }, (_, i) => baton.start(flow, i, { id: `run-${i}` }))),
  );
  await clock.settle();
  expect(it.calls).toBe(FAILURES);
  expect(it.atOnceMost).toBe(FAILURES);

  let cooldowns = 0;
  const pass = async (count: number) => {
    cooldowns += count;
    await clock.advance(count * COOLDOWN_MS);
    expect(it.calls).toBeLessThanOrEqual(FAILURES + cooldowns * PROBES);
    // It is probed all the same.
    expect(it.calls).toBeGreaterThanOrEqual(FAILURES + cooldowns - 1);
  };
  await pass(3);
  for (let restart = 0; restart < 2; restart += 1) {
    await clock.until(baton.close({ graceMs: 0 }));
    const before = it.calls;
    baton = await opening();
    await clock.settle();
    const [bureau] = await baton.breakers();
    expect(bureau).toMatchObject({ name: "bureau", state: "open" });
    expect(it.calls - before).toBeLessThanOrEqual(PROBES);
    await pass(3);
  }
  expect(await baton.runs({ status: "waiting", limit: 10_000 })).toHaveLength(RUNS);

  it.down = false;
  it.atOnceMost = 0;
  const calls = it.calls;
  await clock.advance(2 * COOLDOWN_MS);
  const runs = await Promise.all(
    Array.from({ length: RUNS }, async (_, i) => await (await baton.run(`run-${i}`)).result()),
  );
  expect(runs).toEqual(Array.from({ length: RUNS }, (_, i) => i));
  expect(it.calls - calls).toBe(RUNS);
  expect((await baton.breakers())[0]).toMatchObject({ state: "closed", waitingRuns: 0 });
  const { entries, problems } = await baton.verify();
  expect(problems).toEqual([]);
  // Started, held, sealed, completed; and what the few calls that were made left behind: nothing for each refusal.
  expect(entries).toBeLessThan(RUNS * 4 + 200);
  await clock.until(baton.close({ graceMs: 0 }));
}, 120_000);
