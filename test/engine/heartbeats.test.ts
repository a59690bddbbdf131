import { agent, type AgentContext, exponential, type Json, memory, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { anything, expectRefused, gate, opened, payloadsOf } from "../support/opened.ts";

const START = 1_790_000_000_000;

/** An agent that says something at least every 30 seconds, or does not. */
function long(
  execute: (context: AgentContext) => Promise<Json>,
  more: { readonly attempts?: number; readonly breaker?: object } = {},
) {
  return agent({
    name: "long",
    version: "1.0.0",
    input: anything,
    output: anything,
    heartbeat: "30s",
    retry: { attempts: more.attempts ?? 1, backoff: exponential("1s", { jitter: 0 }) },
    ...(more.breaker === undefined ? {} : { breaker: more.breaker }),
    execute: (_, context) => execute(context),
  });
}

function flowOf(target: ReturnType<typeof long>) {
  return workflow("flow", "1.0.0", { input: anything })
    .step("a", target, { input: () => 1 })
    .output(({ a }) => a);
}

test("an attempt that says in time that it is at work may take as long as it likes", async () => {
  const clock = virtualClock();
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      clock.after(ms, resolve);
    });
  const flow = flowOf(
    long(async ({ heartbeat }) => {
      for (let i = 0; i < 10; i += 1) {
        await pause(20_000);
        heartbeat();
      }
      return "done";
    }),
  );
  const { baton } = await opened({ workflows: [flow] }, clock);
  expect(await clock.until((await baton.start(flow, 1)).result())).toBe("done");
  expect(clock.now()).toBe(START + 200_000);
});

test("an attempt that is silent for too long ends with HEARTBEAT_MISSED, and its context throws", async () => {
  let kept: AgentContext | undefined;
  const flow = flowOf(
    long(async (context) => {
      kept = context;
      return await new Promise<never>(() => {});
    }),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1);
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "failed",
    step: "a",
    error: {
      code: "HEARTBEAT_MISSED",
      message: "long@1.0.0 was silent for 30000 ms: no heartbeat.",
    },
  });
  expect(clock.now()).toBe(START + 30_000);
  expect(kept?.signal.aborted).toBe(true);
  expect(() => kept?.heartbeat()).toThrow("has ended");
});

test("the next attempt is told how far the one before it had come", async () => {
  const seen: (Json | undefined)[] = [];
  const flow = flowOf(
    long(
      async ({ attempt, lastProgress, heartbeat }) => {
        seen.push(lastProgress);
        if (attempt === 1) {
          heartbeat({ rows: 1 });
          heartbeat({ rows: 2 });
          heartbeat();
        }
        if (attempt < 3) throw new Error("lost the connection");
        return "done";
      },
      { attempts: 3 },
    ),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  await clock.until((await baton.start(flow, 1, { id: "r" })).result());
  // The second said nothing: what the first said still holds.
  expect(seen).toEqual([undefined, { rows: 2 }, { rows: 2 }]);
  const failed = await payloadsOf(baton, "r", "attempt.failed");
  expect(failed[0]).toMatchObject({ progress: { rows: 2 } });
  expect(failed[1]).not.toHaveProperty("progress");
});

test("progress that was recorded with a failure survives a restart", async () => {
  const seen: (Json | undefined)[] = [];
  const flow = flowOf(
    long(
      async ({ attempt, lastProgress, heartbeat }) => {
        seen.push(lastProgress);
        heartbeat(attempt);
        if (attempt === 1) throw new Error("later");
        return "done";
      },
      { attempts: 2 },
    ),
  );
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close());
  const two = await opened({ workflows: [flow], store }, clock);
  await clock.until((await two.baton.run("r")).result());
  expect(seen).toEqual([undefined, 1]);
});

test("who watches sees progress as it is said", async () => {
  const open = gate();
  const flow = flowOf(
    long(async ({ heartbeat }) => {
      await open.promise;
      heartbeat({ page: 7 });
      return "done";
    }),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  const items: unknown[] = [];
  const watching = (async () => {
    for await (const item of baton.watch("r", { partials: true }))
      if (item.kind !== "entry") items.push(item);
  })();
  await clock.settle();
  open.open();
  await clock.until(run.result());
  await clock.until(watching);
  expect(items).toEqual([{ kind: "progress", path: "a", attempt: 1, progress: { page: 7 } }]);
});

test("progress over the limit is refused where it is said", async () => {
  const flow = flowOf(
    long(async ({ heartbeat }) => {
      heartbeat("x".repeat(100));
      return "done";
    }),
  );
  const { baton, clock } = await opened({ workflows: [flow], limits: { progressBytesMax: 50 } });
  const run = await baton.start(flow, 1);
  await expectRefused(clock.until(run.result()), "RUN_FAILED");
  expect(await run.outcome()).toMatchObject({
    error: {
      code: "VALUE_TOO_LARGE",
      message: "The progress of a has 102 bytes; limits.progressBytesMax is 50.",
    },
  });
});

test("a missed heartbeat counts for the breaker, as a timeout does", async () => {
  const flow = flowOf(
    long(() => new Promise<never>(() => {}), { attempts: 1, breaker: { failures: 1 } }),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  await clock.until((await baton.start(flow, 1)).outcome());
  expect(await baton.breakers()).toMatchObject([{ name: "long", state: "open" }]);
});

test("a fallback is not told what the agent that it stands in for had said", async () => {
  const seen: (Json | undefined)[] = [];
  const other = agent({
    name: "other",
    version: "1.0.0",
    input: anything,
    output: anything,
    execute: (_, { lastProgress }) => {
      seen.push(lastProgress);
      return "other";
    },
  });
  const flow = flowOf(
    long(
      async ({ heartbeat }) => {
        heartbeat("half");
        throw new Error("down");
      },
      { attempts: 2, breaker: { failures: 1, whenOpen: { fallback: other } } },
    ),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, 1)).result())).toBe("other");
  expect(seen).toEqual([undefined]);
});

test("promise 6: an attempt that missed its heartbeat may have acted, and is undone", async () => {
  const undone: unknown[] = [];
  const payer = agent({
    name: "payer",
    version: "1.0.0",
    input: anything,
    output: anything,
    heartbeat: "30s",
    retry: { attempts: 1 },
    execute: () => new Promise<never>(() => {}),
    compensateUnknown: true,
    compensate: (_, output) => void undone.push(output),
  });
  const flow = workflow("pays", "1.0.0", { input: anything })
    .step("a", payer, { input: () => 1 })
    .output(({ a }) => a);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1);
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "compensated",
    error: { code: "HEARTBEAT_MISSED" },
  });
  expect(undone).toEqual([undefined]);
});
