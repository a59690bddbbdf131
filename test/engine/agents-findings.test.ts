/** What an agent itself says of a failed attempt: what is wrong with its answer, and that nobody can tell what it used. */
import { BatonError, budget, type Failure, memory, type Violation } from "baton";
import { expect, test } from "vitest";
import { budgetOf, limited } from "../support/limited.ts";
import { agentOf, opened, payloadsOf, single } from "../support/opened.ts";

function violated(violations: unknown): BatonError {
  return new BatonError("CONTRACT_VIOLATED", "It is wrong.", { details: { violations } });
}

const WRONG = { contract: "answer@1.0.0", path: "/a", rule: "short", message: "It is too long." };

test("violations that an agent finds itself are recorded, and are the feedback of its next attempt", async () => {
  const heard: (readonly Violation[])[] = [];
  const thrown = [
    violated([{ ...WRONG, value: "long", more: "is left out" }]),
    violated([
      { ...WRONG, message: "\ud800", value: "x".repeat(2_000) },
      { ...WRONG, value: () => "no JSON" },
      { path: "/a" },
      "what?",
    ]),
    // Neither of these says anything: what was said before stays said.
    violated("nothing"),
    new BatonError("ARGUMENT_INVALID", "It is wrong.", { details: { violations: [WRONG] } }),
  ];
  const author = agentOf(
    "author",
    (n: number, { attempt, feedback }) => {
      heard.push(feedback);
      const error = thrown[attempt - 1];
      if (error !== undefined) throw error;
      return n;
    },
    { attempts: 5 },
  );
  const flow = single(author);
  const { baton, clock } = await opened({ workflows: [flow] });
  const run = await baton.start(flow, 1, { id: "r" });
  expect(await clock.until(run.result())).toBe(1);
  const first = [{ ...WRONG, value: "long" }];
  const second = [{ ...WRONG, message: "\ufffd" }, WRONG];
  expect(heard).toEqual([[], first, second, second, second]);
  const failed = await payloadsOf(baton, "r", "attempt.failed");
  const recorded = failed.map((payload) => (payload as unknown as { error: Failure }).error);
  expect(recorded.map(({ violations }) => violations)).toEqual([
    first,
    second,
    undefined,
    undefined,
  ]);
  expect((await baton.verify()).problems).toEqual([]);
});

test("of an attempt of which nobody can tell what it used, all that was set aside counts", async () => {
  const errors = [
    Object.assign(new Error("lost"), { usageUnknown: true }),
    new BatonError("OVERLOADED", "lost", { details: { usageUnknown: true } }),
    Object.assign(new Error("refused"), { usageUnknown: false }),
  ];
  const asks = limited(
    (_input, { attempt, usage }) => {
      usage({ model: "fable", inputTokens: 1, outputTokens: 2 });
      throw errors[attempt - 1] ?? new Error("one attempt too many");
    },
    { attempts: 3, budgets: [budget("spend", { tokens: 1_000 })], maximum: { tokens: 100 } },
  );
  const flow = single(asks);
  const { baton, clock } = await opened({ workflows: [flow], store: memory() });
  const run = await baton.start(flow, 1, { id: "r" });
  await clock.until(run.outcome());
  expect((await budgetOf(baton)).spent).toEqual({ tokens: 203 });
});
