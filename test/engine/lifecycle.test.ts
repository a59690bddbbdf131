import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory, open, type StoreFactory, workflow } from "baton";
import { sqlite } from "baton/sqlite";
import { faultyStore, virtualClock } from "baton/testing";
import { expect, onTestFinished, test } from "vitest";
import { ADA, agentOf, count, entriesOf, gate, journalOf, opened } from "../support/opened.ts";
import { expectRefused, single } from "../support/opened.ts";

const echo = agentOf("echo", (n: number) => n);
const twice = agentOf("twice", (n: number) => n * 2);

test("a run is started once for its id: the same start joins it, another is a conflict", async () => {
  let executed = 0;
  const flow = single(
    agentOf("counting", (n: number) => {
      executed += 1;
      return n;
    }),
  );
  const other = single(echo, "other");
  const { baton, clock } = await opened({ workflows: [flow, other] });
  const both = await Promise.all([
    baton.start(flow, 1, { id: "r" }),
    baton.start(flow, 1, { id: "r" }),
  ]);
  expect(await clock.until(Promise.all(both.map((run) => run.result())))).toEqual([1, 1]);
  expect(await clock.until((await baton.start(flow, 1, { id: "r" })).result())).toBe(1);
  expect(executed).toBe(1);
  await expectRefused(baton.start(flow, 2, { id: "r" }), "RUN_CONFLICT");
  await expectRefused(baton.start(other, 1, { id: "r" }), "RUN_CONFLICT");
  const mixed = await Promise.allSettled([
    baton.start(flow, 1, { id: "s" }),
    baton.start(flow, 2, { id: "s" }),
  ]);
  expect(mixed.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
});

test("two starts at once of a run that the journal has already both join it, or are both told of the conflict", async () => {
  const flow = single(agentOf("plus", (n: number) => n + 1));
  const { baton, clock } = await opened({ workflows: [flow] });
  await clock.until((await clock.until(baton.start(flow, 1, { id: "r" }))).result());
  const starts = (input: number) =>
    clock.until(Promise.allSettled([1, 2, 3].map(() => baton.start(flow, input, { id: "r" }))));
  expect((await starts(1)).map(({ status }) => status)).toEqual(Array(3).fill("fulfilled"));
  expect(await starts(2)).toEqual(
    Array(3).fill({
      status: "rejected",
      reason: expect.objectContaining({ code: "RUN_CONFLICT" }),
    }),
  );
});

test("an input that breaks the contract is a refused run in the journal, whose id is taken", async () => {
  const flow = single(echo);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.startUntyped(flow, "one", { id: "r" });
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "refused",
    violations: [{ contract: "count@1.0.0" }],
  });
  await expectRefused(run.result(), "RUN_REFUSED");
  expect(await journalOf(baton, "r")).toEqual(["run.refused"]);
  expect((await baton.runs())[0]).toMatchObject({ id: "r", status: "refused" });
  await expectRefused(baton.start(flow, 1, { id: "r" }), "RUN_CONFLICT");
  const again = await baton.startUntyped(flow, "one", { id: "r" });
  expect(await clock.until(again.outcome())).toMatchObject({ kind: "refused" });
  await expectRefused(baton.startUntyped(flow, "another", { id: "r" }), "RUN_CONFLICT");
  await baton.startUntyped(flow, Number.NaN, { id: "s" });
  await baton.startUntyped(flow, Number.NaN, { id: "s" });
});

test("ids that can't be part of a stream's name are refused, and so are authors that are no text", async () => {
  const flow = single(echo);
  const { baton } = await opened({ workflows: [flow] });
  for (const id of ["", " ", "/a", "a b", "a\n", "x".repeat(201), "\ud800"]) {
    await expectRefused(baton.start(flow, 1, { id }), "ARGUMENT_INVALID");
  }
  const by = { kind: "person", id: "\ud800" } as const;
  await expectRefused(baton.start(flow, 1, { by }), "ARGUMENT_INVALID");
  await baton.start(flow, 1, { id: "r" });
  await expectRefused(baton.cancel("r", { by, reason: "x" }), "ARGUMENT_INVALID");
  await expectRefused(baton.cancel("r", { by: ADA, reason: "\ud800" }), "ARGUMENT_INVALID");
});

test("the id of a child run does not make somebody else's run its child, and a long parent's id has children too", async () => {
  const inner = single(twice, "inner");
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("sub", inner, { input: ({ input }) => input })
    .output(({ sub }) => sub);
  const { baton, clock } = await opened({ workflows: [outer, inner] });
  await clock.until((await baton.start(inner, 1, { id: "p/sub" })).result());
  expect(await clock.until((await baton.start(outer, 1, { id: "p" })).outcome())).toMatchObject({
    kind: "failed",
    error: { code: "RUN_CONFLICT" },
  });
  const long = "p".repeat(200);
  expect(await clock.until((await baton.start(outer, 1, { id: long })).result())).toBe(2);
});

test("runs over the limit queue, durably started, and parents that wait for children leave their places to them", async () => {
  let now = 0;
  let most = 0;
  const busy = agentOf("busy", async (n: number) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise<void>((resolve) => setImmediate(resolve));
    now -= 1;
    return n + 1;
  });
  const inmost = single(busy, "inmost");
  const inner = workflow("inner", "1.0.0", { input: count })
    .subflow("y", inmost, { input: ({ input }) => input })
    .output(({ y }) => y);
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("z", inner, { input: ({ input }) => input })
    .step("end", busy, { needs: ["z"], input: ({ z }) => z })
    .output(({ end }) => end);
  const { baton, clock } = await opened({
    workflows: [outer],
    limits: { concurrentRunsMax: 1 },
  });
  const runs = await Promise.all([1, 2, 3, 4, 5].map((n) => baton.start(outer, n)));
  expect(await clock.until(Promise.all(runs.map((run) => run.result())))).toEqual([3, 4, 5, 6, 7]);
  expect(most).toBe(1);
});

test("promise 11: a time that comes while a run stands in the queue wakes it when it has a place, without spinning", async () => {
  const held = gate();
  const hold = workflow("holding", "1.0.0", { input: count })
    .step(
      "h",
      agentOf("hold", () => held.promise),
      { input: () => 1 },
    )
    .output(() => 1);
  const nap = workflow("napping", "1.0.0", { input: count })
    .sleep("nap", { for: "10m" })
    .output(() => 2);
  let loads = 0;
  const inner = memory();
  const store: StoreFactory = async (mode) => {
    const made = await inner(mode);
    return {
      ...made,
      read: (...what) => {
        loads += 1;
        return made.read(...what);
      },
    };
  };
  const { baton, clock } = await opened({
    workflows: [hold, nap],
    store,
    limits: { concurrentRunsMax: 1 },
  });
  const run = await baton.start(nap, 1);
  await clock.settle();
  await baton.start(hold, 1);
  await clock.advance(3_600_000);
  expect(loads).toBeLessThan(20);
  held.open();
  expect(await clock.until(run.result())).toBe(2);
});

test("promise 4: after a restart, with places for one run only, parents and their children all go on", async () => {
  const held = gate();
  const slow = agentOf("slow", async (n: number) => {
    await held.promise;
    return n;
  });
  const inner = single(slow, "inner");
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("z", inner, { input: ({ input }) => input })
    .output(({ z }) => z);
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [outer], store }, clock);
  for (const n of [1, 2, 3]) await one.baton.start(outer, n, { id: `r${n}` });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 0 }));
  held.open();
  const two = await opened({ workflows: [outer], store, limits: { concurrentRunsMax: 1 } }, clock);
  const results = [1, 2, 3].map(async (n) => (await two.baton.run(`r${n}`)).result());
  expect(await clock.until(Promise.all(results))).toEqual([1, 2, 3]);
});

test("cancelling goes down to the child run also when the parent was loaded anew", async () => {
  const held = gate();
  const hang = agentOf("hang", async (n: number, ctx) => {
    ctx.signal.addEventListener("abort", () => held.open());
    await held.promise;
    return n;
  });
  const inner = single(hang, "inner");
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("z", inner, { input: ({ input }) => input })
    .output(({ z }) => z);
  // The process dies once the parent's `run.cancelling` is in the journal.
  const store = memory();
  const clock = virtualClock();
  const faulty = faultyStore(store, (_, { streams }) =>
    streams.some(({ entries }) => entries.some(({ text }) => text.includes("run.cancelling")))
      ? "crashAfter"
      : "commit",
  );
  const one = await opened({ workflows: [outer], store: faulty.factory }, clock);
  await one.baton.start(outer, 1, { id: "p" });
  await clock.settle();
  void one.baton.cancel("p", { by: ADA, reason: "enough" });
  await clock.until(faulty.crashed);
  expect((await journalAfter(store, "p")).at(-1)).toBe("run.cancelling");
  const two = await opened({ workflows: [outer], store }, virtualClock(clock.now()));
  const run = await two.baton.run("p");
  expect(await two.clock.until(run.outcome())).toMatchObject({ kind: "cancelled" });
  expect((await journalOf(two.baton, "p/z")).at(-1)).toBe("run.cancelled");
});

async function journalAfter(store: StoreFactory, run: string): Promise<readonly string[]> {
  const reader = await open({ store, workflows: [], readOnly: true });
  const journal = await journalOf(reader, run);
  await reader.close();
  return journal;
}

test("promise 5: an engine whose store was taken over rejects everything and appends nothing", async () => {
  const store = memory();
  const held = gate<number>();
  const flow = workflow("long", "1.0.0", { input: count })
    .step(
      "a",
      agentOf("slow", () => held.promise),
      { input: () => 1 },
    )
    .step("b", echo, { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  const one = await opened({ workflows: [flow], store });
  const run = await one.baton.start(flow, 1, { id: "r" });
  const result = run.result();
  result.catch(() => {});
  const watching = (async () => {
    for await (const _ of one.baton.watch("r")) {
      // Ends when the store is taken over.
    }
  })();
  await one.clock.settle();
  // The old one hangs: its clock stands still. The new one watches its heartbeat, and takes over.
  const held2 = virtualClock();
  const two = await opened({ workflows: [flow], store, standby: true }, held2);
  held.open(5);
  await one.clock.settle();
  await expectRefused(result, "STORE_FENCED");
  await one.clock.until(watching);
  await expectRefused(one.baton.start(flow, 1), "STORE_FENCED");
  await expectRefused(one.baton.cancel("r", { by: ADA, reason: "x" }), "STORE_FENCED");
  await expectRefused(run.result(), "STORE_FENCED");
  for await (const _ of one.baton.watch("r")) {
    // Watching a run that this engine no longer has ends with what is there.
  }
  expect(await two.clock.until((await two.baton.run("r")).result())).toBe(5);
  const epochs = (await entriesOf(two.baton, "r")).map(({ epoch }) => epoch);
  expect(epochs).toEqual([1, 2, 2, 2, 2]);
});

test("promise 5: an engine that renews its lease in vain stops, though it has nothing to append; one that renews is not taken over", async () => {
  const store = memory();
  const flow = workflow("waiting", "1.0.0", { input: count })
    .approval("ok", { show: () => 1, timeout: "24h" })
    .output(() => 1);
  const clock = virtualClock();
  const one = await opened({ workflows: [flow], store }, clock);
  const result = (await one.baton.start(flow, 1, { id: "r" })).result();
  result.catch(() => {});
  let taken = false;
  void open({ store, workflows: [flow], standby: true, clock }).then(async (third) => {
    taken = true;
    await third.close();
  });
  await clock.advance(60_000);
  expect(taken).toBe(false);
  // The first clock stands still from here on, so that its engine does not renew.
  await opened({ workflows: [flow], store, standby: true }, virtualClock());
  await clock.advance(2_000);
  await expectRefused(result, "STORE_FENCED");
});

test("a second process is told who has the store, and may read beside it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-lifecycle-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const store = sqlite(join(folder, "a.db"));
  const flow = workflow("asking", "1.0.0", { input: count })
    .approval("ok", { show: () => 1, timeout: "24h" })
    .output(({ ok }) => ok.approved);
  const one = await opened({ workflows: [flow], store });
  await one.baton.start(flow, 1, { id: "r" });
  await expectRefused(open({ store, workflows: [flow] }), "STORE_IN_USE");
  const reader = await opened({ workflows: [flow], store, readOnly: true });
  await expectRefused(reader.baton.start(flow, 1), "STORE_READ_ONLY");
  const seen: string[] = [];
  const watching = (async () => {
    for await (const item of reader.baton.watch("r", { fromSeq: 1 })) {
      if (item.kind === "entry") seen.push(item.entry.kind);
    }
  })();
  const outcome = (await reader.baton.run("r")).result();
  await reader.clock.advance(1_000);
  expect(seen).toEqual(["step.opened"]);
  await one.baton.approve("r", "ok", { approved: true, by: ADA });
  await one.clock.settle();
  expect(await reader.clock.until(outcome)).toBe(true);
  await reader.clock.until(watching);
  expect(seen).toEqual(["step.opened", "signal.received", "step.sealed", "run.completed"]);
});

test("closing lets attempts end, seals what they give, and begins nothing; the next process goes on", async () => {
  const held = gate();
  const begun: string[] = [];
  const slow = agentOf("slow", async (n: number, ctx) => {
    begun.push(ctx.path);
    await held.promise;
    return n;
  });
  const flow = workflow("two", "1.0.0", { input: count })
    .step("a", slow, { input: ({ input }) => input })
    .step("b", slow, { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [flow], store }, clock);
  const run = await one.baton.start(flow, 3, { id: "r" });
  await clock.settle();
  const result = run.result();
  result.catch(() => {});
  const watching = (async () => {
    for await (const _ of one.baton.watch("r")) {
      // Ends when Baton is closed.
    }
  })();
  const closing = one.baton.close({ graceMs: 10_000 });
  await clock.advance(1_000);
  await expectRefused(one.baton.start(flow, 1), "STORE_CLOSED");
  held.open();
  await clock.until(closing);
  await clock.until(watching);
  await expectRefused(result, "STORE_CLOSED");
  await one.baton.close();
  expect(begun).toEqual(["a"]);
  const two = await opened({ workflows: [flow], store }, clock);
  expect(await journalOf(two.baton, "r")).toContain("step.sealed a");
  expect(await clock.until((await two.baton.run("r")).result())).toBe(3);
  expect(begun).toEqual(["a", "b"]);
});

test("an attempt that outlives the grace is aborted, and is executed again by the next process", async () => {
  const aborted: string[] = [];
  let hangs = true;
  const slow = agentOf("slow", async (n: number, ctx) => {
    if (hangs) {
      await new Promise<void>((resolve) => {
        ctx.signal.addEventListener("abort", () => {
          aborted.push(ctx.path);
          resolve();
        });
      });
    }
    return n;
  });
  const flow = single(slow);
  const store = memory();
  const clock = virtualClock();
  const one = await opened({ workflows: [flow], store }, clock);
  await one.baton.start(flow, 3, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 100 }));
  expect(aborted).toEqual(["a"]);
  hangs = false;
  const two = await opened({ workflows: [flow], store }, clock);
  expect(await clock.until((await two.baton.run("r")).result())).toBe(3);
  expect(await journalOf(two.baton, "r")).toEqual([
    "run.started",
    "run.resumed",
    "step.sealed a",
    "run.completed",
  ]);
});

test("a start whose append is under way when Baton is closed is settled one way or the other", async () => {
  const flow = single(echo);
  const { baton, clock } = await opened({ workflows: [flow] });
  const starting = baton.start(flow, 1).then(
    () => "started",
    (error: { readonly code: string }) => error.code,
  );
  const closing = baton.close({ graceMs: 0 });
  expect(["started", "STORE_CLOSED"]).toContain(await clock.until(starting));
  await clock.until(closing);
});

test("a watcher from after a run's end is told that nothing comes; one of a run that is yet to come waits", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-lifecycle-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const store = sqlite(join(folder, "a.db"));
  const flow = single(echo);
  const one = await opened({ workflows: [flow], store });
  const beside = await opened({ workflows: [flow], store, readOnly: true });
  const watch = async ({ baton }: typeof one, run: string, fromSeq: number) => {
    const seqs: number[] = [];
    for await (const item of baton.watch(run, { fromSeq }))
      if (item.kind === "entry") seqs.push(item.entry.seq);
    return seqs;
  };
  const here = watch(one, "r", 1);
  const there = Promise.all([watch(beside, "r", 2), watch(beside, "r", 7)]);
  await beside.clock.advance(1_000);
  const run = await one.baton.start(flow, 1, { id: "r" });
  await one.clock.until(run.result());
  expect(await one.clock.until(here)).toEqual([1, 2]);
  expect(await beside.clock.until(there)).toEqual([[2], []]);
  for (const each of [one, beside]) expect(await each.clock.until(watch(each, "r", 3))).toEqual([]);
});

test("a watcher gets every entry once, in order, from the sequence number it names, and may leave", async () => {
  const held = gate();
  const slow = agentOf("slow", async (n: number) => {
    await held.promise;
    return n;
  });
  const flow = single(slow);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  const watch = async (fromSeq: number, signal?: AbortSignal) => {
    const seqs: number[] = [];
    const options = signal === undefined ? { fromSeq } : { fromSeq, signal };
    for await (const item of baton.watch("r", options)) {
      if (item.kind === "entry") seqs.push(item.entry.seq);
    }
    return seqs;
  };
  const leaver = new AbortController();
  const watching = Promise.all([watch(0), watch(1), watch(9, leaver.signal)]);
  await clock.settle();
  held.open();
  await clock.until(run.result());
  leaver.abort();
  expect(await clock.until(watching)).toEqual([[0, 1, 2], [1, 2], []]);
  expect(await watch(0)).toEqual([0, 1, 2]);
  await expectRefused(
    (async () => {
      for await (const _ of baton.watch("nobody")) {
        // There is no such run.
      }
    })(),
    "RUN_NOT_FOUND",
  );
});
