/** What simulated choreographies have shown to go wrong: each as the smallest life in which it did. */
import { agent, type Baton, choreography, contract, memory, on, to, topic, workflow } from "baton";
import { faultyStore } from "baton/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { once } from "../support/acting-once.ts";
import {
  ADA,
  agentOf,
  count,
  entriesOf,
  gate,
  journalOf,
  opened,
  payloadsOf,
} from "../support/opened.ts";

const Positive = contract("positive", "1.0.0", z.number().min(0));
const Asked = topic("asked", count);
const Sent = topic("sent", Positive);
const Failed = topic("failed", count);

describe("an event that fails a run", () => {
  test("leaves what was under way to be undone: it may have acted", async () => {
    const undone: string[] = [];
    const slow = agent({
      name: "slow",
      version: "1.0.0",
      input: count,
      output: count,
      execute: async (_, { signal }) =>
        await new Promise<number>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("It was aborted.")));
        }),
      compensate: (_, output, { path }) => void undone.push(`${path} ${String(output)}`),
      compensateUnknown: true,
    });
    const flow = choreography("failing", "1.0.0", {
      starts: Asked,
      failsOn: Failed,
      subscriptions: {
        slow: on(Asked, slow, { input: ({ event }) => event }),
        fail: on(
          Asked,
          agentOf<number, number>("failing", (n) => n),
          { publishes: to(Failed, (n) => n) },
        ),
      },
    });
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await clock.until(baton.start(flow, 1, { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    expect(undone).toEqual(["slow#1 undefined"]);
  });
});

describe("a result of which nothing can be published", () => {
  test("is not asked for again of an agent that may act only once", async () => {
    const acts: string[] = [];
    const flow = choreography("sending", "1.0.0", {
      starts: Asked,
      subscriptions: {
        send: on(Asked, once(acts, { attempts: 3 }), {
          publishes: to(Sent, () => -1),
          onFailure: "skip",
        }),
      },
    });
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await clock.until(baton.start(flow, 1, { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed" });
    expect(acts).toEqual(["do send#1 1"]);
    expect(await clock.until(payloadsOf(baton, "r", "step.skipped"))).toEqual([
      { reason: "failed" },
    ]);
  });

  const undone: string[] = [];
  const paying = agent({
    name: "paying",
    version: "1.0.0",
    input: count,
    output: count,
    execute: (n) => n,
    compensate: (_, __, { run }) => void undone.push(run),
  });
  const part = workflow("part", "1.0.0", { input: count, output: count })
    .step("pay", paying, { input: ({ input }) => input })
    .output(({ pay }) => pay);
  const handling = (onFailure: "skip" | "deadLetter") =>
    choreography("handling", "1.0.0", {
      starts: Asked,
      ends: Sent,
      deadline: "1h",
      subscriptions: {
        handle: on(Asked, part, { publishes: to(Sent, () => -1), onFailure }),
      },
    });

  test("is undone with its run, where a run of its own has come to it", async () => {
    undone.length = 0;
    const flow = handling("skip");
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await clock.until(baton.start(flow, 1, { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    expect(undone).toEqual(["r/handle#1"]);
  });

  test("is undone each time that a person had it made again, and replay finds the same", async () => {
    undone.length = 0;
    const flow = handling("deadLetter");
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await clock.until(baton.start(flow, 1, { id: "r" }));
    await clock.settle();
    const again = { by: ADA, reason: "once more", action: "retry" } as const;
    await clock.until(baton.resolveStep("r", "handle#1", again));
    await clock.settle();
    await clock.until(baton.cancel("r", { by: ADA, reason: "enough" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    expect(undone).toEqual(["r/handle#1~1", "r/handle#1"]);
    // What its child had come to is taken when the run ends, and nothing follows from it any more.
    const journal = await clock.until(journalOf(baton, "r"));
    expect(journal).toContain("step.sealed handle#1");
    expect(journal).not.toContain("event.published handle#1");
    expect(await clock.until(baton.replay("r"))).toMatchObject({ differences: [] });
  });
});

test("two that publish the same event at the same time both have it, though one had to try again", async () => {
  let refused = false;
  const store = faultyStore(memory(), (_, { streams }) => {
    if (refused || streams[0]?.stream !== "event/e1") return "commit";
    refused = true;
    return "fail";
  });
  const flow = choreography("asking", "1.0.0", {
    starts: Asked,
    subscriptions: {
      answer: on(
        Asked,
        agentOf<number, number>("answering", (n) => n),
        {},
      ),
    },
  });
  const { baton, clock } = await opened({ workflows: [flow], store: store.factory });
  const first = baton.publish(Asked, 1, { id: "e1" });
  await clock.advance(500);
  const second = await clock.until(baton.publish(Asked, 1, { id: "e1" }));
  expect(await clock.until(first)).toEqual(second);
  await clock.settle();
  const entries = await clock.until(entriesOf(baton, "e1/asking"));
  expect(entries.filter(({ kind }) => kind === "event.received")).toHaveLength(1);
});

describe("a run that rests", () => {
  const waiting = workflow("waiting", "1.0.0", { input: count })
    .awaitEvent("never", Sent, { timeout: "1h", matches: (n) => n > 1_000 })
    .output(() => null);

  async function resting() {
    const store = memory();
    let reads = 0;
    const { baton, clock } = await opened({
      workflows: [waiting],
      store: async (mode) => {
        const inner = await store(mode);
        return {
          ...inner,
          read: (...request) => {
            reads += 1;
            return inner.read(...request);
          },
        };
      },
    });
    await clock.until(baton.publish(Sent, 1, { id: "early", correlation: "r" }));
    await clock.settle();
    await clock.until(baton.start(waiting, 1, { id: "r" }));
    await clock.settle();
    return { baton, clock, reads: () => reads };
  }
  const received = async (baton: Baton) =>
    (await payloadsOf(baton, "r", "event.received")).map((each) => Object(each).id as unknown);

  test("is given what came before it once, and what comes later each time", async () => {
    const { baton, clock, reads } = await resting();
    const before = reads();
    for (const id of ["a", "b", "c"]) {
      await clock.until(baton.publish(Sent, 2, { id, correlation: "r" }));
      await clock.settle();
    }
    expect(await clock.until(received(baton))).toEqual(["early", "a", "b", "c"]);
    expect(reads() - before).toBeLessThan(60);
  });
});

test("an event reaches a run that begins while the router looks for those that take it", async () => {
  const part = workflow("part", "1.0.0", { input: count })
    .awaitEvent("sent", Sent, { timeout: "1h" })
    .output(({ sent }) => sent);
  const whole = workflow("whole", "1.0.0", { input: count })
    .subflow("part", part, { input: ({ input }) => input })
    .emit("send", Sent, { data: ({ input }) => input })
    .output(({ part: given }) => given);
  const begun = gate();
  const store = memory();
  const { baton, clock } = await opened({
    workflows: [whole],
    store: async (mode) => {
      const inner = await store(mode);
      return {
        ...inner,
        append: async (request) => {
          const result = await inner.append(request);
          if (request.streams.some(({ stream }) => stream === "run/r/part")) begun.open();
          return result;
        },
        // What was open when the router asked: the answer takes until the run has begun.
        heads: async (filter) => {
          const found = await inner.heads(filter);
          if (filter.open === true && filter.prefix === "run/r/") await begun.promise;
          return found;
        },
      };
    },
  });
  const run = await clock.until(baton.start(whole, 5, { id: "r" }));
  expect(await clock.until(run.result())).toBe(5);
});
