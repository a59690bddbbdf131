/** What the compiler accepts and refuses in a workflow. There is nothing to run: `tsc` is the test. */
import { z } from "zod";
import type { Baton } from "../engine/baton.ts";
import { agent } from "./agent.ts";
import { contract } from "./contract.ts";
import { workflow } from "./workflow.ts";
import type { Workflow } from "./workflow-types.ts";

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Fails to compile unless `A` is exactly `B`. */
function same<A, B>(_proof: Equal<A, B>): void {}

const Document = z.object({ id: z.string(), pages: z.number() });
const Application = contract(
  "application",
  "1.0.0",
  z.object({ id: z.string(), income: z.number(), documents: z.array(Document) }),
);
const Person = contract("person", "1.0.0", z.object({ id: z.string() }));
const Score = contract("score", "1.0.0", z.object({ score: z.number(), confidence: z.number() }));
const Income = contract("income", "1.0.0", z.object({ monthly: z.number() }));
const Facts = contract("facts", "1.0.0", z.object({ score: z.number(), monthly: z.number() }));
const Risk = contract(
  "risk",
  "1.0.0",
  z.object({ grade: z.enum(["A", "B"]), reasons: z.array(z.string()) }),
);
const Verdict = contract(
  "verdict",
  "1.0.0",
  z.object({ approved: z.boolean(), note: z.string().optional() }),
);
const Page = contract("document", "1.0.0", Document);
const Event = contract(
  "event",
  "1.0.0",
  z.union([
    z.object({ kind: z.literal("paid"), amount: z.number() }),
    z.object({ kind: z.literal("late"), days: z.number() }),
  ]),
);

const score = agent({
  name: "score",
  version: "1.0.0",
  input: Person,
  output: Score,
  execute: async (person, ctx) => {
    same<typeof person, { readonly id: string }>(true);
    same<typeof ctx.attempt, number>(true);
    return { score: person.id.length, confidence: 1 };
  },
  compensate: async (person, output) => {
    same<typeof person, { readonly id: string }>(true);
    same<typeof output, { readonly score: number; readonly confidence: number }>(true);
  },
});
const income = agent({
  name: "income",
  version: "1.0.0",
  input: Person,
  output: Income,
  execute: () => ({ monthly: 1 }),
});
const risk = agent({
  name: "risk",
  version: "1.0.0",
  input: Facts,
  output: Risk,
  // A literal is not widened to string on its way out.
  execute: ({ score: points }) =>
    points > 1 ? { grade: "A", reasons: [] } : { grade: "B", reasons: ["low"] },
});
const check = agent({
  name: "check",
  version: "1.0.0",
  input: Page,
  output: Verdict,
  execute: () => ({ approved: true }),
});
const listen = agent({
  name: "listen",
  version: "1.0.0",
  input: Event,
  output: Verdict,
  execute: () => ({ approved: true }),
});
const review = agent({
  name: "review",
  version: "1.0.0",
  input: Risk,
  output: Score,
  execute: () => ({ score: 1, confidence: 1 }),
});

agent({
  name: "bad",
  version: "1.0.0",
  input: Person,
  output: Risk,
  // @ts-expect-error a literal that the contract has not
  execute: () => ({ grade: "C", reasons: [] }),
});
agent({
  name: "bad",
  version: "1.0.0",
  input: Person,
  output: Income,
  // @ts-expect-error the input is frozen
  execute: (person) => ((person.id = "x"), { monthly: 1 }),
});
const begun = workflow("decision", "1.0.0", { input: Application });
const base = begun
  .step("score", score, { input: ({ input }) => ({ id: input.id }) })
  .step("income", income, {
    when: ({ input }) => input.income > 0,
    input: ({ input }) => ({ id: input.id }),
  });

// What is accepted, with nothing annotated.
const decision = base
  .step("risk", risk, {
    needs: ["score", "income"],
    requires: { "confidence is at least 0.7": ({ score: { confidence } }) => confidence >= 0.7 },
    onRefused: { sendBack: "score", turns: 2 },
    input: ({ score: { score: points }, income: earned }) => ({
      score: points,
      monthly: earned?.monthly ?? 0,
    }),
  })
  .map("checks", check, {
    over: ({ input }) => input.documents,
    input: (document, index, view) => {
      same<typeof document, { readonly id: string; readonly pages: number }>(true);
      same<typeof index, number>(true);
      same<typeof view.input.id, string>(true);
      return document;
    },
    concurrency: 4,
  })
  .map("tries", check, {
    needs: ["input"],
    over: ({ input }) => input.documents,
    input: (document) => ({ id: document.id, pages: 1 }),
    failures: "settled",
  })
  .branch(
    "review",
    { needs: ["risk"], choose: (view) => (view.risk.grade === "A" ? "fast" : "full") },
    (take) =>
      take
        .case("fast", review, { input: (view) => view.risk })
        .case("full", listen, { input: () => ({ kind: "paid", amount: 1 }) }),
  )
  .repeat("refine", score, {
    needs: ["risk"],
    input: (view, previous, round) => {
      same<typeof previous, { readonly score: number; readonly confidence: number } | undefined>(
        true,
      );
      same<typeof round, number>(true);
      return { id: view.risk.grade };
    },
    until: (output) => output.confidence > 0.9,
    limit: 5,
    atLimit: "last",
  })
  .sleep("cool-off", { for: "24h" })
  .sleep("morning", { needs: ["risk"], until: (view) => view.risk.grade })
  .approval("sign-off", {
    needs: ["risk"],
    show: (view) => view.risk,
    timeout: "3d",
    onTimeout: "refused",
  })
  .awaitSignal("papers", { contract: Page, remindEvery: "1d" })
  .awaitSignal("maybe-papers", { contract: Page, timeout: "1d", onTimeout: "skip" })
  .awaitSignal("default-papers", {
    contract: Page,
    timeout: "1d",
    onTimeout: { value: { id: "", pages: 0 } },
  })
  .step("skipped", score, { onRefused: "skip", input: ({ input }) => ({ id: input.id }) })
  .output((state) => {
    same<typeof state.score, { readonly score: number; readonly confidence: number }>(true);
    same<typeof state.income, { readonly monthly: number } | undefined>(true);
    same<
      typeof state.checks,
      readonly { readonly approved: boolean; readonly note?: string | undefined }[]
    >(true);
    same<(typeof state.tries)[number]["ok"], boolean>(true);
    const tried = state.tries[0];
    if (tried?.ok === true) same<typeof tried.value.approved, boolean>(true);
    if (tried?.ok === false) same<typeof tried.error.code, string>(true);
    same<
      typeof state.review,
      | { readonly score: number; readonly confidence: number }
      | { readonly approved: boolean; readonly note?: string | undefined }
    >(true);
    same<typeof state.refine, { readonly score: number; readonly confidence: number }>(true);
    same<(typeof state)["cool-off"], { readonly dueAt: string }>(true);
    same<(typeof state)["sign-off"]["reason"], string | null>(true);
    same<typeof state.papers, { readonly id: string; readonly pages: number }>(true);
    same<
      (typeof state)["maybe-papers"],
      { readonly id: string; readonly pages: number } | undefined
    >(true);
    same<(typeof state)["default-papers"], { readonly id: string; readonly pages: number }>(true);
    same<typeof state.skipped, { readonly score: number; readonly confidence: number } | undefined>(
      true,
    );
    return { status: "done", grade: state.risk.grade };
  });

// The output needs no annotation, and its literals stay what they are.
type Input = { id: string; income: number; documents: { id: string; pages: number }[] };
same<typeof decision, Workflow<Input, { readonly status: "done"; readonly grade: "A" | "B" }>>(
  true,
);

const checked = workflow("checked", "1.0.0", { input: Application, output: Verdict })
  .step("score", score, { input: ({ input }) => ({ id: input.id }) })
  .output((state) => ({ approved: state.score.score > 1 }));
same<
  typeof checked,
  Workflow<Input, { readonly approved: boolean; readonly note?: string | undefined }>
>(true);

base.subflow("nested", checked, { input: ({ input }) => input }).output(({ nested }) => {
  same<typeof nested.approved, boolean>(true);
  return nested;
});
base
  .branch("way", { choose: ({ input }) => (input.income > 1 ? "one" : "other") }, (take) =>
    take
      .case("one", checked, { input: ({ input }) => input })
      .case("other", check, { input: ({ input }) => ({ id: input.id, pages: 1 }) }),
  )
  .output(({ way }) => {
    same<typeof way.approved, boolean>(true);
    return way;
  });

// No needs at all: nothing is seen.
base.step("nothing", score, {
  needs: [],
  input: (view) => {
    same<keyof typeof view, never>(true);
    return { id: "x" };
  },
});

// A member of a union may be given with the keys that only it has.
base.step("listen", listen, { input: () => ({ kind: "late", days: 3 }) });

// Needs.
// @ts-expect-error wrong key
base.step("a", score, { needs: ["scores"], input: () => ({ id: "x" }) });
begun
  // @ts-expect-error a step that does not exist yet
  .step("a", risk, { needs: ["later"], input: () => ({ score: 1, monthly: 1 }) })
  .step("later", score, { input: () => ({ id: "" }) });
// @ts-expect-error a step can't need itself
base.step("a", score, { needs: ["a"], input: () => ({ id: "x" }) });

// Mappings.
// @ts-expect-error wrong type of a field
base.step("a", score, { input: ({ input }) => ({ id: input.income }) });
// @ts-expect-error missing field
base.step("a", risk, { needs: ["score"], input: (view) => ({ score: view.score.score }) });
// @ts-expect-error excess key
base.step("a", score, { input: ({ input }) => ({ id: input.id, extra: 1 }) });
// @ts-expect-error excess keys of a wider value
base.step("a", score, { input: ({ input }) => input });
// @ts-expect-error asynchronous
base.step("a", score, { input: async ({ input }) => ({ id: input.id }) });
// @ts-expect-error `input` is not seen unless it is needed
base.step("a", score, { needs: ["score"], input: ({ input }) => ({ id: input.id }) });
// @ts-expect-error an undeclared key
base.step("a", score, { needs: ["score"], input: (view) => ({ id: String(view.income) }) });
base.step("a", risk, {
  needs: ["income"],
  // @ts-expect-error a step that may have been skipped
  input: (view) => ({ score: 1, monthly: view.income.monthly }),
});
// @ts-expect-error the view is read-only
base.step("a", score, { input: (view) => ((view.input = { ...view.input }), { id: "x" }) });
// @ts-expect-error and so is what is in it
base.step("a", score, { input: ({ input }) => ((input.id = "y"), { id: "x" }) });
base.step("a", score, {
  // @ts-expect-error and its lists
  input: ({ input }) => (input.documents.push({ id: "", pages: 1 }), { id: "x" }),
});

// Rules.
base.step("a", score, {
  needs: ["input"],
  // @ts-expect-error an undeclared key in a rule
  requires: { fair: (view) => view.score.score > 1 },
  input: () => ({ id: "x" }),
});
// @ts-expect-error an asynchronous rule
base.step("a", score, { requires: { fair: async () => true }, input: () => ({ id: "x" }) });
// @ts-expect-error an undeclared key in a condition
base.step("a", score, { when: (view) => view.score.score > 1, input: () => ({ id: "x" }) });
// @ts-expect-error an asynchronous condition
base.step("a", score, { when: async () => true, input: () => ({ id: "x" }) });
base.step("a", score, {
  needs: ["input"],
  // @ts-expect-error sent back to a step that is not needed
  onRefused: { sendBack: "score", turns: 1 },
  input: () => ({ id: "x" }),
});
base.step("a", score, {
  needs: ["input"],
  // @ts-expect-error the input can't be sent back
  onRefused: { sendBack: "input", turns: 1 },
  input: () => ({ id: "x" }),
});
// @ts-expect-error an option that does not exist
base.step("a", score, { needs: ["input"], unless: () => true, input: () => ({ id: "x" }) });

// Names.
// @ts-expect-error taken
base.step("score", score, { input: ({ input }) => ({ id: input.id }) });
// @ts-expect-error reserved
base.step("input", score, { input: ({ input }) => ({ id: input.id }) });
// @ts-expect-error dynamic
base.step(String(1), score, { input: () => ({ id: "x" }) });
// @ts-expect-error dynamic in part
base.step(`a-${String(1)}` as const, score, { input: () => ({ id: "x" }) });
// @ts-expect-error one of two
base.step(Math.random() > 0.5 ? "a" : "b", score, { input: () => ({ id: "x" }) });

// Map.
// @ts-expect-error not a list
base.map("a", check, { over: ({ input }) => input.income, input: () => ({ id: "", pages: 1 }) });
base.map("a", check, {
  // @ts-expect-error an asynchronous list
  over: async ({ input }) => input.documents,
  input: () => ({ id: "", pages: 1 }),
});
base.map("a", check, {
  over: ({ input }) => input.documents,
  // @ts-expect-error excess key for an item
  input: (document) => ({ ...document, extra: 1 }),
});
base.map("a", check, {
  over: ({ input }) => input.documents,
  // @ts-expect-error an item is read-only
  input: (document) => ((document.id = ""), document),
});
// @ts-expect-error asynchronous mapping of an item
base.map("a", check, { over: ({ input }) => input.documents, input: async (document) => document });

// Branch.
const way = (view: { readonly input: { readonly income: number } }) =>
  view.input.income > 1 ? "one" : "other";
base.branch("a", { choose: way }, (take) =>
  // @ts-expect-error a case is missing
  take.case("one", score, { input: ({ input }) => ({ id: input.id }) }),
);
base.branch("a", { choose: way }, (take) =>
  take
    .case("one", score, { input: ({ input }) => ({ id: input.id }) })
    .case("other", score, { input: ({ input }) => ({ id: input.id }) })
    // @ts-expect-error a case that choose never gives
    .case("third", score, { input: () => ({ id: "" }) }),
);
base.branch("a", { choose: way }, (take) =>
  take
    .case("one", score, { input: ({ input }) => ({ id: input.id }) })
    .case("other", score, { input: ({ input }) => ({ id: input.id }) })
    // @ts-expect-error a case twice
    .case("one", score, { input: () => ({ id: "" }) }),
);
base.branch("a", { choose: ({ input }) => input.id }, (take) =>
  // @ts-expect-error any string at all: no cases can be complete
  take.case("one", score, { input: () => ({ id: "" }) }),
);
base.branch("a", { choose: () => "one" }, (take) =>
  // @ts-expect-error excess key in a case's mapping
  take.case("one", score, { input: ({ input }) => ({ id: input.id, extra: 1 }) }),
);
base.branch("a", { choose: () => "one" }, (take) =>
  // @ts-expect-error an undeclared key in a case's mapping
  take.case("one", score, { input: (view) => ({ id: String(view.score) }) }),
);
// @ts-expect-error asynchronous choice
base.branch("a", { choose: async () => "one" }, (take) =>
  take.case("one", score, { input: () => ({ id: "" }) }),
);

// Repeat.
// @ts-expect-error asynchronous rule
base.repeat("a", score, { input: () => ({ id: "" }), until: async () => true, limit: 2 });
base.repeat("a", score, {
  // @ts-expect-error the output of the round before is absent in the first
  input: (_view, previous) => ({ id: String(previous.score) }),
  until: () => true,
  limit: 2,
});
// @ts-expect-error a limit must be given
base.repeat("a", score, { input: () => ({ id: "" }), until: () => true });
// @ts-expect-error excess key
base.repeat("a", score, { input: () => ({ id: "", extra: 1 }), until: () => true, limit: 2 });

// Subflow.
// @ts-expect-error a workflow without its output can't be a part of another
base.subflow("a", base, { input: ({ input }) => input });
// @ts-expect-error wrong input
base.subflow("a", checked, { input: ({ input }) => ({ id: input.id }) });
// @ts-expect-error asynchronous
base.subflow("a", checked, { input: async ({ input }) => input });

// Sleep, approval, signal.
// @ts-expect-error neither a length nor a moment
base.sleep("a", {});
// @ts-expect-error both
base.sleep("a", { for: "1h", until: () => "2030-01-01T00:00:00Z" });
// @ts-expect-error no unit
base.sleep("a", { for: "1" });
// @ts-expect-error an asynchronous moment
base.sleep("a", { until: async () => "2030-01-01T00:00:00Z" });
// @ts-expect-error neither timeout nor reminder
base.approval("a", { show: ({ input }) => input });
// @ts-expect-error asynchronous
base.approval("a", { show: async ({ input }) => input, timeout: "1h" });
// @ts-expect-error an undeclared key is shown
base.approval("a", { show: (view) => view.score, timeout: "1h" });
// @ts-expect-error neither timeout nor reminder
base.awaitSignal("a", { contract: Page });
// @ts-expect-error a default that breaks the contract's type
base.awaitSignal("a", { contract: Page, timeout: "1h", onTimeout: { value: { id: 1, pages: 1 } } });

// Savepoint and pivot.
base.step("a", score, { input: () => ({ id: "" }), savepoint: true, pivot: false });
base.sleep("a", { for: "1h", savepoint: { attempts: 2 }, pivot: true });
// @ts-expect-error how often is a number
base.sleep("a", { for: "1h", savepoint: { attempts: "2" } });
// @ts-expect-error it says how often
base.sleep("a", { for: "1h", savepoint: {} });
// @ts-expect-error true or false
base.sleep("a", { for: "1h", pivot: "yes" });

// Output.
// @ts-expect-error asynchronous
base.output(async (state) => state.score);
// @ts-expect-error possibly absent
base.output((state) => state.income);
const promised = workflow("promised", "1.0.0", { input: Application, output: Verdict });
// @ts-expect-error another type than the contract's
promised.output(() => ({ approved: "yes" }));
// @ts-expect-error excess key
promised.output(() => ({ approved: true, extra: 1 }));

export async function starts(baton: Baton): Promise<void> {
  const application = { id: "1", income: 1, documents: [] };
  const run = await baton.start(decision, application);
  const result = await run.result();
  same<typeof result, { readonly status: "done"; readonly grade: "A" | "B" }>(true);
  // @ts-expect-error a workflow without output can't be started
  await baton.start(base, application);
  // @ts-expect-error wrong input
  await baton.start(decision, { id: 1, income: 1, documents: [] });
}
