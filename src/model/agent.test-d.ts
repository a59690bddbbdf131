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
