import {
  agent,
  type Author,
  catalogueItems,
  choreography,
  contract,
  embeddedRegistry,
  memory,
  on,
  type OpenOptions,
  topic,
  type Workflow,
  workflow,
} from "baton";
import { faultyStore, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { GRACE, grant, registered, toGrace } from "../support/admitted.ts";
import {
  ADA,
  agentOf,
  count,
  entriesOf,
  expectRefused,
  gate,
  journalOf,
  opened,
  payloadsOf,
  single,
} from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

/** Two steps, of which the first waits for the test. */
function twoSteps() {
  const first = gate();
  const called: string[] = [];
  const one = agentOf("one", async (n: number) => {
    called.push("one");
    await first.promise;
    return n;
  });
  const two = agentOf(
    "two",
    (n: number) => {
      called.push("two");
      return n + 1;
    },
    { attempts: 3 },
  );
  const flow = workflow("two-steps", "1.0.0", { input: count })
    .step("a", one, { input: ({ input }) => input })
    .step("b", two, { needs: ["a"], input: ({ a }) => a })
    .output(({ b }) => b);
  return { flow, first, called };
}

test("a revoked grant stops the next call, at once and for good, and the journal says why", async () => {
  const { flow, first, called } = twoSteps();
  const { baton, clock } = await registered({ workflows: [flow] });
  await grant(baton, ["workflow", "two-steps"], ["agent", "one"], ["agent", "two"]);
  const run = await baton.start(flow, 1, { id: "r", by: GRACE });
  await clock.settle();
  await baton.registry.revoke("agent", "two", toGrace, "ada");
  first.open();
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "failed",
    step: "b",
    error: {
      code: "NOT_GRANTED",
      message: "grace has no EXECUTE on agent main.default.two, by main.default in memory.",
    },
  });
  expect(called).toEqual(["one"]);
  expect(await payloadsOf(baton, "r", "attempt.failed")).toEqual([
    {
      error: expect.objectContaining({ code: "NOT_GRANTED" }),
      admission: {
        registry: "main.default in memory",
        item: "main.default.two@1.0.0",
        principal: "grace",
      },
    },
  ]);
  // Another attempt would have met the same.
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "step.sealed a",
    "attempt.failed b 1",
    "step.failed b",
    "run.failed",
  ]);
});

test("a grant that is given while the run goes on lets the next call through", async () => {
  const { flow, first } = twoSteps();
  const { baton, clock } = await registered({ workflows: [flow] });
  await grant(baton, ["workflow", "two-steps"], ["agent", "one"]);
  const run = await baton.start(flow, 1, { id: "r", by: GRACE });
  await clock.settle();
  await grant(baton, ["agent", "two"]);
  first.open();
  expect(await clock.until(run.result())).toBe(2);
});

test("each attempt is asked for anew", async () => {
  let revoke = async () => {};
  const shaky = agentOf(
    "shaky",
    async (_: number): Promise<number> => {
      await revoke();
      throw new Error("no");
    },
    { attempts: 3 },
  );
  const flow = single(shaky);
  const { baton, clock } = await registered({ workflows: [flow] });
  await grant(baton, ["workflow", "single"], ["agent", "shaky"]);
  revoke = () => baton.registry.revoke("agent", "shaky", toGrace, "ada");
  const run = await baton.start(flow, 1, { id: "r", by: GRACE });
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "NOT_GRANTED" } });
  expect((await payloadsOf(baton, "r", "attempt.failed")).length).toBe(2);
});

test("of two who start the same, the one who may is served", async () => {
  const flow = single(agentOf("plain", (n: number) => n));
  const { baton, clock } = await registered({ workflows: [flow] });
  await grant(baton, ["workflow", "single"]);
  const [hers, adas] = await Promise.all([
    baton.start(flow, 1, { id: "hers", by: GRACE }),
    baton.start(flow, 1, { id: "adas", by: ADA }),
  ]);
  // Its owner may, without a grant.
  expect(await clock.until(adas.result())).toBe(1);
  expect(await clock.until(hers.outcome())).toMatchObject({ error: { code: "NOT_GRANTED" } });
});

test("a workflow that may not be started is refused before anything is recorded", async () => {
  const flow = single(agentOf("plain", (n: number) => n));
  const { baton } = await registered({ workflows: [flow] });
  await expect(baton.start(flow, 1, { id: "r", by: GRACE })).rejects.toMatchObject({
    code: "NOT_GRANTED",
    details: { principal: "grace", item: "main.default.single@1.0.0" },
    hint: expect.stringContaining("baton registry grant workflow single grace"),
  });
  expect(await baton.runs()).toEqual([]);
});

test.each<[string, Author | undefined, string | undefined, boolean]>([
  ["a person", GRACE, undefined, true],
  ["another person", { kind: "person", id: "alan" }, undefined, false],
  ["a program", { kind: "program", id: "grace" }, undefined, true],
  [
    "a program on somebody's behalf",
    { kind: "program", id: "desk", onBehalfOf: "grace" },
    "alan",
    true,
  ],
  [
    "somebody, on behalf of one who may not",
    { kind: "person", id: "grace", onBehalfOf: "alan" },
    undefined,
    false,
  ],
  ["nobody, in a Baton of one who may", undefined, "grace", true],
  ["nobody, in a Baton of one who may not", undefined, "alan", false],
  ["one who may not, in a Baton of one who may", { kind: "person", id: "alan" }, "grace", false],
  ["nobody", undefined, undefined, false],
])("who is asked for: %s", async (_, by, principal, may) => {
  const flow = single(agentOf("plain", (n: number) => n));
  const { baton, clock } = await registered({
    workflows: [flow],
    ...(principal === undefined ? {} : { principal }),
  });
  await grant(baton, ["workflow", "single"], ["agent", "plain"]);
  const started = baton.start(flow, 1, by === undefined ? {} : { by });
  if (!may) return await expectRefused(started, "NOT_GRANTED");
  expect(await clock.until((await started).result())).toBe(1);
});

test("a nested workflow executes for whom the run around it does", async () => {
  const inner = single(agentOf("inside", (n: number) => n));
  const outer = workflow("outer", "1.0.0", { input: count })
    .subflow("all", inner, { input: ({ input }) => input })
    .output(({ all }) => all);
  const { baton, clock } = await registered({ workflows: [outer] });
  await grant(baton, ["workflow", "outer"]);
  const refused = await baton.start(outer, 1, { id: "refused", by: GRACE });
  expect(await clock.until(refused.outcome())).toMatchObject({ error: { code: "NOT_GRANTED" } });
  await grant(baton, ["agent", "inside"]);
  const run = await baton.start(outer, 1, { id: "r", by: GRACE });
  expect(await clock.until(run.result())).toBe(1);
});

test("what an event leads to executes for whom it was published", async () => {
  const Asked = topic("asked", contract("question", "1.0.0", z.object({ n: z.number() })));
  const seen: number[] = [];
  const answering = agentOf("answering", (event: { readonly n: number }) => {
    seen.push(event.n);
    return null;
  });
  const flow = choreography("answers", "1.0.0", {
    starts: Asked,
    subscriptions: { answering: on(Asked, answering, { onFailure: "skip" }) },
    deadline: "1h",
  });
  const { baton, clock } = await registered({ workflows: [flow as Workflow<never, unknown>] });
  await baton.publish(Asked, { n: 1 }, { id: "hers", by: GRACE });
  await clock.settle();
  expect(await payloadsOf(baton, "hers/answers", "attempt.failed")).toMatchObject([
    { error: { code: "NOT_GRANTED" }, admission: { principal: "grace" } },
  ]);
  await grant(baton, ["agent", "answering"]);
  await baton.publish(Asked, { n: 2 }, { id: "hers-too", by: GRACE });
  await clock.settle();
  expect(seen).toEqual([2]);
});

test("what was never registered is not called, until it is", async () => {
  const flow = single(agentOf("plain", (n: number) => n));
  const { baton, clock } = await opened({
    workflows: [flow],
    registry: embeddedRegistry(),
    principal: "ada",
  });
  await expectRefused(baton.start(flow, 1, {}), "NOT_REGISTERED");
  const items = catalogueItems({ workflows: [flow] });
  await baton.registry.publish(
    items.filter(({ kind }) => kind === "workflow" || kind === "contract"),
    "ada",
  );
  const early = await baton.start(flow, 1, { id: "early" });
  expect(await clock.until(early.outcome())).toMatchObject({
    error: { code: "NOT_REGISTERED", message: expect.stringContaining("agent plain@1.0.0") },
  });
  await baton.registry.publish(items, "ada");
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.result())).toBe(1);
});

test("what is in the code and not registered is told of when Baton is opened", async () => {
  const flow = single(agentOf("plain", (n: number) => n));
  const { clock, log } = await opened({ workflows: [flow], registry: embeddedRegistry() });
  await clock.settle();
  expect(log.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    "warn: agent plain@1.0.0 is not registered in main.default in memory. It will not be called as long as that is so.",
    expect.stringContaining("workflow single@1.0.0 is not registered"),
  ]);
});

test("a name that can't be registered is refused for good, and those after it are looked up all the same", async () => {
  const [four, idle] = ["bank.risk.eu.scoring", "idle"].map((name) =>
    agentOf(name, (n: number) => n, { attempts: 3 }),
  );
  if (four === undefined || idle === undefined) throw new Error("two agents were made");
  const flow = single(four);
  const { baton, clock, log } = await opened({
    workflows: [flow],
    agents: [idle],
    registry: embeddedRegistry(),
  });
  await clock.settle();
  expect(log.map(({ message }) => message)).toEqual([
    expect.stringContaining(
      'agent bank.risk.eu.scoring@1.0.0 is not registered in main.default in memory: "bank.risk.eu.scoring" can\'t be registered.',
    ),
    expect.stringContaining("agent idle@1.0.0 is not registered"),
    expect.stringContaining("workflow single@1.0.0 is not registered"),
  ]);
  const items = catalogueItems({ workflows: [flow] });
  await baton.registry.publish(
    items.filter(({ kind }) => kind !== "agent"),
    "ada",
  );
  const run = await baton.start(flow, 1, { id: "r", by: ADA });
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "NOT_REGISTERED" } });
  expect(await payloadsOf(baton, "r", "attempt.failed")).toMatchObject([
    { admission: { item: "bank.risk.eu.scoring@1.0.0", principal: "ada" } },
  ]);
});

test("what is registered as something else is not called, and the journal has the differences", async () => {
  const store = memory();
  const flow = (attempts: number) =>
    single(
      agentOf("plain", (n: number) => n, { attempts }),
      "single",
    );
  const first = await registered({ store, workflows: [flow(1)] });
  await first.clock.until(first.baton.close());
  const changed = flow(4);
  const { baton, clock, log } = await opened(
    { store, workflows: [changed], registry: embeddedRegistry() },
    first.clock,
  );
  await clock.settle();
  expect(log.map(({ message }) => message)).toEqual([
    expect.stringContaining("/attempts is registered as 1, and is 4 in the code"),
  ]);
  const run = await baton.start(changed, 1, { id: "r", by: ADA });
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "REGISTRY_DRIFT" } });
  expect(await payloadsOf(baton, "r", "attempt.failed")).toMatchObject([
    {
      admission: {
        item: "main.default.plain@1.0.0",
        principal: "ada",
        differences: [{ kind: "changed", path: "/attempts", before: 1, after: 4 }],
      },
    },
  ]);
});

test("what was done is undone, though nobody may have it executed any more", async () => {
  const done: string[] = [];
  const first = gate();
  const booking = undoing<number>("booking", done, {
    execute: async (n) => {
      await first.promise;
      return n;
    },
  });
  const paying = agentOf("paying", (n: number) => n);
  const flow = workflow("trip", "1.0.0", { input: count })
    .step("book", booking, { input: ({ input }) => input })
    .step("pay", paying, { needs: ["book"], input: () => 1 })
    .output(({ pay }) => pay);
  const { baton, clock } = await registered({ workflows: [flow] });
  await grant(baton, ["workflow", "trip"], ["agent", "booking"], ["agent", "paying"]);
  const run = await baton.start(flow, 1, { id: "r", by: GRACE });
  await clock.settle();
  for (const name of ["booking", "paying"])
    await baton.registry.revoke("agent", name, toGrace, "ada");
  first.open();
  expect(await clock.until(run.outcome())).toMatchObject({
    kind: "compensated",
    error: { code: "NOT_GRANTED" },
  });
  expect(done).toEqual(["do r book 0", "undo r book 0"]);
});

test("grants outlive the process: revoked before it died, the call that was next is refused by the one after", async () => {
  const store = memory();
  const { flow, first, called } = twoSteps();
  const items = catalogueItems({ workflows: [flow] });
  let dies = false;
  const mortal = faultyStore(store, () => (dies ? "crashBefore" : "commit"));
  const options = { workflows: [flow], registry: embeddedRegistry() };
  const clock = virtualClock();
  const one = await opened({ ...options, store: mortal.factory }, clock);
  await one.baton.registry.publish(items, "ada");
  await grant(one.baton, ["workflow", "two-steps"], ["agent", "one"], ["agent", "two"]);
  await one.baton.start(flow, 1, { id: "r", by: GRACE });
  await clock.settle();
  await one.baton.registry.revoke("agent", "two", toGrace, "ada");
  // It dies with what the first step gave.
  dies = true;
  first.open();
  await clock.until(mortal.crashed);
  const other = await opened({ ...options, store }, clock);
  const run = await other.baton.run("r");
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "NOT_GRANTED" } });
  expect(called).toEqual(["one", "one"]);
  expect(await other.baton.registry.grants("agent", "one")).toEqual([toGrace]);
});

test("an at-most-once call that is refused is known to have done nothing, and was never announced", async () => {
  const paying = agent({
    name: "paying",
    version: "1.0.0",
    input: count,
    output: count,
    delivery: "at-most-once",
    sideEffects: true,
    execute: (n) => n,
  });
  const flow = single(paying);
  const { baton, clock } = await registered({ workflows: [flow] });
  await grant(baton, ["workflow", "single"]);
  const run = await baton.start(flow, 1, { id: "r", by: GRACE });
  expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "NOT_GRANTED" } });
  expect(await journalOf(baton, "r")).toEqual([
    "run.started",
    "attempt.failed a 1",
    "step.failed a",
    "run.failed",
  ]);
  expect(await payloadsOf(baton, "r", "attempt.failed")).toMatchObject([{ nothingDone: true }]);
});

test("a refused call gives back its place, and its breaker is told nothing", async () => {
  const narrow = agent({
    name: "narrow",
    version: "1.0.0",
    input: count,
    output: count,
    concurrency: 1,
    breaker: { failures: 1, cooldown: "1h" },
    execute: (n) => n,
  });
  const flow = single(narrow);
  const { baton, clock } = await registered({ workflows: [flow] });
  await grant(baton, ["workflow", "single"]);
  for (const id of ["r1", "r2", "r3"]) {
    const refused = await baton.start(flow, 1, { id, by: GRACE });
    expect(await clock.until(refused.outcome())).toMatchObject({ error: { code: "NOT_GRANTED" } });
  }
  expect(await baton.breakers()).toMatchObject([{ name: "narrow", state: "closed" }]);
  const run = await baton.start(flow, 1, { id: "r", by: ADA });
  expect(await clock.until(run.result())).toBe(1);
});

test("a run whose call was refused replays to the same, and its journal is whole", async () => {
  const flow = single(agentOf("plain", (n: number) => n));
  const { baton, clock } = await registered({ workflows: [flow] });
  await grant(baton, ["workflow", "single"]);
  const run = await baton.start(flow, 1, { id: "r", by: GRACE });
  await clock.until(run.outcome());
  expect(await baton.replay("r")).toMatchObject({ differences: [] });
  expect((await baton.verify()).problems).toEqual([]);
});

test("without a registry nothing is asked of anybody; the catalogue is kept all the same", async () => {
  const read: string[] = [];
  const inner = memory();
  const store: OpenOptions["store"] = async (mode) => {
    const made = await inner(mode);
    return {
      ...made,
      read: (stream, from, limit) => {
        read.push(stream.stream);
        return made.read(stream, from, limit);
      },
    };
  };
  const flow = single(agentOf("plain", (n: number) => n));
  const { baton, clock } = await opened({ workflows: [flow], store });
  const run = await baton.start(flow, 1, { id: "r", by: GRACE });
  expect(await clock.until(run.result())).toBe(1);
  expect(read.filter((stream) => /^registry\/(agent|contract|workflow)\//.test(stream))).toEqual(
    [],
  );
  await baton.registry.publish(catalogueItems({ workflows: [flow] }), "ada");
  const again = await baton.start(flow, 1, { id: "again", by: GRACE });
  expect(await clock.until(again.result())).toBe(1);
  expect((await entriesOf(baton, "again")).map(({ kind }) => kind)).not.toContain("attempt.failed");
});

test("a registry that is kept and not asked stops nothing", async () => {
  const flow = single(agentOf("plain", (n: number) => n));
  const { baton, clock } = await opened({
    workflows: [flow],
    registry: embeddedRegistry(),
    admission: false,
  });
  const run = await baton.start(flow, 1, { by: GRACE });
  expect(await clock.until(run.result())).toBe(1);
});

test("what goes with a registry is refused without one", async () => {
  const flow = single(agentOf("plain", (n: number) => n));
  await expectRefused(opened({ workflows: [flow], principal: "ada" }), "ARGUMENT_INVALID");
  await expectRefused(opened({ workflows: [flow], admission: true }), "ARGUMENT_INVALID");
});

test("a fallback is asked for by its own name", async () => {
  const spare = agent({
    name: "spare",
    version: "1.0.0",
    input: count,
    output: count,
    execute: (n) => -n,
  });
  const main = agent({
    name: "main-one",
    version: "1.0.0",
    input: count,
    output: count,
    breaker: { failures: 1, cooldown: "1h", whenOpen: { fallback: spare } },
    execute: (n) => n,
  });
  const flow = single(main);
  const { baton, clock } = await registered({ workflows: [flow] });
  await grant(baton, ["workflow", "single"], ["agent", "main-one"]);
  await baton.openBreaker("main-one", { by: ADA, reason: "maintenance" });
  const refused = await baton.start(flow, 1, { id: "refused", by: GRACE });
  expect(await clock.until(refused.outcome())).toMatchObject({
    error: { message: expect.stringContaining("agent main.default.spare") },
  });
  await grant(baton, ["agent", "spare"]);
  const run = await baton.start(flow, 1, { id: "r", by: GRACE });
  expect(await clock.until(run.result())).toBe(-1);
});
