/** Workflows whose runs have every kind of span, with values of which some may never be seen. */
import { agent, choreography, contract, exponential, on, topic, workflow } from "baton";
import { z } from "zod";

const SECRETS = ["078-05-1120", "4111-1111", "my-own-key", "left-out"] as const;
export const [SSN, CARD, KEY, NOTE] = SECRETS;

const Person = contract(
  "person",
  "1.0.0",
  z.object({ n: z.number(), ssn: z.string(), cards: z.array(z.object({ card: z.string() })) }),
  { sensitive: ["/ssn", "/cards/*/card"] },
);
const Scored = contract("scored", "1.0.0", z.object({ score: z.number(), key: z.string() }), {
  sensitive: ["/key"],
});
const Noted = contract("noted", "1.0.0", z.object({ note: z.string() }), { sensitive: ["/note"] });
const Count = contract("count", "1.0.0", z.number());
const Few = contract("few", "1.0.0", z.number().max(50));

const retry = { attempts: 2, backoff: exponential("1ms", { jitter: 0 }) };
const score = agent({
  name: "score",
  version: "2.0.0",
  input: Person,
  output: Scored,
  retry,
  execute: ({ n, ssn }, { attempt, usage }) => {
    usage({ model: "m-1", inputTokens: n, outputTokens: 1 });
    if (n % 2 === 1 && attempt === 1) throw new Error("once more");
    return { score: n, key: ssn === SSN ? KEY : "" };
  },
});
/** The first turn is too much for what comes after it. */
const draft = agent({
  name: "draft",
  version: "1.0.0",
  input: Scored,
  output: Count,
  execute: ({ score: n }, { turn }) => (turn === 0 ? 100 : n),
});
const review = agent({
  name: "review",
  version: "1.0.0",
  input: Few,
  output: Count,
  execute: (n) => n,
});
const noting = agent({
  name: "noting",
  version: "1.0.0",
  input: Noted,
  output: Noted,
  execute: ({ note }) => ({ note: `${note}!` }),
});
const standIn = agent({
  name: "stand-in",
  version: "1.0.0",
  input: Noted,
  output: Noted,
  execute: (note) => note,
});
const down = agent({
  name: "down",
  version: "1.0.0",
  input: Noted,
  output: Noted,
  breaker: { failures: 1, cooldown: "10m", whenOpen: { fallback: standIn } },
  retry,
  execute: () => {
    throw new Error("it is down");
  },
});
const add = agent({
  name: "add",
  version: "1.0.0",
  input: Count,
  output: Count,
  execute: (n) => n + 1,
  compensate: () => {},
});
const last = agent({
  name: "last",
  version: "1.0.0",
  input: Count,
  output: Count,
  execute: (n) => {
    if (n % 3 === 0) throw new Error("not these");
    return n;
  },
});
const inner = workflow("inner", "1.0.0", { input: Count })
  .step("add", add, { input: ({ input }) => input })
  .output(({ add: n }) => n);

/** Retries, a fallback, a turn that was sent back, items, rounds, a branch, a child; every third run goes back. */
export const everything = workflow("everything", "1.0.0", { input: Person })
  .step("score", score, { input: ({ input }) => input })
  .step("draft", draft, { needs: ["score"], input: ({ score: scored }) => scored })
  .step("review", review, {
    needs: ["draft"],
    input: ({ draft: n }) => n,
    onRefused: { sendBack: "draft", turns: 2 },
  })
  .step("note", down, { needs: ["score"], input: () => ({ note: NOTE }) })
  .map("items", add, {
    needs: ["input", "review"],
    over: ({ input, review: n }) => [n, input.n + 1, 7],
    input: (item) => item,
  })
  .repeat("rounds", add, {
    needs: ["review"],
    input: ({ review: n }, previous) => previous ?? n,
    until: (n) => n % 5 === 0,
    limit: 6,
  })
  .branch(
    "way",
    {
      needs: ["rounds"],
      choose: ({ rounds }): "notes" | "counts" => (rounds > 5 ? "notes" : "counts"),
    },
    (take) =>
      take
        .case("notes", noting, { input: () => ({ note: NOTE }) })
        .case("counts", inner, { input: ({ rounds }) => rounds }),
  )
  .subflow("child", inner, { needs: ["items"], input: ({ items }) => items.length })
  .step("last", last, { needs: ["input", "way", "child"], input: ({ input }) => input.n })
  .output(({ last: n }) => n);

const slow = agent({
  name: "slow",
  version: "1.0.0",
  input: Count,
  output: Count,
  execute: async (n, { signal }) => {
    if (n === 0) throw new Error("it fails at once");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return n;
  },
});
/** What is under way when another item fails is given all the same, and nobody can say of what any more. */
export const givingUp = workflow("giving-up", "1.0.0", { input: Count })
  .map("items", slow, {
    needs: ["input"],
    over: ({ input }) => [1, 2, input],
    input: (item) => item,
  })
  .output(({ items }) => items);

const Paid = topic("paid", Person);
const Posted = topic("posted", Noted);
const posting = agent({
  name: "posting",
  version: "1.0.0",
  input: Person,
  output: Noted,
  execute: () => ({ note: NOTE }),
});
/** An event from outside, and one of its own. */
export const events = choreography("events", "1.0.0", {
  starts: Paid,
  ends: Posted,
  deadline: "10m",
  subscriptions: { post: on(Paid, posting, { publishes: Posted }) },
});
export const paid: typeof Paid = Paid;

interface PersonData {
  n: number;
  ssn: string;
  cards: { card: string }[];
}

export function person(n: number): PersonData {
  return { n, ssn: SSN, cards: [{ card: CARD }] };
}

export const secrets: readonly string[] = SECRETS;
