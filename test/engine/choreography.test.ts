import { expect, test } from "vitest";
import { z } from "zod";
import { agent } from "../../src/model/agent.ts";
import { choreography } from "../../src/model/choreography.ts";
import { contract } from "../../src/model/contract.ts";
import { on } from "../../src/model/subscription.ts";
import { topic } from "../../src/model/topic.ts";
import { opened } from "../support/opened.ts";

const Question = contract("question", "1.0.0", z.object({ text: z.string() }));
const Finding = contract(
  "finding",
  "1.0.0",
  z.object({ text: z.string(), confidence: z.number() }),
);
const Report = contract("report", "1.0.0", z.object({ report: z.string() }));
const Asked = topic("asked", Question);
const Found = topic("found", Finding);
const Written = topic("written", Report);
const research = agent({
  name: "research",
  version: "1.0.0",
  input: Question,
  output: Finding,
  execute: ({ text }) => ({ text: `about ${text}`, confidence: 0.9 }),
});
const writing = agent({
  name: "writing",
  version: "1.0.0",
  input: Finding,
  output: Report,
  execute: ({ text }) => ({ report: text.toUpperCase() }),
});
const report = choreography("research-report", "1.0.0", {
  starts: Asked,
  ends: Written,
  deadline: "10m",
  subscriptions: {
    research: on(Asked, research, { publishes: Found }),
    writing: on(Found, writing, {
      requires: { "confidence is at least 0.7": ({ event }) => event.confidence >= 0.7 },
      publishes: Written,
    }),
  },
});

test("a choreography runs to its end", async () => {
  const { baton, clock } = await opened({ workflows: [report] });
  const run = await clock.until(baton.start(report, { text: "owls" }, { id: "r" }));
  expect(await clock.until(run.result())).toEqual({ report: "ABOUT OWLS" });
  const said: string[] = [];
  for await (const { entry } of baton.entries("r"))
    said.push(`${entry.kind} ${entry.path ?? ""}`.trim());
  expect(said).toEqual([
    "run.started",
    "event.published input",
    "step.sealed research#1",
    "event.published research#1",
    "step.sealed writing#3",
    "event.published writing#3",
    "run.completed",
  ]);
  expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  expect((await clock.until(baton.replay("r"))).differences).toEqual([]);
});
