/** Deliveries that go wrong: dead letters that a person settles, child runs that fail, processes that die of them. */
import { choreography, contract, memory, on, to, topic, workflow } from "baton";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type Life, nextLife } from "../support/mortal.ts";
import { ADA, agentOf, count, gate, journalOf, opened, payloadsOf } from "../support/opened.ts";

const Number_ = contract("number", "1.0.0", z.number());
const Asked = topic("asked", Number_);
const Answered = topic("answered", Number_);
const Failed = topic("failed", Number_);
const BY = { by: ADA, reason: "it is so" };

function answering(answer: (n: number) => number | Promise<number>, attempts = 1) {
  const answerer = agentOf<number, number>("answerer", answer, { attempts });
  return choreography("answering", "1.0.0", {
    starts: Asked,
    ends: Answered,
    deadline: "1h",
    subscriptions: {
      answer: on(Asked, answerer, {
        input: ({ event }) => event,
        requires: { "it is positive": ({ event }) => event > 0 },
        publishes: to(Answered, (n) => (n === 13 ? -1 : n)),
      }),
    },
  });
}

describe("a dead letter", () => {
  test("is settled by hand: its output is sealed in its place, and published", async () => {
    const flow = answering(() => 1);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await clock.until(baton.start(flow, -5, { id: "r" }));
    await clock.settle();
    await clock.until(baton.resolveStep("r", "answer#1", { ...BY, action: "done", output: 7 }));
    expect(await clock.until(run.result())).toBe(7);
    expect(await clock.until(journalOf(baton, "r"))).toEqual([
      "run.started",
      "event.published input",
      "handoff.refused answer#1",
      "step.parked answer#1",
      "step.resolved answer#1",
      "step.sealed answer#1",
      "event.published answer#1",
      "run.completed",
    ]);
    expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  });

  test("is discarded: its delivery is passed over, and the run waits for its end", async () => {
    const flow = answering(() => 1);
    const { baton, clock } = await opened({ workflows: [flow] });
    await clock.until(baton.start(flow, -5, { id: "r" }));
    await clock.settle();
    await clock.until(baton.resolveStep("r", "answer#1", { ...BY, action: "fail" }));
    await clock.settle();
    expect(await clock.until(payloadsOf(baton, "r", "step.skipped"))).toEqual([
      { reason: "discarded" },
    ]);
    expect(await clock.until(baton.runs({}))).toMatchObject([{ status: "waiting" }]);
  });

  test("is tried again, with the agent's attempts anew", async () => {
    let broken = true;
    const flow = answering((n) => {
      if (broken) throw new Error("not now");
      return n;
    }, 2);
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await clock.until(baton.start(flow, 5, { id: "r" }));
    await clock.advance(1_000);
    broken = false;
    await clock.until(baton.resolveStep("r", "answer#1", { ...BY, action: "retry" }));
    expect(await clock.until(run.result())).toBe(5);
  });
});

describe("a run that a delivery has begun", () => {
  function nested(answer: (n: number) => number) {
    const inner = workflow("inner", "1.0.0", { input: count, output: count })
      .step("answer", agentOf<number, number>("answerer", answer), {
        input: ({ input }) => input,
      })
      .output(({ answer: given }) => given);
    return choreography("outer", "1.0.0", {
      starts: Asked,
      ends: Answered,
      deadline: "1h",
      subscriptions: {
        answer: on(Asked, inner, { input: ({ event }) => event, publishes: Answered }),
      },
    });
  }

  test("is a dead letter where it fails, and stays one over a restart; tried again it is another run", async () => {
    let broken = true;
    const flow = () =>
      nested((n) => {
        if (broken) throw new Error("not now");
        return n;
      });
    const store = memory();
    const outer = flow();
    const first = await opened({ workflows: [outer], store });
    await first.clock.until(first.baton.start(outer, 5, { id: "r" }));
    await first.clock.settle();
    await first.clock.until(first.baton.close({ graceMs: 0 }));
    const { baton, clock } = await opened({ workflows: [flow()], store });
    await clock.advance(1_000);
    const parked = (await clock.until(journalOf(baton, "r"))).filter((said) =>
      said.startsWith("step.parked"),
    );
    expect(parked).toEqual(["step.parked answer#1"]);
    broken = false;
    await clock.until(baton.resolveStep("r", "answer#1", { ...BY, action: "retry" }));
    const run = await clock.until(baton.run("r"));
    expect(await clock.until(run.result())).toBe(5);
    const runs = (await clock.until(baton.runs({}))).map(({ id }) => id).sort();
    expect(runs).toEqual(["r", "r/answer#1", "r/answer#1~1"]);
    expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  });

  test("promise 6: is taken back with the rest where a failure event comes", async () => {
    const undone: string[] = [];
    const acting = (name: string) => agentOf<number, number>(name, (n) => n);
    const undoing = (name: string) => ({
      ...acting(name),
      compensate: (n: unknown) => void undone.push(`${name} ${String(n)}`),
    });
    const inner = workflow("inner", "1.0.0", { input: count, output: count })
      .step("book", undoing("booking"), { input: ({ input }) => input })
      .output(({ book }) => book);
    const flow = choreography("outer", "1.0.0", {
      starts: Asked,
      failsOn: Failed,
      subscriptions: {
        book: on(Asked, inner, { input: ({ event }) => event, publishes: Answered }),
        pay: on(Answered, undoing("paying"), {
          input: ({ event }) => event,
          publishes: to(Failed, (n) => n),
        }),
      },
    });
    const { baton, clock } = await opened({ workflows: [flow] });
    const run = await clock.until(baton.start(flow, 5, { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({ kind: "compensated" });
    expect(undone).toEqual(["paying 5", "booking 5"]);
  });
});

test("promise 11: a delivery that kills its process is a dead letter after a few deaths, and those beside it are not", async () => {
  const store = memory();
  let life: Life | undefined;
  const Spread = topic("spread", Number_);
  for (let deaths = 0; ; deaths += 1) {
    if (deaths > 20) throw new Error("Process after process died.");
    let flow: ReturnType<typeof make> | undefined;
    const make = (kill: () => void) =>
      choreography("deadly", "1.0.0", {
        starts: Spread,
        subscriptions: {
          deadly: on(
            Spread,
            agentOf<number, number>("deadly", async (n) => {
              kill();
              await gate().promise;
              return n;
            }),
            { input: ({ event }) => event },
          ),
          beside: on(
            Spread,
            agentOf<number, number>("beside", async (n) => {
              await new Promise((next) => setImmediate(next));
              return n;
            }),
            { input: ({ event }) => event },
          ),
        },
      });
    life = await nextLife(store, life?.clock, (process) => {
      flow = make(process.kill);
      return { workflows: [flow] };
    });
    const { baton, clock, process } = life;
    if (deaths === 0 && flow !== undefined)
      await clock.until(baton.publish(Spread, 1, { id: "e" }));
    for (let waited = 0; waited < 5 && !process.isDead(); waited += 1) await clock.advance(1_000);
    if (process.isDead()) continue;
    const said = await clock.until(journalOf(baton, "e/deadly"));
    expect(said.filter((each) => each.startsWith("step."))).toEqual([
      "step.parked deadly#1",
      "step.sealed beside#1",
    ]);
    expect(await clock.until(payloadsOf(baton, "e/deadly", "step.parked"))).toMatchObject([
      { because: "poison" },
    ]);
    await clock.until(baton.close({ graceMs: 0 }));
    return;
  }
});
