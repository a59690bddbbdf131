/** What goes wrong in choreographies is told by name, before the run's deadline has passed and after it: by the graph, by why, by waits and by health. */
import {
  agent,
  type Agent,
  choreography,
  contract,
  type EventDifference,
  memory,
  on,
  topic,
  type WhyReason,
  workflow,
} from "baton";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ADA, gate, type Opened, opened } from "../support/opened.ts";

const Finding = contract("finding", "1.0.0", z.object({ text: z.string() }));
interface Finding {
  readonly text: string;
}
const Asked = topic("asked", Finding);
const Found = topic("found", Finding);
const Written = topic("written", Finding);
const OWLS = { text: "owls" };
const MINUTE = 60_000;

function acting(
  name: string,
  execute: (given: Finding) => Finding | Promise<Finding> = (given) => given,
): Agent<Finding, Finding> {
  return agent({
    name,
    version: "1.0.0",
    input: Finding,
    output: Finding,
    retry: { attempts: 1 },
    execute,
  });
}

function report(research: Agent<Finding, Finding>, writing = acting("writing"), version = "1.0.0") {
  return choreography("report", version, {
    starts: Asked,
    ends: Written,
    deadline: "10m",
    subscriptions: {
      research: on(Asked, research, { publishes: Found }),
      writing: on(Found, writing, { publishes: Written }),
    },
  });
}

async function differences(
  { baton, clock }: Opened,
  run: string,
): Promise<readonly EventDifference[]> {
  return (await clock.until(baton.eventGraph(run))).differences;
}

/** What is said in an answer, from the end to the first cause. */
async function said({ baton, clock }: Opened, id: string): Promise<readonly string[]> {
  const { reasons } = await clock.until(baton.why(id));
  const all = (found: readonly WhyReason[]): readonly string[] =>
    found.flatMap(({ sentence, because }) => [sentence, ...all(because)]);
  return all(reasons);
}

describe("a removed subscriber is named", () => {
  test("when the choreography is built, where nobody is left to publish what others take", () => {
    expect(() =>
      choreography("report", "1.1.0", {
        starts: Asked,
        ends: Written,
        deadline: "10m",
        // @ts-expect-error Nobody publishes to `found` any more.
        subscriptions: { writing: on(Found, acting("writing"), { publishes: Written }) },
      }),
    ).toThrow(/"writing".*found/);
  });

  test("when it is opened, where the version stayed the same", async () => {
    const store = memory();
    const first = await opened({ workflows: [report(acting("research"))], store });
    await first.clock.until(first.baton.close());
    const without = choreography("report", "1.0.0", {
      starts: Asked,
      ends: Written,
      deadline: "10m",
      subscriptions: { research: on(Asked, acting("research"), { publishes: Written }) },
    });
    await expect(opened({ workflows: [without], store }, first.clock)).rejects.toMatchObject({
      code: "WORKFLOW_CHANGED",
      message: expect.stringContaining("writing: removed"),
    });
  });

  test("by its run, which waits for the version that has it, and by health, once events wait for it", async () => {
    const held = gate<Finding>();
    const store = memory();
    const old = report(
      acting("research"),
      acting("writing", () => held.promise),
    );
    const first = await opened({ workflows: [old], store });
    await first.clock.until(first.baton.start(old, OWLS, { id: "r" }));
    await first.clock.settle();
    await first.clock.until(first.baton.close({ graceMs: 0 }));
    const here = await opened({ workflows: [], topics: [Asked], store }, first.clock);
    const { baton, clock } = here;
    await clock.advance(MINUTE);
    expect(await clock.until(baton.waits("r"))).toMatchObject({
      waits: [{ what: "code", missing: ["workflow report@1.0.0"] }],
    });
    expect((await said(here, "r")).at(-1)).toBe(
      "Run r waits for code that is not here: workflow report@1.0.0.",
    );
    await clock.until(baton.publish(Asked, OWLS, { id: "e1" }));
    await clock.advance(MINUTE + 1_000);
    expect(await clock.until(baton.health())).toMatchObject({
      ok: false,
      stuckSubscriptions: [{ subscription: "report", topic: "asked", reason: "noCode" }],
    });
    expect(await said(here, "e1")).toEqual([
      "report begins with events of asked, and has not taken event e1.",
      "Choreography report is not among the workflows here: whoever executes has to have it.",
    ]);
    held.open(OWLS);
  });

  test("with the event that its absence keeps from coming, and the deadline, where it is paused", async () => {
    const here = await opened({ workflows: [report(acting("research"))] });
    const asking = workflow("asking", "1.0.0", { input: Finding })
      .emit("ask", Asked, { data: ({ input }) => input })
      .awaitEvent("answer", Written, { needs: ["ask"], timeout: "10m" })
      .output(({ answer }) => answer);
    await here.clock.until(here.baton.close());
    const both = await opened({ workflows: [report(acting("research")), asking] }, here.clock);
    const why = { by: ADA, reason: "no paper" };
    await both.clock.until(both.baton.pauseSubscription("report", why));
    await both.clock.until(both.baton.start(asking, OWLS, { id: "r" }));
    await both.clock.settle();
    expect(await both.clock.until(both.baton.waits("r"))).toMatchObject({
      waits: [{ what: "event", path: "answer", dueAt: expect.any(Number) }],
    });
    expect((await said(both, "r")).slice(-2)).toEqual([
      "report, which publishes written, has no run under this correlation id.",
      "Its subscription is paused, by ada: no paper.",
    ]);
  });
});

test("a slow subscriber is named while it is slow, when the deadline has passed, and when it came to its end", async () => {
  const held = gate<Finding>();
  const slow = acting("writing", async (given) =>
    given.text === "owls" ? await held.promise : given,
  );
  const flow = report(acting("research"), slow);
  const here = await opened({ workflows: [flow] });
  const { baton, clock } = here;
  const overdue = await clock.until(baton.start(flow, OWLS, { id: "r" }));
  await clock.advance(4 * MINUTE);
  expect((await differences(here, "r")).map(({ what }) => what)).toEqual(["missing"]);
  await clock.until(baton.start(flow, OWLS, { id: "late" }));
  await clock.advance(2 * MINUTE);
  const { deadlineAt } = await clock.until(baton.report("r"));
  expect(await differences(here, "r")).toMatchObject([
    { what: "missing", topic: "written", dueAt: deadlineAt },
    {
      what: "slow",
      subscription: "writing",
      path: "writing#3",
      dueAt: deadlineAt,
      message:
        "writing#3 had not been handled 360000 ms after its event came, most of the time that the run has.",
    },
  ]);
  const { subscriptions, edges } = await clock.until(baton.eventGraph("r"));
  expect(subscriptions).toContainEqual(
    expect.objectContaining({ subscription: "writing", deliveries: { open: 1 } }),
  );
  expect(edges).toContainEqual(
    expect.objectContaining({ kind: "takes", subscription: "writing", topic: "found", count: 1 }),
  );
  expect(await said(here, "r")).toEqual([
    "Run r (report@1.0.0) has had no event of written, with which it ends.",
    "writing#3 (writing@1.0.0, event r@3 of found) is executed, or can begin.",
  ]);
  expect(await clock.until(baton.waits("r"))).toMatchObject({
    waits: [{ what: "execution", path: "writing#3", since: expect.any(Number) }],
  });
  await clock.advance(5 * MINUTE);
  expect(await clock.until(overdue.outcome())).toMatchObject({
    error: { code: "DEADLINE_EXCEEDED" },
  });
  expect(await differences(here, "r")).toContainEqual(
    expect.objectContaining({ what: "slow", subscription: "writing", path: "writing#3" }),
  );
  expect((await said(here, "r")).at(-1)).toContain("writing#3 (writing@1.0.0");
  held.open(OWLS);
  await clock.settle();
  const { status } = await clock.until(baton.report("late"));
  expect(status).toBe("completed");
  expect(await differences(here, "late")).toMatchObject([
    {
      what: "slow",
      subscription: "writing",
      path: "writing#3",
      message: expect.stringContaining("took"),
    },
  ]);
});

test("a poisoned event is named with the subscription that it fails, its error, and what to do; those beside it go on", async () => {
  const research = acting("research", (given) => {
    if (given.text === "poison") throw new Error("the page has no end");
    return given;
  });
  const here = await opened({ workflows: [report(research)] });
  const { baton, clock } = here;
  for (const text of ["owls", "poison", "mice"])
    await clock.until(baton.publish(Asked, { text }, { id: `e-${text}` }));
  await clock.settle();
  expect(await baton.runs({ status: "completed" })).toHaveLength(2);
  const { deadlineAt = 0 } = await clock.until(baton.report("e-poison/report"));
  expect(clock.now()).toBeLessThan(deadlineAt);
  expect(await differences(here, "e-poison/report")).toMatchObject([
    { what: "missing", topic: "written", dueAt: deadlineAt },
    { what: "unreached", subscription: "writing" },
    {
      what: "delivery",
      subscription: "research",
      path: "research#1",
      message: "research#1 failed, and waits for a person: Error: the page has no end",
    },
  ]);
  expect((await said(here, "e-poison")).at(-1)).toBe(
    "research#1 (research@1.0.0, event e-poison of asked) failed, and waits for a person: Error: the page has no end",
  );
  expect(await clock.until(baton.deadLetters())).toMatchObject([
    { run: "e-poison/report", path: "research#1", error: { message: "the page has no end" } },
  ]);
  // It waits for a person, and that is not called stuck.
  expect(await clock.until(baton.health())).toMatchObject({ ok: true, runs: { parked: 1 } });
});

describe("a loop is named", () => {
  const Again = topic("again", Finding);
  const looping = (hops: number) =>
    choreography("loop", "1.0.0", {
      starts: Asked,
      ends: Written,
      deadline: "10m",
      hops,
      subscriptions: {
        research: on(Asked, acting("research"), { publishes: Found }),
        check: on(Found, acting("check"), { publishes: Again }),
        rewrite: on(Again, acting("rewrite"), { publishes: [Found] }),
        writing: on(Found, acting("writing"), {
          when: ({ event }) => event.text === "done",
          publishes: Written,
        }),
      },
    });

  test("with all who stand in it, and the limit that it hit long before the deadline", async () => {
    const flow = looping(7);
    const here = await opened({ workflows: [flow] });
    const { baton, clock } = here;
    const run = await clock.until(baton.start(flow, OWLS, { id: "r" }));
    expect(await clock.until(run.outcome())).toMatchObject({ error: { code: "HOPS_EXCEEDED" } });
    const { deadlineAt = 0 } = await clock.until(baton.report("r"));
    expect(clock.now()).toBeLessThan(deadlineAt);
    const found = await differences(here, "r");
    expect(found).toContainEqual(
      expect.objectContaining({
        what: "cycle",
        message: expect.stringMatching(
          /^(check -> rewrite -> check|rewrite -> check -> rewrite) went round \d times\.$/,
        ),
      }),
    );
    expect(found).toContainEqual(
      expect.objectContaining({
        what: "storm",
        subscription: expect.stringMatching(/^(check|rewrite)$/),
      }),
    );
    expect((await said(here, "r")).join("\n")).toMatch(/HOPS_EXCEEDED[^]*went round/);
  });

  test("while it goes round, before it hits anything", async () => {
    const held = gate<Finding>();
    let rounds = 0;
    const flow = choreography("loop", "1.0.0", {
      starts: Asked,
      hops: 1_000,
      subscriptions: {
        research: on(Asked, acting("research"), { publishes: Found }),
        check: on(
          Found,
          acting("check", async (given) => {
            rounds += 1;
            return rounds > 3 ? await held.promise : given;
          }),
          { publishes: Found },
        ),
      },
    });
    const here = await opened({ workflows: [flow] });
    await here.clock.until(here.baton.start(flow, OWLS, { id: "r" }));
    await here.clock.settle();
    expect(await differences(here, "r")).toMatchObject([
      { what: "cycle", subscription: "check", message: "check -> check went round 2 times." },
    ]);
    held.open(OWLS);
  });
});
