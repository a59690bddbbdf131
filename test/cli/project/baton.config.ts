import { defineConfig } from "baton";
import { greeter2, order, outer, overnight, quick } from "./workflows.ts";

export default defineConfig({
  workflows: [order, outer, overnight, quick],
  agents: [greeter2],
  answers: ({ shown }) => {
    const amount =
      typeof shown === "object" && shown !== null && "amount" in shown
        ? shown["amount"]
        : undefined;
    return typeof amount === "number" && amount < 100
      ? { approved: true, reason: "small" }
      : undefined;
  },
});
