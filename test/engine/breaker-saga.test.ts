/** Where breakers and sagas meet: compensations behind a breaker, and runs that go back while they wait for one. */
import {
  agent,
  type AgentDefinition,
  type Baton,
  memory,
  open,
  type OpenOptions,
  type StoreFactory,
  workflow,
  type WorkflowDefinition,
} from "baton";
import { type Fault, faultyStore, VIRTUAL_START_MS, virtualClock } from "baton/testing";
import { describe, expect, test } from "vitest";
import { verifyText } from "../../tools/verify-journal.mjs";
import {
  ADA,
  agentOf,
  anything,
  count,
  gate,
  journalOf,
  opened,
  payloadsOf,
} from "../support/opened.ts";
import { undoing, type UndoingMore, undone } from "../support/undoing.ts";

const boom = agentOf("boom", (): number => {
  throw new Error("it broke");
});

/** A payment that can be undone, behind the breaker `bank`; then a step that fails. */
function paying(acts: string[], more: UndoingMore<number, number>) {
  const pay = undoing<number>("pay", acts, more);
  return workflow("paying", "1.0.0", { input: count })
    .step("pay", pay, { input: ({ input }) => input })
    .approval("sure", { needs: ["pay"], remindEvery: "1d", show: ({ pay: paid }) => paid })
    .step("end", boom, { needs: ["sure", "pay"], input: ({ pay: paid }) => paid })
    .output(({ end }) => end);
}

/** Opened, paid, and waiting for the approval that lets it fail. */
async function paid(more: UndoingMore<number, number>, options: Partial<OpenOptions> = {}) {
  const acts: string[] = [];
  const flow = paying(acts, more);
  const made = await opened({ workflows: [flow], ...options });
  const run = await made.baton.start(flow, 1, { id: "r" });
  await made.clock.advance(100);
  return { ...made, acts, flow, run };
}

async function verified(baton: Baton, run: string): Promise<void> {
  expect((await baton.verify()).problems).toEqual([]);
  const lines: string[] = [];
  for await (const line of baton.export(run)) lines.push(line);
  expect(verifyText(lines.join("")).problems).toEqual([]);
  expect(await baton.replay(run)).toMatchObject({ same: true });
}

const stand = agentOf("stand", (n: number) => n);

describe("a compensation whose breaker is open", () => {
  test.each([
    ["wait", "wait" as const],
    ["fail", "fail" as const],
    ["a fallback", { fallback: stand as AgentDefinition }],
  ])("waits where calls say %s, recorded once, and goes on when it is closed", async (_, how) => {
    const { baton, clock, acts, run } = await paid({
      // The types of the fallback are those of the agent: both take anything.
      breaker: { name: "bank", failures: 1, cooldown: "10s", whenOpen: how as "wait" },
    });
    await baton.openBreaker("bank", { by: ADA, reason: "maintenance" });
    await baton.approve("r", "sure", { approved: true, by: ADA });
    await clock.advance(300_000);
    expect((await journalOf(baton, "r")).slice(-3)).toEqual([
      "step.failed end",
      "run.compensating",
      "compensation.held pay",
    ]);
    expect((await baton.breakers())[0]).toMatchObject({ state: "open", waitingRuns: 1 });
    expect(await baton.report("r")).toMatchObject({
      status: "compensating",
      rollback: { compensations: [{ path: "pay", status: "retrying", gate: "breaker/bank" }] },
    });
    await baton.closeBreaker("bank", { by: ADA, reason: "they are back" });
    const closedAt = clock.now();
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    // It was woken, and did not wait for its own time.
    expect(clock.now()).toBe(closedAt);
    expect(undone(acts)).toEqual(["pay"]);
    expect((await journalOf(baton, "r")).slice(-2)).toEqual([
      "compensation.sealed pay",
      "run.compensated",
    ]);
    const { rollback } = await baton.report("r");
    expect(rollback?.compensations).toEqual([
      expect.objectContaining({ path: "pay", status: "done", attempts: 1 }),
    ]);
    expect(rollback?.compensations[0]).not.toHaveProperty("breaker");
    await verified(baton, "r");
  });

  test("is a probe like any call: its failures open the breaker, its success closes it", async () => {
    const bank = { down: true, calls: 0 };
    const { baton, clock, run } = await paid({
      breaker: { name: "bank", failures: 2, cooldown: "10s" },
      compensation: { attempts: 10 },
      compensate: () => {
        bank.calls += 1;
        if (bank.down) throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
      },
    });
    await baton.approve("r", "sure", { approved: true, by: ADA });
    await clock.advance(25_000);
    expect(bank.calls).toBe(2 + 2);
    expect((await baton.breakers())[0]).toMatchObject({ state: "open", openedCount: 3 });
    bank.down = false;
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    expect((await journalOf(baton, "r")).slice(-9)).toEqual([
      "compensation.failed pay 1",
      "compensation.failed pay 2",
      "compensation.held pay",
      "compensation.failed pay 3",
      "compensation.held pay",
      "compensation.failed pay 4",
      "compensation.held pay",
      "compensation.sealed pay",
      "run.compensated",
    ]);
    expect(await payloadsOf(baton, "r", "compensation.failed")).toMatchObject([
      {},
      { breaker: { name: "bank", to: "open" } },
      { breaker: { name: "bank", probe: true, to: "open" } },
      { breaker: { name: "bank", probe: true, to: "open" } },
    ]);
    expect(await payloadsOf(baton, "r", "compensation.sealed")).toMatchObject([
      { breaker: { name: "bank", probe: true, to: "closed" } },
    ]);
    expect((await baton.breakers())[0]).toMatchObject({ state: "closed" });
    await verified(baton, "r");
  });

  test("promise 6: a process may die before or after any append while it waits; it is recorded once", async () => {
    const live = async (store: StoreFactory, fault: (append: number) => Fault, startMs: number) => {
      const faulty = faultyStore(store, fault);
      const clock = virtualClock(startMs);
      let calls = 0;
      const flow = paying([], {
        breaker: { name: "bank", failures: 1, cooldown: "10s" },
        compensation: { attempts: 10 },
        compensate: () => {
          calls += 1;
          if (faulty.isDead() || clock.now() < VIRTUAL_START_MS + 25_000) throw new Error("down");
        },
      });
      const work = async () => {
        const baton = await open({ store: faulty.factory, workflows: [flow], clock });
        const run = await baton.start(flow, 1, { id: "r" });
        const signals = await journalOf(baton, "r");
        if (!signals.includes("signal.received sure"))
          await baton.approve("r", "sure", { approved: true, by: ADA });
        await run.outcome();
        await baton.close({ graceMs: 0 });
      };
      const ended = work().then(
        () => true,
        (error: unknown) => {
          if (faulty.isDead()) return false;
          throw error;
        },
      );
      const isOver = await clock.until(Promise.race([ended, faulty.crashed.then(() => false)]));
      return { isOver, appends: faulty.appends(), endMs: clock.now(), calls };
    };
    const { isOver, appends } = await live(memory(), () => "commit", VIRTUAL_START_MS);
    expect(isOver).toBe(true);
    expect(appends).toBeGreaterThan(8);
    for (const how of ["crashBefore", "crashAfter"] as const) {
      for (let at = 1; at <= appends; at += 1) {
        const store = memory();
        const first = await live(store, (n) => (n === at ? how : "commit"), VIRTUAL_START_MS);
        const second = await live(store, () => "commit", first.endMs + 60_000);
        expect(second.isOver).toBe(true);
        const baton = await open({ store, workflows: [], readOnly: true });
        const journal = await journalOf(baton, "r");
        expect(journal.at(-1)).toBe("run.compensated");
        expect(journal.filter((each) => each === "compensation.sealed pay")).toHaveLength(1);
        expect((await baton.verify()).problems).toEqual([]);
        await baton.close();
      }
    }
  });

  test("that is made again after a pause keeps the engine from nothing while it is under way", async () => {
    const slow = gate();
    const { baton, clock, run } = await paid({
      compensation: { attempts: 3 },
      compensate: async (_input, _output, { attempt }) => {
        if (attempt === 1) throw new Error("once more");
        await slow.promise;
      },
    });
    await baton.approve("r", "sure", { approved: true, by: ADA });
    await clock.advance(60_000);
    expect((await baton.report("r")).status).toBe("compensating");
    slow.open();
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
  });

  test("is waited for by the process after this one too", async () => {
    const clock = virtualClock();
    const store = memory({ now: () => clock.now() });
    const breaker = { name: "bank", failures: 1, cooldown: "10s" } as const;
    const { baton, acts, flow } = await paid({ breaker }, { clock, store });
    await baton.openBreaker("bank", { by: ADA, reason: "maintenance" });
    await baton.approve("r", "sure", { approved: true, by: ADA });
    await clock.advance(1_000);
    await clock.until(baton.close());
    const next = await opened({ workflows: [flow], clock, store });
    await clock.advance(5_000);
    expect(undone(acts)).toEqual([]);
    await next.baton.closeBreaker("bank", { by: ADA, reason: "they are back" });
    await clock.advance(30_000);
    expect(undone(acts)).toEqual(["pay"]);
    expect((await next.baton.report("r")).status).toBe("compensated");
    await verified(next.baton, "r");
  });
});

/** A payment that can be undone, beside a call that meets an open breaker. */
function besideHeld(acts: string[], calls: string[]) {
  const pay = undoing<number>("pay", acts);
  const ask = agent({
    name: "ask",
    version: "1.0.0",
    input: anything,
    output: anything,
    breaker: { name: "bureau", failures: 1, cooldown: "10s" },
    execute: (input, { run }) => {
      calls.push(run);
      return input;
    },
    compensate: () => {
      acts.push("undo ask");
    },
  });
  return workflow("beside", "1.0.0", { input: count })
    .step("pay", pay, { input: ({ input }) => input })
    .step("ask", ask, { needs: ["pay"], input: ({ pay: paid }) => paid })
    .approval("sure", { needs: ["pay"], remindEvery: "1d", show: ({ pay: paid }) => paid })
    .step("end", boom, {
      needs: ["sure", "pay"],
      when: ({ sure }) => sure.approved,
      input: ({ pay: paid }) => paid,
    })
    .output(({ ask: answer }) => answer);
}

async function besideOpened() {
  const acts: string[] = [];
  const calls: string[] = [];
  const flow = besideHeld(acts, calls);
  const made = await opened({ workflows: [flow] });
  await made.baton.openBreaker("bureau", { by: ADA, reason: "maintenance" });
  const run = await made.baton.start(flow, 1, { id: "r" });
  await made.clock.advance(1_000);
  expect((await journalOf(made.baton, "r")).at(-1)).toMatch(/attempt.held ask|step.opened sure/);
  return { ...made, acts, calls, run, flow };
}

describe("a run that waits for an open breaker", () => {
  test("goes back when it is cancelled, and what was held is not undone: it was never made", async () => {
    const { baton, clock, acts, calls, run } = await besideOpened();
    await baton.cancel("r", { by: ADA, reason: "too slow" });
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    expect(undone(acts)).toEqual(["pay"]);
    expect(acts).not.toContain("undo ask");
    await clock.advance(100_000);
    expect(calls).toEqual([]);
    expect((await baton.breakers())[0]).toMatchObject({ waitingRuns: 0 });
    expect((await baton.report("r")).steps.find(({ path }) => path === "ask")).not.toHaveProperty(
      "waitsFor",
    );
    await verified(baton, "r");
  });

  test("goes back when another step fails meanwhile", async () => {
    const { baton, clock, acts, calls, run } = await besideOpened();
    await baton.approve("r", "sure", { approved: true, by: ADA });
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated", step: "end" });
    expect(undone(acts)).toEqual(["pay"]);
    await baton.closeBreaker("bureau", { by: ADA, reason: "they are back" });
    await clock.advance(100_000);
    expect(calls).toEqual([]);
    await verified(baton, "r");
  });

  test("does not stand in the queue before others once it goes back, also if that takes a person", async () => {
    const acts: string[] = [];
    const bureau = { down: true };
    const pay = undoing<number>("pay", acts, {
      compensate: () => {
        throw new Error("the bank is closed");
      },
    });
    const ask = agentOf("ask", (n: number) => {
      if (bureau.down) throw new Error("no answer");
      return n;
    });
    const guarded = agent({
      name: "ask",
      version: "2.0.0",
      input: anything,
      output: anything,
      retry: { attempts: 100 },
      breaker: { name: "bureau", failures: 1, cooldown: "10s" },
      execute: (input, context) => ask.execute(input as never, context),
    });
    const flow: WorkflowDefinition = workflow("queue", "1.0.0", { input: count })
      .step("pay", pay, { input: ({ input }) => input })
      .step("ask", guarded, { needs: ["pay"], input: ({ pay: paid }) => paid })
      .output(({ ask: answer }) => answer);
    const { baton, clock } = await opened({ workflows: [flow] });
    // The definition alone, without its types: what is started is checked by its contract.
    const start = (id: string) => baton.start(flow as never, 1 as never, { id });
    await start("a");
    await clock.advance(1_000);
    await start("b");
    await clock.advance(1_000);
    await baton.cancel("a", { by: ADA, reason: "too slow" });
    await clock.advance(1_000);
    const parked = await baton.report("a");
    expect(parked.status).toBe("parked");
    expect(parked.steps.find(({ path }) => path === "ask")).not.toHaveProperty("waitsFor");
    bureau.down = false;
    await clock.advance(8_000);
    expect((await baton.report("b")).status).toBe("completed");
  });
});

describe("what a fallback did", () => {
  /** `ask` is behind a breaker, with a fallback; then a step that fails. */
  function withFallback(
    acts: string[],
    fallback: UndoingMore<number, number> | undefined,
    own: UndoingMore<number, number> = {},
  ) {
    const stands =
      fallback === undefined
        ? agentOf("cached", (n: number) => n)
        : undoing<number>("cached", acts, {
            ...fallback,
            compensate: (_input, _output, { path }) => acts.push(`cached undid ${path}`),
          });
    const ask = undoing<number>("ask", acts, {
      ...own,
      attempts: 2,
      // The fallback is between contracts that take anything, as its agent is.
      breaker: { name: "bureau", failures: 1, whenOpen: { fallback: stands as never } },
      compensate: (_input, output, { path }) => acts.push(`ask undid ${path}: ${String(output)}`),
    });
    return workflow("standing-in", "1.0.0", { input: count })
      .step("ask", ask, { input: ({ input }) => input })
      .step("end", boom, { needs: ["ask"], input: ({ ask: n }) => n })
      .output(({ end }) => end);
  }

  async function outcomeOf(flow: ReturnType<typeof withFallback>) {
    const made = await opened({ workflows: [flow] });
    const run = await made.baton.start(flow, 1, { id: "r" });
    await made.clock.advance(60_000);
    return { ...made, run };
  }

  const refuse = (): number => {
    throw new Error("no answer");
  };

  test("is undone by the fallback, not by the agent that it stood in for", async () => {
    const acts: string[] = [];
    const { baton } = await outcomeOf(withFallback(acts, {}, { execute: refuse }));
    expect((await baton.report("r")).status).toBe("compensated");
    expect(acts.filter((act) => act.includes("undid"))).toEqual(["cached undid ask"]);
    await verified(baton, "r");
  });

  test("is undone by nobody where the fallback has nothing to undo", async () => {
    const acts: string[] = [];
    const { baton } = await outcomeOf(withFallback(acts, undefined, { execute: refuse }));
    expect((await baton.report("r")).status).toBe("failed");
    expect(acts).toEqual([]);
    await verified(baton, "r");
  });

  const hang = { timeout: "1s", execute: () => new Promise<number>(() => {}) } as const;

  test("does not hide that the agent may have acted before it: that is undone without an output", async () => {
    const acts: string[] = [];
    const { baton } = await outcomeOf(withFallback(acts, undefined, { ...hang, unknown: true }));
    expect((await baton.report("r")).status).toBe("compensated");
    expect(acts.filter((act) => act.includes("undid"))).toEqual(["ask undid ask: undefined"]);
    await verified(baton, "r");
  });

  test("takes a person where both may have acted and both can be undone", async () => {
    const acts: string[] = [];
    const { baton, clock } = await outcomeOf(withFallback(acts, {}, { ...hang, unknown: true }));
    expect((await baton.report("r")).status).toBe("parked");
    expect(acts.filter((act) => act.includes("undid"))).toEqual([]);
    const [letter] = await baton.deadLettersOf("r");
    expect(letter).toMatchObject({ path: "ask", what: "unknown", input: 1, output: 1 });
    expect(letter?.error.message).toContain("ask@1.0.0 and cached@1.0.0");
    await clock.until(
      baton.compensation("r", "ask", { action: "done", by: ADA, reason: "both by phone" }),
    );
    await clock.advance(1_000);
    expect((await baton.report("r")).status).toBe("compensated");
    await verified(baton, "r");
  });
});
