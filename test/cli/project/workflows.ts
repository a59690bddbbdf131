/** Workflows that reach everything that the commands tell of: waits, refusals, failures, children. */
import { agent, contract, rule, workflow } from "baton";
import { z } from "zod";

const Order = contract("order", "1.0.0", z.object({ id: z.string(), amount: z.number().min(0) }));
const Name = contract("name", "1.0.0", z.object({ name: z.string() }));
const Greeting = contract("greeting", "1.0.0", z.object({ text: z.string() }), {
  rules: [rule("is polite", (greeting) => !greeting.text.includes("hey"), { path: "/text" })],
});
const Payment = contract("payment", "1.0.0", z.object({ paid: z.boolean() }));

export const greeter = agent({
  name: "greeter",
  version: "1.0.0",
  input: Name,
  output: Greeting,
  timeout: "5s",
  retry: { attempts: 1 },
  execute: ({ name }) => {
    if (name === "crash") throw new Error("the greeter crashed");
    return { text: name === "rude" ? "hey" : `Dear ${name}` };
  },
});

/** Not used by a workflow: what a fork puts in the place of the first. */
export const greeter2 = agent({
  name: "greeter",
  version: "2.0.0",
  input: Name,
  output: Greeting,
  timeout: "5s",
  execute: ({ name }) => ({ text: `Good morning, ${name}` }),
});

/** One step, which ends at once. */
export const quick = workflow("quick", "1.0.0", { input: Name, output: Greeting })
  .step("greet", greeter, { input: ({ input }) => input })
  .output(({ greet }) => greet);

const NAMELESS = { name: "customer" };

/** Waits for a person, then for a signal. */
export const order = workflow("order", "1.0.0", { input: Order })
  .subflow("welcome", quick, { input: () => NAMELESS })
  .approval("review", {
    needs: ["input"],
    show: ({ input }) => ({ amount: input.amount }),
    timeout: "24h",
    onTimeout: "refused",
  })
  .awaitSignal("payment", {
    contract: Payment,
    needs: ["review"],
    when: ({ review }) => review.approved,
    timeout: "24h",
    onTimeout: "fail",
  })
  .output(({ review, payment }) => ({ approved: review.approved, paid: payment?.paid ?? false }));

/** Its child waits for a person. */
export const outer = workflow("outer", "1.0.0", { input: Order })
  .subflow("inner", order, { input: ({ input }) => input })
  .output(({ inner }) => inner);

/** Waits longer than anybody at a terminal does. */
export const overnight = workflow("overnight", "1.0.0", { input: Order })
  .sleep("night", { for: "8h" })
  .output(({ input }) => input.id);
