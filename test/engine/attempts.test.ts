import {
  type AgentContext,
  type BatonError,
  contract,
  memory,
  type Violation,
  type WatchItem,
  workflow,
} from "baton";
import { countedIds, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import {
  agentOf,
  anything,
  count,
  entriesOf,
  gate,
  journalOf,
  of,
  opened,
  payloadsOf,
} from "../support/opened.ts";
import { single } from "../support/opened.ts";

test("a failed attempt is made again after the pause of its policy, with the jitter that was drawn, and the journal says when", async () => {
  const at: number[] = [];
  const clock = virtualClock();
  const shaky = agentOf(
    "shaky",
    (n: number, ctx) => {
      at.push(clock.now());
      if (ctx.attempt < 4) throw new Error(`no ${ctx.attempt}`);
      return n;
    },
    { attempts: 4, jitter: 0.5 },
  );
  const flow = single(shaky);
  const { baton } = await opened({ workflows: [flow], ids: countedIds(0.5) }, clock);
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.result())).toBe(1);
  // 100, 200, 400 ms, of which a quarter is taken off: half of the jitter of a half.
  expect(at.map((ms) => ms - (at[0] ?? 0))).toEqual([0, 75, 225, 525]);
  const failed = await payloadsOf(baton, "r", "attempt.failed");
  expect(failed).toMatchObject([75, 225, 525].map((ms) => ({ retryAt: (at[0] ?? 0) + ms })));
});

test("a call whose attempts are used up fails its step with the last error, and no further pause is recorded", async () => {
  const shaky = agentOf(
    "shaky",
    (_: number, ctx): number => {
      throw Object.assign(new Error(`no ${ctx.attempt}`), { code: "BUREAU_DOWN" });
    },
    { attempts: 2 },
  );
  const flow = single(shaky);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toEqual({
    kind: "failed",
    step: "a",
    error: { code: "BUREAU_DOWN", message: "no 2" },
  });
  const failed = await payloadsOf(baton, "r", "attempt.failed");
  expect(failed.map((payload) => "retryAt" in Object(payload))).toEqual([true, false]);
  await expect(run.result()).rejects.toMatchObject({ code: "RUN_FAILED" });
});

test("an error that the policy calls final is not tried again; a policy that throws says nothing", async () => {
  let attempts = 0;
  const fail = () => {
    attempts += 1;
    throw new RangeError("no such person");
  };
  const final = (error: unknown) => error instanceof RangeError;
  const one = single(agentOf<number, number>("one", fail, { attempts: 5, final }));
  const { baton, clock } = await opened({ workflows: [one] });
  await clock.until((await baton.start(one, 1)).outcome());
  expect(attempts).toBe(1);
  const broken = () => {
    throw new Error("what?");
  };
  const two = single(agentOf<number, number>("two", fail, { attempts: 5, final: broken }));
  const other = await opened({ workflows: [two] });
  await other.clock.until((await other.baton.start(two, 1)).outcome());
  expect(attempts).toBe(6);
});

test("a timeout aborts the signal, fails the attempt, and the late result is ignored", async () => {
  const gates = [gate<number>(), gate<number>()];
  const aborted: boolean[] = [];
  const slow = agentOf(
    "slow",
    (_: number, ctx) => {
      ctx.signal.addEventListener("abort", () => aborted.push(true));
      return gates[ctx.attempt - 1]?.promise ?? 0;
    },
    { attempts: 2, timeout: "1s" },
  );
  const flow = single(slow);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.advance(1_000);
  expect(aborted).toEqual([true]);
  await clock.advance(100);
  gates[0]?.open(1);
  await clock.settle();
  gates[1]?.open(2);
  expect(await clock.until(run.result())).toBe(2);
  expect(await payloadsOf(baton, "r", "attempt.failed")).toMatchObject([
    { error: { code: "TIMEOUT" } },
  ]);
});

test("once an attempt has ended, everything of its context throws", async () => {
  let kept: AgentContext | undefined;
  const flow = single(
    agentOf("keeper", (n: number, ctx) => {
      kept = ctx;
      return n;
    }),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  await clock.until((await baton.start(flow, 1)).result());
  const ended = expect.objectContaining({ code: "CONTEXT_ENDED" });
  expect(() => kept?.log.info("late")).toThrow(ended);
  expect(() => kept?.stream("late")).toThrow(ended);
  expect(() => kept?.usage({ model: "m", inputTokens: 1, outputTokens: 1 })).toThrow(ended);
  await expect(kept?.once("late", () => 1)).rejects.toThrow(ended);
  expect(kept?.signal.aborted).toBe(true);
});

test("promise 4: an effect under once is recorded, shared by concurrent calls, kept over attempts, and a failed one is not", async () => {
  const effects: string[] = [];
  const effect = (name: string) => () => {
    effects.push(name);
    return null;
  };
  let flaky = 0;
  const flow = single(
    agentOf(
      "careful",
      async (n: number, ctx) => {
        const both = await Promise.all([
          ctx.once("shared", effect("shared")),
          ctx.once("shared", effect("shared")),
        ]);
        expect(both).toEqual([null, null]);
        await ctx
          .once("flaky", () => {
            flaky += 1;
            if (flaky === 1) throw new Error("first time");
            return flaky;
          })
          .catch(() => {});
        if (ctx.attempt < 3) throw new Error("not yet");
        return [n, await ctx.once("flaky", () => 0)];
      },
      { attempts: 3 },
    ),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.result())).toEqual([1, 2]);
  expect(effects).toEqual(["shared"]);
  expect(await payloadsOf(baton, "r", "once.recorded")).toEqual([
    { name: "shared", value: null },
    { name: "flaky", value: 2 },
  ]);
});

test("promise 4: what once has recorded is there in the next process", async () => {
  const clock = virtualClock();
  const store = memory();
  const effects: number[] = [];
  const held = gate<number>();
  const flow = single(
    agentOf("careful", async (n: number, ctx) => {
      const value = await ctx.once("effect", () => {
        effects.push(n);
        return { big: "x".repeat(100_000) };
      });
      return effects.length === 1 && !held ? 0 : value.big.length + (await first());
    }),
  );
  let first: () => Promise<number> = () => held.promise;
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 0 }));
  first = async () => 1;
  const two = await opened({ workflows: [flow], store }, clock);
  expect(await clock.until((await two.baton.run("r")).result())).toBe(100_001);
  expect(effects).toEqual([1]);
});

test("the idempotency key is the same for all attempts of a path and turn, and differs between runs", async () => {
  const keys: string[] = [];
  const flow = single(
    agentOf(
      "keyed",
      (n: number, ctx) => {
        keys.push(ctx.idempotencyKey);
        if (ctx.attempt < 2) throw new Error("again");
        return n;
      },
      { attempts: 2 },
    ),
  );
  const { baton, clock } = await opened({ workflows: [flow] });
  await clock.until((await baton.start(flow, 1)).result());
  await clock.until((await baton.start(flow, 1)).result());
  expect(new Set(keys).size).toBe(2);
  expect(keys[0]).toBe(keys[1]);
});

test("usage is recorded with its exact cost, of failed attempts too; what is no number of tokens is refused", async () => {
  const flow = single(
    agentOf(
      "model",
      (n: number, ctx) => {
        ctx.usage({ model: "small", inputTokens: 3, outputTokens: 1 });
        expect(() => ctx.usage({ model: "small", inputTokens: -1, outputTokens: 0 })).toThrow(
          expect.objectContaining({ code: "USAGE_INVALID" }),
        );
        ctx.usage({ model: "unknown", inputTokens: 1, outputTokens: 1 });
        if (ctx.attempt === 1) throw new Error("again");
        return n;
      },
      { attempts: 2 },
    ),
  );
  const prices = { small: { inputPerMillion: "0.1", outputPerMillion: "0.7", currency: "USD" } };
  const { baton, clock } = await opened({ workflows: [flow], prices });
  await clock.until((await baton.start(flow, 1, { id: "r" })).result());
  const usage = [
    { model: "small", inputTokens: 3, outputTokens: 1, cost: "0.000001", currency: "USD" },
    { model: "unknown", inputTokens: 1, outputTokens: 1 },
  ];
  expect(await payloadsOf(baton, "r", "attempt.failed")).toMatchObject([{ usage }]);
  expect(await payloadsOf(baton, "r", "step.sealed")).toMatchObject([{ usage }]);
});

test("log lines say where they come from; partial output goes to those who watch, and not into the journal", async () => {
  const held = gate();
  const flow = single(
    agentOf("talker", async (n: number, ctx) => {
      ctx.log.info("thinking", { n });
      await held.promise;
      ctx.stream({ token: "a" });
      ctx.stream({ token: "b" });
      return n;
    }),
  );
  const { baton, clock, log } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  const seen: WatchItem[] = [];
  const watching = (async () => {
    for await (const item of baton.watch("r", { partials: true })) seen.push(item);
  })();
  await clock.settle();
  held.open();
  await clock.until(run.result());
  await clock.until(watching);
  expect(log).toMatchObject([
    { level: "info", message: "thinking", run: "r", path: "a", attempt: 1, agent: "talker@1.0.0" },
  ]);
  expect(seen.flatMap((item) => (item.kind === "partial" ? [item.chunk] : []))).toEqual([
    { token: "a" },
    { token: "b" },
  ]);
  expect(await journalOf(baton, "r")).toEqual(["run.started", "step.sealed a", "run.completed"]);
});

test("promise 7: an output that breaks the agent's contract is an attempt that failed, tried again with the violations, which stay over other failures", async () => {
  const Sure = contract<unknown>("sure", "1.0.0", z.object({ confidence: z.number().min(0.7) }));
  const told: (readonly Violation[])[] = [];
  const careless = agentOf(
    "careless",
    (_: number, ctx): { confidence: number } => {
      told.push(ctx.feedback);
      if (ctx.attempt === 2) throw new Error("the network");
      return { confidence: ctx.attempt === 1 ? 0.1 : 0.9 };
    },
    { attempts: 3, output: Sure },
  );
  const flow = single(careless);
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, 1, { id: "r" })).result())).toEqual({
    confidence: 0.9,
  });
  expect(told.map((each) => each.length)).toEqual([0, 1, 1]);
  expect(told[2]).toMatchObject([{ contract: "sure@1.0.0", path: "/confidence" }]);
});

test("promise 7: what no attempt gave rightly is not in the state", async () => {
  const careless = agentOf("careless", (_: number): unknown => "words", {
    attempts: 2,
    output: contract<unknown>("sure", "1.0.0", z.object({ confidence: z.number() })),
  });
  const flow = single(careless);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "failed",
    error: { code: "CONTRACT_VIOLATED", violations: [{ contract: "sure@1.0.0" }] },
  });
  expect((await baton.state("r")).values).toEqual({ input: 1 });
});

test("a refused handoff is sent back for another turn with the violations, as often as the policy allows", async () => {
  const make = (goodAt: number) => {
    const told: (readonly Violation[])[] = [];
    const keys = new Set<string>();
    const draft = agentOf(
      "draft",
      (_: number, ctx) => {
        told.push(ctx.feedback);
        keys.add(ctx.idempotencyKey);
        if (ctx.turn === 1 && ctx.attempt === 1) throw new Error("the network");
        return { quality: ctx.turn };
      },
      { attempts: 2 },
    );
    const flow = workflow("reviewed", "1.0.0", { input: count })
      .step("draft", draft, { input: ({ input }) => input })
      .step(
        "review",
        agentOf("review", (q: number) => q),
        {
          needs: ["draft"],
          requires: { "it is good": (view) => view.draft.quality >= goodAt },
          onRefused: { sendBack: "draft", turns: 2 },
          input: (view) => view.draft.quality,
        },
      )
      .output(({ review }) => review);
    return { flow, told, keys };
  };
  const good = make(2);
  const { baton, clock } = await opened({ workflows: [good.flow] });
  expect(await clock.until((await baton.start(good.flow, 1, { id: "r" })).result())).toBe(2);
  expect(good.told.map((each) => each[0]?.rule)).toEqual([
    undefined,
    "it is good",
    "it is good",
    "it is good",
  ]);
  expect(good.keys.size).toBe(3);
  const bad = make(9);
  const other = await opened({ workflows: [bad.flow] });
  expect(await other.clock.until((await other.baton.start(bad.flow, 1)).outcome())).toMatchObject({
    kind: "failed",
    step: "review",
    error: { code: "HANDOFF_REFUSED" },
  });
});

test("a refused handoff under the policy skip leaves the step out", async () => {
  const flow = workflow("skipping", "1.0.0", { input: count })
    .step(
      "a",
      agentOf("echo", (n: number) => n),
      {
        requires: { never: () => false },
        onRefused: "skip",
        input: ({ input }) => input,
      },
    )
    .output(({ a }) => a ?? "left out");
  const { baton, clock } = await opened({ workflows: [flow] });
  expect(await clock.until((await baton.start(flow, 1, { id: "r" })).result())).toBe("left out");
  expect(await payloadsOf(baton, "r", "step.skipped")).toEqual([{ reason: "refused" }]);
});

test("an agent's concurrency holds over all runs, and a place is given back only when the agent has really ended", async () => {
  let now = 0;
  let most = 0;
  const gates = Array.from({ length: 4 }, () => gate());
  let next = 0;
  const narrow = agentOf(
    "narrow",
    async (n: number) => {
      const mine = gates[next];
      next += 1;
      now += 1;
      most = Math.max(most, now);
      await mine?.promise;
      now -= 1;
      return n;
    },
    { concurrency: 2, timeout: "1s" },
  );
  const flow = single(narrow);
  const { baton, clock } = await opened({ workflows: [flow] });
  const runs = [];
  for (let n = 0; n < 4; n += 1) runs.push(await baton.start(flow, n));
  await clock.advance(1_000);
  // The first two have timed out and are not waited for, but they ignore their signal and still hold their places.
  expect(next).toBe(2);
  for (const each of gates) {
    each.open();
    await clock.settle();
  }
  const outcomes = await clock.until(Promise.all(runs.map((run) => run.outcome())));
  expect(outcomes.map(({ kind }) => kind)).toEqual(["failed", "failed", "completed", "completed"]);
  expect(most).toBe(2);
});

test("outputs and inputs over their limit are refused, and large values are kept once, as blobs", async () => {
  const big = agentOf("big", (n: number) => "x".repeat(n));
  const echo = agentOf("echo", (text: string) => text);
  const flow = workflow("sizes", "1.0.0", { input: of<number | string>() })
    .step("a", big, { input: ({ input }) => (typeof input === "number" ? input : 0) })
    .step("b", echo, { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b.length);
  const { baton, clock } = await opened({
    workflows: [flow],
    limits: { outputBytesMax: 50_000 },
  });
  expect(await clock.until((await baton.start(flow, 40_000, { id: "r" })).result())).toBe(40_000);
  const [, a, b] = await entriesOf(baton, "r");
  expect(a?.payload["outputBlob"]).toMatchObject({ bytes: 40_002 });
  expect(b?.payload["outputBlob"]).toEqual(a?.payload["outputBlob"]);
  expect(await clock.until((await baton.start(flow, 60_000)).outcome())).toMatchObject({
    kind: "failed",
    error: { code: "VALUE_TOO_LARGE", message: expect.stringContaining("limits.outputBytesMax") },
  });
  await expect(baton.start(flow, "y".repeat(60_000))).rejects.toMatchObject({
    code: "VALUE_TOO_LARGE",
  });
});

test("an agent that gives something that only looks like a promise, or throws what is no error, fails like any other", async () => {
  const thenable = () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what is tried here.
    then: () => {
      throw new Error("then");
    },
  });
  for (const agent of [
    agentOf<number, unknown>("odd", thenable),
    agentOf<number, unknown>("odd", () => {
      // oxlint-disable-next-line typescript/only-throw-error -- agents and mappings throw anything.
      throw "words \ud800";
    }),
    agentOf<number, unknown>("odd", () => undefined),
  ]) {
    const flow = workflow("single", "1.0.0", { input: anything })
      .step("a", agent, { input: () => 1 })
      .output(() => 1);
    const { baton, clock } = await opened({ workflows: [flow] });
    const outcome = await clock.until((await baton.start(flow, 1)).outcome());
    expect(outcome).toMatchObject({ kind: "failed", step: "a" });
  }
});

test("an error of the engine is told apart from one of the run", async () => {
  const flow = single(agentOf("echo", (n: number) => n));
  const other = single(agentOf("echo", (n: number) => n, { version: "2.0.0" }));
  const { baton } = await opened({ workflows: [flow] });
  const error = await baton.start(other, 1).catch((each: BatonError) => each);
  expect(error).toMatchObject({ code: "WORKFLOW_NOT_FOUND" });
});

test("what a context has can be taken off it, and is found through what stands in front of it", async () => {
  const taking = agentOf("taking", async (n: number, context) => {
    const { once, usage, log, heartbeat, stream, remainingMs, run } = context;
    const made = Object.create(context) as AgentContext;
    const proxied = new Proxy(context, {});
    usage({ model: "fable", inputTokens: 1, outputTokens: 1 });
    log.info("here");
    heartbeat();
    stream("half");
    const kept = await once("effect", () => n + 1);
    return [
      kept,
      run,
      made.path,
      proxied.attempt,
      made.signal.aborted,
      remainingMs() === undefined,
    ];
  });
  const flow = single(taking);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.result())).toEqual([2, "r", "a", 1, false, true]);
});
