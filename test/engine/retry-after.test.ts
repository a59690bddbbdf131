import { BatonError, type Failure, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, count, opened, payloadsOf, single } from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

test("what was called says how long it asks to be left alone, and no attempt is made before; of more than an hour an hour counts", async () => {
  const at: number[] = [];
  const clock = virtualClock();
  const asks = [
    Object.assign(new Error("busy"), { code: "HTTP_429", retryAfterMs: 5_000.2 }),
    new BatonError("OVERLOADED", "busy", { details: { retryAfterMs: 86_400_000 } }),
    // Shorter than the pause of the policy, and no time at all.
    Object.assign(new Error("busy"), { retryAfterMs: 1 }),
    Object.assign(new Error("busy"), { retryAfterMs: Number.NaN }),
  ];
  const shaky = agentOf(
    "shaky",
    (n: number, ctx) => {
      at.push(clock.now());
      const error = asks[ctx.attempt - 1];
      if (error !== undefined) throw error;
      return n;
    },
    { attempts: 5, jitter: 0 },
  );
  const flow = single(shaky);
  const { baton } = await opened({ workflows: [flow] }, clock);
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.result())).toBe(1);
  expect(at.map((ms, i) => ms - (at[i - 1] ?? ms))).toEqual([0, 5_001, 3_600_000, 400, 800]);
  const failed = await payloadsOf(baton, "r", "attempt.failed");
  expect(
    failed.map((payload) => (payload as unknown as { error: Failure }).error.retryAfterMs),
  ).toEqual([5_001, 86_400_000, 1, undefined]);
  expect((await baton.verify()).problems).toEqual([]);
});

test("what is to undo something is left alone for as long as it asks, too", async () => {
  const at: number[] = [];
  const pay = undoing<number>("pay", [], {
    compensation: { attempts: 2 },
    compensate: (_input, _output, { attempt }) => {
      at.push(clock.now());
      if (attempt === 1) throw Object.assign(new Error("busy"), { retryAfterMs: 60_000 });
    },
  });
  const failing = (): number => {
    throw new Error("it broke");
  };
  const flow = workflow("saga", "1.0.0", { input: count })
    .step("a", pay, { input: ({ input }) => input })
    .step("d", agentOf("boom", failing), { needs: ["a"], input: ({ a }) => a })
    .output(({ d }) => d);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 2, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBe(60_000);
});
