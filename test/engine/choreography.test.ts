import {
  agent,
  all,
  type Baton,
  choreography,
  contract,
  exponential,
  type Json,
  on,
  to,
  topic,
  workflow,
} from "baton";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ADA, opened } from "../support/opened.ts";

const Question = contract("question", "1.0.0", z.object({ text: z.string() }));
const Finding = contract(
  "finding",
  "1.0.0",
  z.object({ text: z.string(), confidence: z.number() }),
);
const Report = contract("report", "1.0.0", z.object({ report: z.string() }));
const Asked = topic("asked", Question);
const Found = topic("found", Finding);
const Checked = topic("checked", Finding);
const Written = topic("written", Report);
const Failed = topic("failed", Report);

const research = agent({
  name: "research",
  version: "1.0.0",
  input: Question,
  output: Finding,
  execute: ({ text }) => ({
    text: `about ${text}`,
    confidence: text.startsWith("vague") ? 0.5 : 0.9,
  }),
});
const writing = agent({
  name: "writing",
  version: "1.0.0",
  input: Finding,
  output: Report,
  execute: ({ text }) => ({ report: text.toUpperCase() }),
});
const requires = {
  "confidence is at least 0.7": ({ event }: { readonly event: { readonly confidence: number } }) =>
    event.confidence >= 0.7,
};
const report = choreography("research-report", "1.0.0", {
  starts: Asked,
  ends: Written,
  deadline: "10m",
  subscriptions: {
    research: on(Asked, research, { publishes: Found }),
    writing: on(Found, writing, { requires, publishes: Written }),
  },
});

async function saidOf(baton: Baton, run: string): Promise<readonly string[]> {
  const said: string[] = [];
  for await (const { entry } of baton.entries(run))
    said.push(`${entry.kind} ${entry.path ?? ""}`.trim());
  return said;
}

async function dataOn(baton: Baton, run: string, name: string): Promise<readonly Json[]> {
  const found: Json[] = [];
  for await (const { entry, value } of baton.entries(run))
    if (entry.kind === "event.published" && entry.payload["topic"] === name)
      found.push(value ?? null);
  return found;
}

describe("a choreography", () => {
  test("is a run: each delivery is sealed with the events that follow from it", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    const run = await clock.until(baton.start(report, { text: "owls" }, { id: "r" }));
    expect(await clock.until(run.result())).toEqual({ report: "ABOUT OWLS" });
    expect(await saidOf(baton, "r")).toEqual([
      "run.started",
      "event.published input",
      "step.sealed research#1",
      "event.published research#1",
      "step.sealed writing#3",
      "event.published writing#3",
      "run.completed",
    ]);
    expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  });

  test("a refused handoff waits for a person, who may pass it over; then the run waits for its end", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    await clock.until(baton.start(report, { text: "vague" }, { id: "r" }));
    await clock.settle();
    expect((await saidOf(baton, "r")).slice(-2)).toEqual([
      "handoff.refused writing#3",
      "step.parked writing#3",
    ]);
    expect(await clock.until(baton.runs({}))).toMatchObject([{ id: "r", status: "parked" }]);
  });

  test("an event goes to all who subscribe, and several can be gathered", async () => {
    const gathering = choreography("gathering", "1.0.0", {
      starts: Asked,
      ends: Written,
      deadline: "10m",
      subscriptions: {
        research: on(Asked, research, { publishes: Found }),
        check: on(Asked, research, { publishes: Checked }),
        writing: on(all({ found: Found, checked: Checked }), writing, {
          input: ({ found, checked }) => ({
            text: `${found.text} and ${checked.text}`,
            confidence: 1,
          }),
          within: "1m",
          publishes: Written,
        }),
      },
    });
    const { baton, clock } = await opened({ workflows: [gathering] });
    const run = await clock.until(baton.start(gathering, { text: "owls" }, { id: "r" }));
    expect(await clock.until(run.result())).toEqual({ report: "ABOUT OWLS AND ABOUT OWLS" });
  });

  test("what is missing when the time is over fails the run, or is gone on without", async () => {
    const parts = {
      research: on(Asked, research, { publishes: Found }),
      check: on(Asked, research, { when: () => false, publishes: Checked }),
    };
    const both = all({ found: Found, checked: Checked });
    const frame = { starts: Asked, ends: Written, deadline: "10m" } as const;
    const goOn = choreography("without", "1.0.0", {
      ...frame,
      subscriptions: {
        ...parts,
        writing: on(both, writing, {
          within: "1m",
          onMissing: "goOn",
          input: ({ found, checked }) => ({
            text: `${found?.text} and ${String(checked === undefined)}`,
            confidence: 1,
          }),
          publishes: Written,
        }),
      },
    });
    const fail = choreography("not-without", "1.0.0", {
      ...frame,
      subscriptions: {
        ...parts,
        writing: on(both, writing, {
          within: "1m",
          input: ({ found, checked }) => ({ text: found.text, confidence: checked.confidence }),
          publishes: Written,
        }),
      },
    });
    const { baton, clock } = await opened({ workflows: [goOn, fail] });
    const one = await clock.until(baton.start(goOn, { text: "owls" }, { id: "one" }));
    expect(await clock.until(one.result())).toEqual({ report: "ABOUT OWLS AND TRUE" });
    const two = await clock.until(baton.start(fail, { text: "owls" }, { id: "two" }));
    expect(await clock.until(two.outcome())).toMatchObject({
      kind: "failed",
      error: { code: "EVENT_MISSING" },
    });
  });

  test("events of one key are handled in order, others side by side", async () => {
    const Item = contract("item", "1.0.0", z.object({ key: z.string(), n: z.int() }));
    const Items = contract("items", "1.0.0", z.array(z.object({ key: z.string(), n: z.int() })));
    const Listed = topic("listed", Items);
    const Keyed = topic("keyed", Item, { key: ({ key }) => key });
    const spread = agent({
      name: "spread",
      version: "1.0.0",
      input: Items,
      output: Items,
      execute: (items) => [...items],
    });
    const order: string[] = [];
    const slow = agent({
      name: "slow",
      version: "1.0.0",
      input: Item,
      output: Item,
      retry: { attempts: 2, backoff: exponential("1s", { jitter: 0 }) },
      execute: ({ key, n }, { attempt }) => {
        if (n === 1 && attempt === 1) throw new Error("not yet");
        order.push(`${key}${n}`);
        return { key, n };
      },
    });
    type Listing = readonly { readonly key: string; readonly n: number }[];
    const nth = (i: number) => to(Keyed, (items: Listing) => items[i]);
    const keyed = choreography("keyed", "1.0.0", {
      starts: Listed,
      subscriptions: {
        spread: on(Listed, spread, { publishes: [nth(0), nth(1), nth(2), nth(3), nth(4)] }),
        slow: on(Keyed, slow),
      },
    });
    const { baton, clock } = await opened({ workflows: [keyed] });
    const items = [
      { key: "a", n: 1 },
      { key: "b", n: 2 },
      { key: "a", n: 3 },
      { key: "b", n: 4 },
    ];
    const run = await clock.until(baton.start(keyed, items, { id: "r" }));
    await clock.until(run.result());
    expect(order).toEqual(["b2", "b4", "a1", "a3"]);
  });

  test("a loop is cut where its chain of events becomes too long, and the run fails", async () => {
    const Ping = topic("ping", Question);
    const echo = agent({
      name: "echo",
      version: "1.0.0",
      input: Question,
      output: Question,
      execute: ({ text }) => ({ text: `${text}!` }),
    });
    const loop = choreography("loop", "1.0.0", {
      starts: Ping,
      hops: 5,
      subscriptions: { echo: on(Ping, echo, { publishes: Ping }) },
    });
    const { baton, clock } = await opened({ workflows: [loop] });
    const run = await clock.until(baton.start(loop, { text: "a" }, { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({
      kind: "failed",
      step: "echo",
      error: { code: "HOPS_EXCEEDED" },
    });
    expect(await dataOn(baton, "r", "ping")).toHaveLength(6);
  });

  test("promise 6: a failure event takes back what was done, newest first", async () => {
    const undone: string[] = [];
    const acting = (name: string, output: typeof Finding | typeof Report) =>
      agent({
        name,
        version: "1.0.0",
        input: Finding,
        output: Finding,
        execute: ({ text }) => ({ text: `${text} ${name}`, confidence: output === Report ? 0 : 1 }),
        compensate: ({ text }, { text: given }) => void undone.push(`${name}: ${text} -> ${given}`),
      });
    const Start = topic("start", Finding);
    const saga = choreography("saga", "1.0.0", {
      starts: Start,
      failsOn: Failed,
      subscriptions: {
        reserve: on(Start, acting("reserve", Finding), { publishes: Found }),
        charge: on(Found, acting("charge", Finding), { publishes: Checked }),
        ship: on(Checked, acting("ship", Report), {
          publishes: [to(Failed, ({ text }) => ({ report: text }))],
        }),
      },
    });
    const { baton, clock } = await opened({ workflows: [saga] });
    const run = await clock.until(baton.start(saga, { text: "order", confidence: 1 }, { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({
      kind: "compensated",
      error: { code: "FAILURE_EVENT" },
    });
    expect(undone).toEqual([
      "ship: order reserve charge -> order reserve charge ship",
      "charge: order reserve -> order reserve charge",
      "reserve: order -> order reserve",
    ]);
  });

  test("a subscription may start a workflow, whose output is published", async () => {
    const research2 = workflow("deep-research", "1.0.0", { input: Question })
      .step("one", research, { input: ({ input }) => input })
      .output(({ one }) => one);
    const nested = choreography("nested", "1.0.0", {
      starts: Asked,
      ends: Written,
      deadline: "10m",
      subscriptions: {
        research: on(Asked, research2, {
          publishes: to(Found, ({ text, confidence }) => ({ text, confidence })),
        }),
        writing: on(Found, writing, { publishes: Written }),
      },
    });
    const { baton, clock } = await opened({ workflows: [nested] });
    const run = await clock.until(baton.start(nested, { text: "owls" }, { id: "r" }));
    expect(await clock.until(run.result())).toEqual({ report: "ABOUT OWLS" });
    expect((await clock.until(baton.runs({}))).map(({ id }) => id)).toContain("r/research#1");
  });

  test("an output whose event breaks its topic's contract is a failed attempt", async () => {
    const strict = topic(
      "strict",
      contract("strict", "1.0.0", z.object({ text: z.string(), confidence: z.number().max(0.1) })),
    );
    const broken = choreography("broken", "1.0.0", {
      starts: Asked,
      subscriptions: {
        research: on(Asked, research, {
          onFailure: "fail",
          publishes: to(strict, ({ text, confidence }) => ({ text, confidence })),
        }),
      },
    });
    const { baton, clock } = await opened({ workflows: [broken] });
    const run = await clock.until(baton.start(broken, { text: "owls" }, { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({
      kind: "failed",
      error: { code: "CONTRACT_VIOLATED" },
    });
    expect((await saidOf(baton, "r")).filter((said) => said.startsWith("attempt"))).toHaveLength(3);
  });

  test("promise 4: a run goes on from any entry, with the same events", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    await clock.until(baton.start(report, { text: "owls" }, { id: "r", by: ADA }));
    await clock.settle();
    expect(await dataOn(baton, "r", "written")).toEqual([{ report: "ABOUT OWLS" }]);
  });
});

describe("a workflow and events", () => {
  test("publishes an event, and says which; takes one that it awaits", async () => {
    const both = workflow("both", "1.0.0", { input: Question })
      .emit("said", Asked, { data: ({ input }) => input })
      .awaitEvent("heard", Asked, { needs: ["input", "said"], timeout: "1h" })
      .output(({ said, heard }) => ({ said, heard }));
    const { baton, clock } = await opened({ workflows: [both] });
    const run = await clock.until(baton.start(both, { text: "owls" }, { id: "r" }));
    expect(await clock.until(run.result())).toEqual({
      said: { id: "r@1", topic: "asked" },
      heard: { text: "owls" },
    });
    expect(await saidOf(baton, "r")).toEqual([
      "run.started",
      "event.published said",
      "step.sealed said",
      "step.opened heard",
      "step.sealed heard",
      "run.completed",
    ]);
  });
});
