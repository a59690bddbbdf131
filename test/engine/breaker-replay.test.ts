/** Journals of runs that met an open breaker, against code that has changed since. */
import { agent, type Agent, memory, open, workflow } from "baton";
import { countedIds, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { anything, of } from "../support/opened.ts";

type Breaker = NonNullable<Parameters<typeof agent>[0]["breaker"]>;

function scoring(breaker?: Breaker) {
  const score: Agent<unknown, unknown> = agent({
    name: "score",
    version: "1.0.0",
    input: anything,
    output: anything,
    retry: { attempts: 2 },
    ...(breaker === undefined ? {} : { breaker }),
    execute: () => {
      throw new Error("down");
    },
  });
  return workflow("scoring", "1.0.0", { input: of<unknown>() })
    .step("score", score, { input: ({ input }) => input })
    .output(({ score: found }) => found);
}

function standIn(name: string): Agent<unknown, unknown> {
  return agent({
    name,
    version: "1.0.0",
    input: anything,
    output: anything,
    execute: () => name,
  });
}

/** Runs `before` until its run stands still, then replays it with `today`. */
async function replayed(before: ReturnType<typeof scoring>, today: ReturnType<typeof scoring>) {
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const first = await clock.until(open({ store, workflows: [before], clock, ids: countedIds() }));
  await clock.until(first.start(before, 1, { id: "r" }));
  await clock.advance(5_000);
  await clock.until(first.close({ graceMs: 0 }));
  const second = await open({ store, workflows: [today], clock, readOnly: true });
  const { same, differences } = await second.replay("r");
  await second.close();
  return { same, what: differences.map(({ what, message }) => `${what}: ${message}`) };
}

test("a wait is the same with the same breaker, whatever its settings, and a difference without it", async () => {
  const before = scoring({ name: "bureau", failures: 1 });
  expect(await replayed(before, scoring({ name: "bureau", failures: 7 }))).toEqual({
    same: true,
    what: [],
  });
  expect(await replayed(before, scoring())).toEqual({
    same: false,
    what: ["breaker: Today the call would not wait at breaker/bureau."],
  });
  const failing = scoring({ name: "bureau", failures: 1, whenOpen: "fail" });
  expect((await replayed(before, failing)).same).toBe(false);
});

test("a fallback's answer is the same with the same fallback, and a difference with another or none", async () => {
  const before = scoring({ failures: 1, whenOpen: { fallback: standIn("kept") } });
  expect((await replayed(before, before)).same).toBe(true);
  const other = scoring({ failures: 1, whenOpen: { fallback: standIn("guess") } });
  expect(await replayed(before, other)).toEqual({
    same: false,
    what: ["breaker: Today kept@1.0.0 is not the fallback of score@1.0.0."],
  });
  expect((await replayed(before, scoring())).same).toBe(false);
});
