/** Exactly one span for each attempt in the journal, whatever the process dies of, and however often it is sent again. */
import { type Entry, memory, open, type StoreFactory, workflow } from "baton";
import { otel } from "baton/otel";
import { countedIds, faultyStore, virtualClock } from "baton/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { agentOf, count, entriesOf } from "../support/opened.ts";
import { type CollectedSpan, type Collector, otlpCollector } from "../support/otlp-collector.ts";
import { undoing } from "../support/undoing.ts";

/** Items, rounds, a child, retries, a way back. */
function busy(isDead: () => boolean) {
  const alive = () => {
    if (isDead()) throw new Error("This process has died.");
  };
  const pay = undoing<number>("pay", [], {
    execute: (n) => {
      alive();
      return n + 1;
    },
    compensation: { attempts: 3 },
    compensate: (_input, _output, { attempt }) => {
      alive();
      if (attempt < 2) throw new Error("not yet");
    },
  });
  const shaky = agentOf(
    "shaky",
    (n: number, { attempt, usage }) => {
      alive();
      usage({ model: `m${attempt}`, inputTokens: n, outputTokens: 1 });
      usage({ model: "other", inputTokens: 1, outputTokens: 1 });
      if (attempt < 2) throw new Error("once more");
      return n;
    },
    { attempts: 3 },
  );
  const boom = agentOf("boom", (): number => {
    alive();
    throw new Error("it broke");
  });
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("x", pay, { input: ({ input }) => input })
    .output(({ x }) => x);
  return workflow("busy", "1.0.0", { input: count })
    .step("first", pay, { input: ({ input }) => input })
    .map("items", shaky, {
      needs: ["first"],
      over: ({ first }) => [first, first + 1],
      input: (item) => item,
    })
    .repeat("grow", pay, {
      needs: ["first"],
      input: ({ first }, previous) => previous ?? first,
      until: (n) => n >= 4,
      limit: 5,
    })
    .subflow("sub", inner, { needs: ["items"], input: ({ items }) => items.length })
    .step("end", boom, { needs: ["sub", "grow"], input: ({ sub }) => sub })
    .output(({ end }) => end);
}

/** Lives until it dies at one of its appends, or all is done. */
async function live(
  store: StoreFactory,
  collector: Collector,
  {
    dieAt,
    before,
    life,
  }: { readonly dieAt: number; readonly before: boolean; readonly life: number },
): Promise<boolean> {
  const clock = virtualClock(1_790_000_000_000 + life * 100_000);
  const faulty = faultyStore(store, (append) =>
    append !== dieAt ? "commit" : before ? "crashBefore" : "crashAfter",
  );
  const flow = busy(faulty.isDead);
  const work = async (): Promise<boolean> => {
    const baton = await open({
      store: faulty.factory,
      workflows: [flow],
      clock,
      ids: countedIds(0, `id-${life}`),
      tracing: otel({ url: `${collector.url}/v1/traces` }),
    });
    const run = await baton.start(flow, 1, { id: "r" });
    expect(await run.outcome()).toMatchObject({ kind: "compensated", step: "end" });
    await baton.close();
    return true;
  };
  return await clock.until(Promise.race([work(), faulty.crashed.then(() => false)]));
}

const ATTEMPTS = ["step.sealed", "item.sealed", "attempt.failed", "attempt.unknown"];
const isAttempt = ({ kind, by, attempt }: Entry) =>
  ATTEMPTS.includes(kind) && by.kind === "agent" && attempt !== undefined;
const placeOf = ({ path, turn, attempt }: Entry) => `${path} ${turn ?? 0} ${attempt}`;

function placed(spans: readonly CollectedSpan[], kind: string, run: string): readonly string[] {
  return spans
    .filter(
      ({ attributes }) => attributes["baton.kind"] === kind && attributes["baton.run"] === run,
    )
    .map(({ attributes: of }) => `${of["baton.path"]} ${of["baton.turn"]} ${of["baton.attempt"]}`)
    .sort();
}

async function expectWhole(store: StoreFactory, sent: readonly CollectedSpan[]): Promise<void> {
  const byId = new Map(sent.map((span) => [span.spanId, span]));
  const spans = [...byId.values()];
  // What was sent twice was the same both times.
  for (const span of sent) expect(span).toEqual(byId.get(span.spanId));
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  const roots = spans.filter(({ parentId }) => parentId === "");
  expect(roots.map(({ name }) => name)).toEqual(["invoke_workflow busy"]);
  for (const { parentId, name } of spans)
    if (parentId !== "") expect(byId.has(parentId), `the parent of ${name}`).toBe(true);
  const baton = await open({ store, workflows: [], readOnly: true });
  expect((await baton.verify()).problems).toEqual([]);
  for (const { id } of await baton.runs()) {
    const entries = await entriesOf(baton, id);
    const attempts = [...new Set(entries.filter(isAttempt).map(placeOf))].sort();
    expect(placed(spans, "attempt", id)).toEqual(attempts);
    const undone = entries.filter(({ kind }) => /^compensation\.(sealed|failed)$/.test(kind));
    expect(spans.filter(of("compensation", id))).toHaveLength(undone.length);
    expect(spans.filter(of("run", id))).toHaveLength(1);
  }
  await baton.close();
}

const of =
  (kind: string, run: string) =>
  ({ attributes }: CollectedSpan) =>
    attributes["baton.kind"] === kind && attributes["baton.run"] === run;

describe("traces after crashes", () => {
  for (let seed = 1; seed <= 24; seed += 1)
    test(`seed ${seed}: one span for each attempt, the same whenever it is sent`, async () => {
      const collector = await otlpCollector();
      onTestFinished(() => collector.close());
      const store = memory();
      let [chance, life, done] = [seed * 104_729, 0, false];
      const dice = (sides: number) => {
        chance = (chance * 48_271) % 2_147_483_647;
        return chance % sides;
      };
      while (!done) {
        // The fifth life is a long one.
        const dieAt = life < 4 ? 3 + dice(12) : 0;
        if (dice(3) === 0) collector.answers.push(503);
        done = await live(store, collector, { dieAt, before: dice(2) === 0, life });
        life += 1;
      }
      // Whoever opens next sends what the one before left.
      collector.answers.length = 0;
      const clock = virtualClock(1_790_009_000_000);
      const baton = await clock.until(
        open({
          store,
          workflows: [busy(() => false)],
          clock,
          tracing: otel({ url: `${collector.url}/v1/traces` }),
        }),
      );
      await clock.until(baton.close());
      expect(life).toBeGreaterThan(1);
      await expectWhole(store, collector.spans);
    });
});
