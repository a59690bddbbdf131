/** Each thing that can hold up a report, asked for by nothing but its correlation id: what, who, since when, and what to type next. */
import {
  agent,
  type Agent,
  all,
  budget,
  choreography,
  contract,
  memory,
  on,
  to,
  topic,
  type Why,
  type WhyReason,
  workflow,
} from "baton";
import { VIRTUAL_START_MS } from "baton/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { ADA, gate, type Opened, opened } from "../support/opened.ts";

const Finding = contract(
  "finding",
  "1.0.0",
  z.object({ text: z.string(), confidence: z.number() }),
);
interface Finding {
  readonly text: string;
  readonly confidence: number;
}
const Asked = topic("asked", Finding, { key: ({ text }) => text });
const Found = topic("found", Finding);
const Written = topic("written", Finding);
const OWLS: Finding = { text: "owls", confidence: 0.9 };

type Options = Extract<
  Parameters<typeof agent<Finding, Finding, Finding>>[0],
  { readonly compensateUnknown?: false }
>;
/** What of an agent may hold it up. */
type More = Pick<Options, "breaker" | "budgets" | "rate" | "retry"> & {
  readonly execute?: (given: Finding) => Finding | Promise<Finding>;
};
const acting = (name: string, more: More = {}): Agent<Finding, Finding> =>
  agent({
    name,
    version: "1.0.0",
    input: Finding,
    output: Finding,
    retry: { attempts: 1 },
    execute: (given) => given,
    ...more,
  } as Options) as Agent<Finding, Finding>;
const down = () => {
  throw new Error("the source is down");
};

/** Research, and the report that is written of it. */
function report(research: Agent<Finding, Finding>) {
  return choreography("report", "1.0.0", {
    starts: Asked,
    ends: Written,
    deadline: "10h",
    subscriptions: {
      research: on(Asked, research, { publishes: Found }),
      writing: on(Found, acting("writing"), { publishes: Written }),
    },
  });
}

/** The first causes, with what was said on the way to each. */
function ways(reasons: readonly WhyReason[], before: readonly string[] = []): readonly string[] {
  return reasons.flatMap((each) => {
    const way = [...before, each.sentence];
    return each.because.length === 0
      ? [[...way, `next: ${each.next}`].join("\n")]
      : ways(each.because, way);
  });
}

/** What is said on the way to one first cause, and what to type. */
function way(...lines: readonly string[]): string {
  return lines.join("\n");
}

function leaves(reasons: readonly WhyReason[]): readonly WhyReason[] {
  return reasons.flatMap((each) => (each.because.length === 0 ? [each] : leaves(each.because)));
}

async function asked({ baton, clock }: Opened, id: string): Promise<Why> {
  await clock.settle();
  return await clock.until(baton.why(id));
}

const NO_END = "Run q1/report (report@1.0.0) has had no event of written, with which it ends.";
const NO_FOUND = "writing, which publishes written, has been given no event of found.";
const CHILD = "q1/report/research#1";
const RESEARCH = "research#1 (research@1.0.0, event q1 of asked)";

test("an open breaker: by whom it was opened, why, and the last failure", async () => {
  const flow = report(
    acting("research", {
      breaker: { name: "library", failures: 1, cooldown: "1h" },
      execute: down,
      retry: { attempts: 3 },
    }),
  );
  const here = await opened({ workflows: [flow] });
  await here.clock.until(here.baton.publish(Asked, OWLS, { id: "q1" }));
  await here.clock.advance(2_000);
  const { reasons } = await asked(here, "q1");
  expect(ways(reasons)).toEqual([
    way(
      NO_END,
      NO_FOUND,
      `${RESEARCH} waits at the breaker library.`,
      "Breaker library is open: 1 failure in a row. The last was Error at research#1 of q1/report.",
      "next: baton breakers",
    ),
  ]);
  expect(leaves(reasons)).toMatchObject([{ since: expect.any(Number), dueAt: expect.any(Number) }]);
});

test("a spent budget: how much of it is spent, and how to raise it", async () => {
  const spend = budget("spend", { calls: 1, per: "24h", whenSpent: "wait" });
  const here = await opened({ workflows: [report(acting("research", { budgets: [spend] }))] });
  await here.clock.until(here.baton.publish(Asked, { ...OWLS, text: "first" }, { id: "q0" }));
  await here.clock.until(here.baton.publish(Asked, OWLS, { id: "q1" }));
  const { reasons } = await asked(here, "q1");
  expect(ways(reasons)).toEqual([
    way(
      NO_END,
      NO_FOUND,
      `${RESEARCH} waits for the budget spend.`,
      "Budget spend has not enough left: 1 call of 1 call spent.",
      "next: baton budgets raise spend",
    ),
  ]);
  expect(leaves(reasons)).toMatchObject([{ dueAt: expect.any(Number) }]);
});

test("a rate", async () => {
  const here = await opened({
    workflows: [report(acting("research", { rate: { name: "slowly", calls: 1, per: "1h" } }))],
  });
  await here.clock.until(here.baton.publish(Asked, { ...OWLS, text: "first" }, { id: "q0" }));
  await here.clock.until(here.baton.publish(Asked, OWLS, { id: "q1" }));
  const { reasons } = await asked(here, "q1");
  expect(ways(reasons)).toEqual([
    way(
      NO_END,
      NO_FOUND,
      `${RESEARCH} waits for its turn at the rate slowly.`,
      "next: baton waits q1/report",
    ),
  ]);
  expect(leaves(reasons)).toMatchObject([{ since: VIRTUAL_START_MS, dueAt: expect.any(Number) }]);
});

test("a retry, a parked delivery, and one that a person has given up", async () => {
  const here = await opened({
    workflows: [
      report(
        acting("research", {
          execute: down,
          retry: { attempts: 2, backoff: { baseMs: 1_000, factor: 1, maxMs: 1_000, jitter: 0 } },
        }),
      ),
    ],
  });
  const { baton, clock } = here;
  await clock.until(baton.publish(Asked, OWLS, { id: "q1" }));
  expect(ways((await asked(here, "q1")).reasons)).toEqual([
    way(
      NO_END,
      NO_FOUND,
      `${RESEARCH} failed, and is tried again (attempt 2): Error: the source is down`,
      "next: baton waits q1/report",
    ),
  ]);
  await clock.advance(1_000);
  expect(ways((await asked(here, "q1")).reasons)).toEqual([
    way(
      NO_END,
      NO_FOUND,
      `${RESEARCH} failed, and waits for a person: Error: the source is down`,
      "next: baton dead-letters show q1/report research#1",
    ),
  ]);
  await clock.until(
    baton.resolveStep("q1/report", "research#1", { action: "fail", by: ADA, reason: "no source" }),
  );
  expect(ways((await asked(here, "q1")).reasons)).toEqual([
    way(NO_END, NO_FOUND, `${RESEARCH} was given up by a person.`, "next: baton show q1/report"),
  ]);
});

test("an event that came, and was passed over by `when`", async () => {
  const picky = choreography("report", "1.0.0", {
    starts: Asked,
    ends: Written,
    deadline: "10h",
    subscriptions: {
      research: on(Asked, acting("research"), {
        when: ({ event }) => event.confidence > 1,
        publishes: Written,
      }),
    },
  });
  const here = await opened({ workflows: [picky] });
  await here.clock.until(here.baton.publish(Asked, OWLS, { id: "q1" }));
  expect(ways((await asked(here, "q1")).reasons)).toEqual([
    way(NO_END, `${RESEARCH} was not wanted by its \`when\`.`, "next: baton events show q1"),
  ]);
});

test("an event that its topic's contract refused when it was to be published", async () => {
  const Strict = topic(
    "strict",
    contract("sure", "1.0.0", z.object({ text: z.string(), confidence: z.number().min(0.95) })),
  );
  const strict = choreography("report", "1.0.0", {
    starts: Asked,
    ends: Strict,
    deadline: "10h",
    subscriptions: {
      research: on(Asked, acting("research"), { publishes: to(Strict, (output) => output) }),
    },
  });
  const here = await opened({ workflows: [strict] });
  await here.clock.until(here.baton.publish(Asked, OWLS, { id: "q1" }));
  expect(ways((await asked(here, "q1")).reasons)).toEqual([
    way(
      NO_END.replace("written", "strict"),
      `${RESEARCH} failed, and waits for a person: CONTRACT_VIOLATED: What research#1 would publish to strict was refused at /confidence: Too small: expected number to be >=0.95`,
      "next: baton dead-letters show q1/report research#1",
    ),
  ]);
});

test("a child run that failed, and one that waits", async () => {
  const deep = workflow("deep", "1.0.0", { input: Finding })
    .approval("ok", { show: ({ input }) => input, remindEvery: "1h" })
    .step("one", acting("one", { execute: down }), {
      needs: ["input", "ok"],
      input: ({ input }) => input,
    })
    .output(({ one }) => one);
  const flow = choreography("report", "1.0.0", {
    starts: Asked,
    ends: Written,
    deadline: "10h",
    subscriptions: { research: on(Asked, deep, { publishes: Written }) },
  });
  const here = await opened({ workflows: [flow, deep] });
  const { baton, clock } = here;
  await clock.until(baton.publish(Asked, OWLS, { id: "q1" }));
  expect(ways((await asked(here, "q1")).reasons)).toEqual([
    way(
      NO_END,
      `research#1 (deep@1.0.0, event q1 of asked) waits for run ${CHILD}.`,
      `Run ${CHILD} (deep@1.0.0) has not ended.`,
      "ok waits for an approval.",
      `next: baton approve ${CHILD} ok`,
    ),
  ]);
  await clock.until(baton.approve("q1/report/research#1", "ok", { approved: true, by: ADA }));
  expect(ways((await asked(here, "q1")).reasons)).toEqual([
    way(
      NO_END,
      `research#1 (deep@1.0.0, event q1 of asked) failed, and waits for a person: Error: Run ${CHILD}: the source is down`,
      "next: baton dead-letters show q1/report research#1",
    ),
    way(`Run ${CHILD} (deep@1.0.0) failed: Error: the source is down`, `next: baton show ${CHILD}`),
  ]);
});

test("an overdue run, with what it waited for when its time was over, and a cancelled one", async () => {
  const silent = choreography("report", "1.0.0", {
    starts: Asked,
    ends: Written,
    deadline: "10m",
    subscriptions: {
      research: on(Asked, acting("research"), { publishes: to(Found, () => undefined) }),
      writing: on(all({ asked: Asked, found: Found }), acting("writing"), {
        input: ({ asked: given }) => given,
        publishes: Written,
      }),
    },
  });
  const here = await opened({ workflows: [silent] });
  const { baton, clock } = here;
  await clock.until(baton.publish(Asked, OWLS, { id: "q1" }));
  await clock.until(baton.publish(Asked, { ...OWLS, text: "others" }, { id: "q2" }));
  await clock.settle();
  await clock.until(baton.cancel("q2/report", { by: ADA, reason: "not needed" }));
  await clock.advance(11 * 60_000);
  expect(ways((await asked(here, "q1")).reasons)).toEqual([
    way(
      "Run q1/report (report@1.0.0) failed: DEADLINE_EXCEEDED: The run's deadline has passed.",
      "writing (writing@1.0.0) waits for an event of found, which has not come.",
      `${RESEARCH} was handled (entry 2), and no event of found was made of its output.`,
      "next: baton lineage q1/report research#1",
    ),
  ]);
  expect(ways((await asked(here, "q2")).reasons)).toEqual([
    way("Run q2/report was cancelled, by ada: not needed", "next: baton show q2/report"),
  ]);
});

test("an event that waits for one of its key", async () => {
  const held = gate<Finding>();
  const here = await opened({
    workflows: [report(acting("research", { execute: () => held.promise }))],
  });
  const { baton, clock } = here;
  await clock.until(baton.publish(Asked, OWLS, { id: "q1" }));
  await clock.until(baton.publish(Asked, OWLS, { id: "q2" }));
  expect(ways((await asked(here, "q2")).reasons)).toEqual([
    way(
      "report begins with events of asked, and has not taken event q2.",
      "Events of one key are handled one after the other, and run q1/report of key owls has not ended.",
      NO_END,
      NO_FOUND,
      `${RESEARCH} is executed, or can begin.`,
      "next: baton watch q1/report",
    ),
  ]);
  held.open(OWLS);
});

test("a correlation id that only events have: whose subscription is paused, or gone, or that nobody takes", async () => {
  const store = memory();
  const flow = report(acting("research"));
  const here = await opened({ workflows: [flow], store });
  const { baton, clock } = here;
  await clock.until(baton.pauseSubscription("report", { by: ADA, reason: "a wrong prompt" }));
  await clock.until(baton.publish(Asked, OWLS, { id: "e1", correlation: "c1" }));
  await clock.until(baton.publish(Written, OWLS, { id: "e2", correlation: "c2" }));
  expect(ways((await asked(here, "c1")).reasons)).toEqual([
    way(
      "report begins with events of asked, and has not taken event e1.",
      "Its subscription is paused, by ada: a wrong prompt.",
      "next: baton subscriptions resume report",
    ),
  ]);
  expect(ways((await asked(here, "c2")).reasons)).toEqual([
    way(
      "Event e2 of written came for report, of which no run has begun under this correlation id.",
      "next: baton events show e2",
    ),
  ]);
  await clock.until(baton.resumeSubscription("report", { by: ADA, reason: "mended" }));
  await clock.settle();
  expect((await asked(here, "c1")).complete).toBe(true);
  await clock.until(baton.close());
  const without = await opened({ workflows: [], topics: [Asked], store }, clock);
  await clock.until(without.baton.publish(Asked, OWLS, { id: "e3", correlation: "c3" }));
  expect(ways((await asked(without, "c3")).reasons)).toEqual([
    way(
      "report begins with events of asked, and has not taken event e3.",
      "Choreography report is not among the workflows here: whoever executes has to have it.",
      "next: baton check",
    ),
  ]);
  const nobodys = topic("nobodys", Finding);
  await clock.until(without.baton.publish(nobodys, OWLS, { id: "e4", correlation: "c5" }));
  expect(ways((await asked(without, "c5")).reasons)).toEqual([
    way(
      "Event e4 of nobodys was published, and no choreography that is known here begins with one.",
      "next: baton topics",
    ),
  ]);
  await expect(asked(without, "c4")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
});

test("an event that came for a run which has not begun", async () => {
  const awaiting = workflow("awaiting", "1.0.0", { input: Finding })
    .awaitEvent("written", Written, { timeout: "1h" })
    .output(({ written }) => written);
  const here = await opened({ workflows: [awaiting] });
  await here.clock.until(here.baton.publish(Written, OWLS, { id: "e1", correlation: "c1" }));
  expect(ways((await asked(here, "c1")).reasons)).toEqual([
    way(
      "Event e1 of written came for awaiting, of which no run has begun under this correlation id.",
      "next: baton events show e1",
    ),
  ]);
  const run = await here.clock.until(here.baton.start(awaiting, OWLS, { id: "c1" }));
  expect(await here.clock.until(run.result())).toEqual(OWLS);
  expect((await asked(here, "c1")).complete).toBe(true);
});

test("a choreography that was removed, for the workflow that awaits what it published", async () => {
  const asking = workflow("asking", "1.0.0", { input: Finding })
    .emit("ask", Asked, { data: ({ input }) => input })
    .awaitEvent("answer", Written, { needs: ["ask"], timeout: "1h" })
    .output(({ answer }) => answer);
  const store = memory();
  const first = await opened({ workflows: [report(acting("research"))], store });
  await first.clock.until(first.baton.close());
  const here = await opened({ workflows: [asking], store }, first.clock);
  await here.clock.until(here.baton.start(asking, OWLS, { id: "c1" }));
  expect(ways((await asked(here, "c1")).reasons)).toEqual([
    way(
      "Run c1 (asking@1.0.0) has not ended.",
      "answer waits for an event of written, which has not come.",
      "report begins with events of asked, and has not taken event c1@1.",
      "Choreography report is not among the workflows here: whoever executes has to have it.",
      "next: baton check",
    ),
  ]);
});
