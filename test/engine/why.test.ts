import { agent, all, choreography, contract, on, to, topic, workflow, type WhyReason } from "baton";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ADA, opened } from "../support/opened.ts";

const Finding = contract(
  "finding",
  "1.0.0",
  z.object({ text: z.string(), confidence: z.number() }),
);
const Asked = topic("asked", Finding);
const Found = topic("found", Finding);
const Checked = topic("checked", Finding);
const Written = topic("written", Finding);
const acting = (name: string) =>
  agent({
    name,
    version: "1.0.0",
    input: Finding,
    output: Finding,
    retry: { attempts: 1 },
    execute: ({ text, confidence }) => {
      if (text.startsWith("broken")) throw new Error("the source is down");
      return { text, confidence };
    },
  });
const [research, writing] = [acting("research"), acting("writing")];
const report = choreography("report", "1.0.0", {
  starts: Asked,
  ends: Written,
  deadline: "10m",
  subscriptions: {
    research: on(Asked, research, { publishes: Found }),
    writing: on(Found, writing, {
      requires: { "confidence is at least 0.7": ({ event }) => event.confidence >= 0.7 },
      publishes: Written,
    }),
  },
});
const SURE = { text: "owls", confidence: 0.9 };

/** The first causes: what has nothing behind it. */
function causes(reasons: readonly WhyReason[]): readonly string[] {
  return reasons.flatMap(({ sentence, because }) =>
    because.length === 0 ? [sentence] : causes(because),
  );
}

describe("why a run has not given what it should", () => {
  test("a refused handoff, with the rule and what to type", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    await clock.until(baton.start(report, { text: "owls", confidence: 0.1 }, { id: "r" }));
    await clock.settle();
    const why = await clock.until(baton.why("r"));
    expect(why).toMatchObject({ id: "r", status: "parked", complete: false });
    expect(causes(why.reasons)).toEqual([
      "writing#3 (writing@1.0.0, event r@3 of found) was refused, and waits for a person: Step writing requires: confidence is at least 0.7.",
    ]);
    expect(why.reasons).toMatchObject([
      {
        sentence: "Run r (report@1.0.0) has had no event of written, with which it ends.",
        because: [{ path: "writing#3", next: "baton dead-letters show r writing#3" }],
      },
    ]);
  });

  test("an agent that failed two events before the end", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    await clock.until(baton.start(report, { text: "broken", confidence: 1 }, { id: "r" }));
    await clock.settle();
    const why = await clock.until(baton.why("r"));
    expect(causes(why.reasons)).toEqual([
      "research#1 (research@1.0.0, event r@1 of asked) failed, and waits for a person: Error: the source is down",
    ]);
    expect(why.reasons[0]?.because).toMatchObject([
      { sentence: "writing, which publishes written, has been given no event of found." },
    ]);
  });

  test("a deadline that passed, with what was missing then", async () => {
    const silent = choreography("silent", "1.0.0", {
      starts: Asked,
      ends: Written,
      deadline: "10m",
      subscriptions: {
        research: on(Asked, research, { publishes: to(Found, () => undefined) }),
        check: on(Asked, acting("check"), { publishes: Checked }),
        writing: on(all({ found: Found, checked: Checked }), writing, {
          input: ({ found }) => found,
          publishes: Written,
        }),
      },
    });
    const { baton, clock } = await opened({ workflows: [silent] });
    const run = await clock.until(baton.start(silent, SURE, { id: "r" }));
    await clock.settle();
    const waiting = await clock.until(baton.why("r"));
    const cause =
      "research#1 (research@1.0.0, event r@1 of asked) was handled (entry 2), and no event of found was made of its output.";
    expect(causes(waiting.reasons)).toEqual([cause]);
    expect(await clock.until(baton.waits("r"))).toMatchObject({
      waits: [{ what: "event", path: "writing", topics: ["found"] }],
    });
    await clock.until(run.outcome());
    const over = await clock.until(baton.why("r"));
    expect(over.reasons[0]?.sentence).toContain("DEADLINE_EXCEEDED");
    expect(causes(over.reasons)).toEqual([cause]);
  });

  test("a subscription that is paused, for an event from outside and for a workflow that awaits", async () => {
    const asking = workflow("asking", "1.0.0", { input: Finding })
      .emit("asked", Asked, { data: ({ input }) => input })
      .awaitEvent("written", Written, { needs: ["asked"], timeout: "1h" })
      .output(({ written }) => written);
    const { baton, clock } = await opened({ workflows: [report, asking] });
    await clock.until(baton.pauseSubscription("report", { by: ADA, reason: "the source is down" }));
    await clock.until(baton.publish(Asked, SURE, { id: "e1" }));
    await clock.until(baton.start(asking, SURE, { id: "r" }));
    await clock.settle();
    const cause = "Its subscription is paused, by ada: the source is down.";
    for (const id of ["e1", "r"]) {
      const why = await clock.until(baton.why(id));
      expect(causes(why.reasons)).toEqual([cause]);
      expect(JSON.stringify(why)).toContain("baton subscriptions resume report");
    }
  });

  test("an event that fails the run: who published it, and what was refused and passed over before", async () => {
    const Declined = topic("declined", Finding);
    const declining = choreography("declining", "1.0.0", {
      starts: Asked,
      ends: Written,
      failsOn: Declined,
      deadline: "10m",
      subscriptions: {
        writing: on(Asked, writing, {
          requires: { "confidence is at least 0.7": ({ event }) => event.confidence >= 0.7 },
          onRefused: "skip",
          publishes: Written,
        }),
        decline: on(Asked, acting("decline"), { publishes: Declined }),
      },
    });
    const { baton, clock } = await opened({ workflows: [declining] });
    const unsure = { text: "owls", confidence: 0.1 };
    await clock.until(baton.publish(Asked, unsure, { id: "e1" }));
    await clock.settle();
    const { reasons } = await clock.until(baton.why("e1"));
    expect(causes(reasons)).toEqual([
      "writing#1 (writing@1.0.0, event e1 of asked) was passed over, because it was refused: Step writing requires: confidence is at least 0.7.",
      "decline#1 published declined.",
    ]);
    expect(JSON.stringify(reasons)).toContain("baton events declined --correlation e1");
    const run = await clock.until(baton.start(declining, { ...SURE, text: "slow" }, { id: "r" }));
    await clock.until(run.outcome());
    expect(causes((await clock.until(baton.why("r"))).reasons)).toEqual([
      "decline#1 published declined.",
    ]);
  });

  test("a child run's reason, from the correlation id alone", async () => {
    const deep = workflow("deep", "1.0.0", { input: Finding })
      .approval("ok", { show: ({ input }) => input, remindEvery: "1h" })
      .step("one", research, { needs: ["input", "ok"], input: ({ input }) => input })
      .output(({ one }) => one);
    const nested = choreography("nested", "1.0.0", {
      starts: Asked,
      ends: Written,
      deadline: "10m",
      subscriptions: { research: on(Asked, deep, { publishes: Written }) },
    });
    const { baton, clock } = await opened({ workflows: [nested, deep] });
    await clock.until(baton.publish(Asked, SURE, { id: "e1" }));
    await clock.settle();
    const why = await clock.until(baton.why("e1"));
    expect(causes(why.reasons)).toEqual(["ok waits for an approval."]);
  });

  test("nothing where all has been given; an error where there is nothing of that id", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    const run = await clock.until(baton.start(report, SURE, { id: "r" }));
    await clock.until(run.result());
    expect(await clock.until(baton.why("r"))).toEqual({
      id: "r",
      status: "completed",
      complete: true,
      reasons: [],
    });
    await expect(clock.until(baton.why("nobody"))).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });
});

describe("the graph of a choreography's run", () => {
  test("is as expected where everything came, with counts on every edge", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    const run = await clock.until(baton.start(report, SURE, { id: "r" }));
    await clock.until(run.result());
    const graph = await clock.until(baton.eventGraph("r"));
    expect(graph.differences).toEqual([]);
    expect(graph.topics.map(({ topic, events, expected }) => [topic, events, expected])).toEqual([
      ["asked", 1, true],
      ["found", 1, true],
      ["written", 1, true],
    ]);
    expect(
      graph.edges.map(({ kind, subscription, topic, count, expected }) => [
        kind,
        subscription,
        topic,
        count,
        expected,
      ]),
    ).toEqual([
      ["takes", "research", "asked", 1, true],
      ["publishes", "research", "found", 1, true],
      ["takes", "writing", "found", 1, true],
      ["publishes", "writing", "written", 1, true],
      ["publishes", "start", "asked", 1, true],
    ]);
  });

  test("names the event that never came, its deadline, and the delivery that is to blame", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    await clock.until(baton.start(report, { text: "broken", confidence: 1 }, { id: "r" }));
    await clock.settle();
    const { deadlineAt } = await clock.until(baton.report("r"));
    expect((await clock.until(baton.eventGraph("r"))).differences).toMatchObject([
      { what: "missing", topic: "written", dueAt: deadlineAt },
      { what: "unreached", subscription: "writing" },
      { what: "delivery", path: "research#1" },
    ]);
  });

  test("names a loop, and the limit that cut it", async () => {
    const loop = choreography("loop", "1.0.0", {
      starts: Asked,
      hops: 4,
      subscriptions: {
        research: on(Asked, research, { publishes: Found }),
        check: on(Found, acting("check"), { publishes: Asked }),
      },
    });
    const { baton, clock } = await opened({ workflows: [loop] });
    const run = await clock.until(baton.start(loop, SURE, { id: "r" }));
    await clock.until(run.outcome());
    const { differences } = await clock.until(baton.eventGraph("r"));
    expect(differences).toMatchObject([
      {
        what: "cycle",
        message: expect.stringMatching(
          /^(research -> check -> research|check -> research -> check) went round/,
        ),
      },
      { what: "storm", subscription: "research" },
    ]);
    const why = await clock.until(baton.why("r"));
    expect(causes(why.reasons).join("\n")).toContain("went round");
  });

  test("names a publisher that nobody expected", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    await clock.until(baton.start(report, { text: "broken", confidence: 1 }, { id: "r" }));
    await clock.settle();
    await clock.until(baton.publish(Written, SURE, { id: "forged", correlation: "r" }));
    await clock.settle();
    expect((await clock.until(baton.eventGraph("r"))).differences).toContainEqual(
      expect.objectContaining({ what: "publisher", subscription: "outside", topic: "written" }),
    );
  });

  test("a delivery has a lineage over its events back to the input, and a dead letter until it is decided", async () => {
    const { baton, clock } = await opened({ workflows: [report] });
    const run = await clock.until(baton.start(report, SURE, { id: "r" }));
    await clock.until(run.result());
    const { nodes } = await clock.until(baton.lineage("r", "written"));
    expect(
      nodes.map(({ key, events }) => [key, events?.[0]?.topic, events?.[0]?.after?.key]),
    ).toEqual([
      ["input", undefined, undefined],
      ["research#1", "asked", "input"],
      ["writing#3", "found", "research#1"],
    ]);
    await clock.until(baton.start(report, { text: "broken", confidence: 1 }, { id: "s" }));
    await clock.settle();
    expect(await clock.until(baton.deadLettersOf("s"))).toMatchObject([{ path: "research#1" }]);
    const decision = { action: "done", output: SURE, by: ADA, reason: "by hand" } as const;
    await clock.until(baton.resolveStep("s", "research#1", decision));
    await clock.settle();
    expect(await clock.until(baton.deadLettersOf("s"))).toEqual([]);
    expect(await clock.until(baton.report("s"))).toMatchObject({
      status: "completed",
      output: SURE,
    });
    await expect(clock.until(baton.fork("s", { at: 0 }))).rejects.toMatchObject({
      code: "FORK_REFUSED",
    });
  });
});
