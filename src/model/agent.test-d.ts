/** What the compiler accepts and refuses of an agent's `compensate`. There is nothing to run: `tsc` is the test. */
import { z } from "zod";
import { agent } from "./agent.ts";
import { contract } from "./contract.ts";

const Order = contract("order", "1.0.0", z.object({ id: z.string() }));
const Paid = contract("paid", "1.0.0", z.object({ receipt: z.string() }));
const parts = {
  name: "payer",
  version: "1.0.0",
  input: Order,
  output: Paid,
  execute: () => ({ receipt: "1" }),
} as const;

// The output is there, unless the agent says that it does without.
agent({ ...parts, compensate: ({ id }, { receipt }, { reason }) => [id, receipt, reason.error] });
agent({
  ...parts,
  compensateUnknown: true,
  compensate: ({ id }, output) => [id, output?.receipt],
});
agent({
  ...parts,
  compensateUnknown: true,
  // @ts-expect-error The output may be undefined.
  compensate: ({ id }, { receipt }) => [id, receipt],
});
// @ts-expect-error There is nothing that could take an unknown outcome.
agent({ ...parts, compensateUnknown: true });
agent({
  ...parts,
  // @ts-expect-error What is undone once it has been recorded is not remembered effect by effect.
  compensate: (_order, _paid, context) => context.once("refund", () => 1),
});
// @ts-expect-error The output contract has no such field.
agent({ ...parts, compensate: (_order, { amount }) => amount });

// How often an agent may act for one call.
agent({ ...parts, delivery: "at-least-once" });
agent({
  ...parts,
  delivery: "at-most-once",
  nothingDone: (error) => error instanceof TypeError,
  probe: async ({ id }, { idempotencyKey, error }) =>
    id === idempotencyKey ? { kind: "done", output: { receipt: error.code } } : { kind: "notDone" },
});
agent({
  ...parts,
  delivery: "at-most-once",
  onUnknown: "compensate",
  compensateUnknown: true,
  compensate: ({ id }, output) => [id, output?.receipt],
});
// @ts-expect-error It is called again until it gives an output: nothing stays unknown.
agent({ ...parts, onUnknown: "ask" });
// @ts-expect-error The same, said so.
agent({ ...parts, delivery: "at-least-once", probe: () => ({ kind: "unknown" }) });
// @ts-expect-error What is to be undone without an output takes a compensate that does without.
agent({ ...parts, delivery: "at-most-once", onUnknown: "compensate", compensate: () => 1 });
agent({
  ...parts,
  delivery: "at-most-once",
  // @ts-expect-error The output contract wants a receipt.
  probe: () => ({ kind: "done", output: { amount: 1 } }),
});
