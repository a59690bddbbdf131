/** 10,000 research runs as a choreography end as the same agents do when they are orchestrated, whatever comes twice or between. */
import { all, choreography, contract, memory, on, open, to, topic, workflow } from "baton";
import { countedIds, virtualClock } from "baton/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { agentOf } from "../support/opened.ts";

const Question = contract("question", "1.0.0", z.object({ about: z.string(), depth: z.int() }));
const Finding = contract("finding", "1.0.0", z.object({ text: z.string(), confidence: z.int() }));
const Report = contract("report", "1.0.0", z.object({ report: z.string() }));
interface Question {
  readonly about: string;
  readonly depth: number;
}
interface Finding {
  readonly text: string;
  readonly confidence: number;
}
interface Report {
  readonly report: string;
}
const Asked = topic("asked", Question, { key: ({ about }) => about });
const Found = topic("found", Finding, { key: ({ text }) => text.slice(0, 1) });
const Vague = topic("vague", Finding);
const Analysed = topic("analysed", Finding);
const Checked = topic("checked", Finding);
const Written = topic("written", Report);

const research = agentOf<Question, Finding>("research", ({ about, depth }) => ({
  text: `${depth} ${about}`,
  confidence: (depth * 7) % 10,
}));
const analysis = agentOf<Finding, Finding>("analysis", ({ text, confidence }) => ({
  text: `analysed ${text}`,
  confidence,
}));
const checking = agentOf<Finding, Finding>("checking", ({ text, confidence }) => ({
  text: `checked ${text}`,
  confidence: confidence + 1,
}));
const writing = agentOf<Finding, Report>("writing", ({ text, confidence }) => ({
  report: `${text} (${confidence})`,
}));

const isSure = ({ confidence }: Finding) => confidence >= 5;
const given = ({ text, confidence }: Finding) => ({ text, confidence });
const joined = (a: Finding, b: Finding): Finding => ({
  text: `${a.text} + ${b.text}`,
  confidence: a.confidence + b.confidence,
});

const choreographed = choreography("research", "1.0.0", {
  starts: Asked,
  ends: Written,
  deadline: "1h",
  subscriptions: {
    research: on(Asked, research, {
      input: ({ event }) => event,
      publishes: [
        to(Found, (output) => (isSure(output) ? given(output) : undefined)),
        to(Vague, (output) => (isSure(output) ? undefined : given(output))),
      ],
    }),
    analysis: on(Found, analysis, { input: ({ event }) => event, publishes: to(Analysed, given) }),
    checking: on(Found, checking, { input: ({ event }) => event, publishes: to(Checked, given) }),
    writing: on(all({ analysed: Analysed, checked: Checked }), writing, {
      input: ({ analysed, checked }) => joined(analysed, checked),
      publishes: { topic: Written, data: ({ report }) => ({ report }) },
    }),
    apology: on(Vague, writing, {
      input: ({ event }) => event,
      publishes: { topic: Written, data: ({ report }) => ({ report }) },
    }),
  },
});

const orchestrated = workflow("orchestrated", "1.0.0", { input: Question })
  .step("found", research, { input: ({ input }) => input })
  .step("analysed", analysis, {
    needs: ["found"],
    when: ({ found }) => isSure(found),
    input: ({ found }) => found,
  })
  .step("checked", checking, {
    needs: ["found"],
    when: ({ found }) => isSure(found),
    input: ({ found }) => found,
  })
  .step("written", writing, {
    needs: ["found", "analysed", "checked"],
    input: ({ found, analysed, checked }) =>
      analysed === undefined || checked === undefined ? found : joined(analysed, checked),
  })
  .output(({ written }) => written);

/** What is published: some of it twice, with the same id, and in any order. */
const questions = fc.array(
  fc.record({
    question: fc.record({ about: fc.nat(30).map((n) => `owl ${n}`), depth: fc.nat(99) }),
    again: fc.boolean(),
    order: fc.nat(),
  }),
  { minLength: 400, maxLength: 400 },
);

test("10,000 research runs end as they do orchestrated, each once, whatever is published twice or in between", async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(questions, async (asked) => {
      const clock = virtualClock();
      const store = memory({ now: () => clock.now() });
      const workflows = [choreographed, orchestrated];
      const baton = await clock.until(open({ store, clock, ids: countedIds(), workflows }));
      const publications = asked
        .flatMap(({ question, again, order }, n) => [
          { n, question, order },
          ...(again ? [{ n, question, order: (order * 31) % 1_009 }] : []),
        ])
        .sort((a, b) => a.order - b.order);
      const published = publications.map(({ n, question }) =>
        baton.publish(Asked, question, { id: `e${n}` }),
      );
      const expected = asked.map(async ({ question }, n) => {
        const run = await baton.start(orchestrated, question, { id: `o${n}` });
        return await run.result();
      });
      await clock.until(Promise.all(published));
      for (let lag = 1; lag > 0; ) {
        await clock.settle();
        const [taking] = await clock.until(baton.subscriptions());
        lag = taking?.lag ?? 0;
      }
      const ends = asked.map(async (_, n) => await (await baton.run(`e${n}/research`)).result());
      expect(await clock.until(Promise.all(ends))).toEqual(
        await clock.until(Promise.all(expected)),
      );
      let found = 0;
      for (const { id, status } of await clock.until(baton.runs({ limit: 1_000 }))) {
        expect(status).toBe("completed");
        if (id.startsWith("e")) found += 1;
      }
      expect(found).toBe(asked.length);
      runs += found;
      await clock.until(baton.close({ graceMs: 0 }));
    }),
    { numRuns: 25, endOnFailure: true },
  );
  expect(runs).toBeGreaterThanOrEqual(10_000);
}, 120_000);
