import { agent, memory, open, workflow } from "baton";
import { expect, onTestFinished, test } from "vitest";
import { Application } from "../credit-decision/contracts.ts";
import { firstApplications } from "./applications.ts";
import { Answer } from "./contracts.ts";
import { decideAll } from "./decide-all.ts";

test("an application whose decision is never begun ends with its run", async () => {
  const gone = agent({
    name: "gone",
    version: "1.0.0",
    input: Application,
    output: Answer,
    retry: { attempts: 1 },
    execute: () => {
      throw new Error("gone");
    },
  });
  const loan = workflow("loan", "1.0.0", { input: Application, output: Answer })
    .sleep("pause", { for: "1ms" })
    .step("answer", gone, { needs: ["pause", "input"], input: ({ input }) => input })
    .output(({ answer }) => answer);
  const baton = await open({ store: memory(), workflows: [loan], log: () => {} });
  onTestFinished(() => baton.close());
  expect(await decideAll({ baton, loan }, firstApplications(1))).toMatchObject([
    { outcome: { kind: "failed", step: "answer" } },
  ]);
});
