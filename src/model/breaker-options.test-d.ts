/** What the option `breaker` takes, and what must not compile. */
import { z } from "zod";
import { agent } from "./agent.ts";
import { contract } from "./contract.ts";

const Person = contract("person", "1.0.0", z.object({ id: z.string() }));
const Application = contract(
  "application",
  "1.0.0",
  z.object({ id: z.string(), income: z.number() }),
);
const Score = contract("score", "1.0.0", z.object({ score: z.number() }));
const Income = contract("income", "1.0.0", z.object({ monthly: z.number() }));

const income = agent({
  name: "income",
  version: "1.0.0",
  input: Person,
  output: Income,
  execute: () => ({ monthly: 1 }),
});
const score = agent({
  name: "score",
  version: "1.0.0",
  input: Person,
  output: Score,
  execute: () => ({ score: 700 }),
});

agent({
  name: "bad",
  version: "1.0.0",
  input: Person,
  output: Income,
  // @ts-expect-error no such option of a breaker
  breaker: { threshold: 5 },
  execute: () => ({ monthly: 1 }),
});

const incomeOfApplication = agent({
  name: "income-of-application",
  version: "1.0.0",
  input: Application,
  output: Income,
  execute: (application) => ({ monthly: application.income }),
});

// A fallback takes what the agent takes, and gives what the agent gives.
agent({
  name: "behind-a-breaker",
  version: "1.0.0",
  input: Person,
  output: Income,
  breaker: { failures: 3, cooldown: "10s", whenOpen: { fallback: income } },
  execute: () => ({ monthly: 1 }),
});
agent({
  name: "bad",
  version: "1.0.0",
  input: Person,
  output: Income,
  // @ts-expect-error the fallback gives something else
  breaker: { whenOpen: { fallback: score } },
  execute: () => ({ monthly: 1 }),
});
agent({
  name: "bad",
  version: "1.0.0",
  input: Person,
  output: Income,
  // @ts-expect-error the fallback takes more than there is
  breaker: { whenOpen: { fallback: incomeOfApplication } },
  execute: () => ({ monthly: 1 }),
});
