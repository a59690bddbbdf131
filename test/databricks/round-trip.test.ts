/** Both sides over real HTTP: a step of one Baton is a workflow of another. */
import { type Agent, agent, contract, memory, open, workflow } from "baton";
import {
  databricksAgent,
  type DatabricksAgentOptions,
  responsesAgent,
  type ResponsesAgentOptions,
} from "baton/databricks";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { servedAt } from "../support/served-agent.ts";

const Order = contract("order", "1.0.0", z.object({ id: z.string(), cents: z.int() }));
const Decision = contract("decision", "1.0.0", z.object({ taken: z.boolean() }));
const NO_PAUSE = { baseMs: 0, factor: 1, maxMs: 0, jitter: 0 } as const;

const decide = agent({
  name: "decide",
  version: "1.0.0",
  input: Order,
  output: Decision,
  retry: { attempts: 1 },
  execute: ({ cents }, { usage, stream }) => {
    usage({ model: "m", inputTokens: 7, outputTokens: 2 });
    if (cents < 0) throw new Error("Nothing to decide.");
    stream('{"taken"');
    return { taken: cents < 10_000 };
  },
});

const deciding = workflow("deciding", "1.0.0", { input: Order, output: Decision })
  .step("decide", decide, { input: ({ input }) => input })
  .approval("consent", {
    needs: ["decide"],
    when: ({ decide: { taken } }) => !taken,
    show: ({ decide: decision }) => decision,
    timeout: "1h",
    onTimeout: "refused",
  })
  .output(({ decide: decision }) => decision);

async function opened(workflows: Parameters<typeof open>[0]["workflows"]) {
  const baton = await open({ store: memory(), workflows });
  onTestFinished(() => baton.close({ graceMs: 0 }));
  return baton;
}

type Options = ResponsesAgentOptions<{ id: string; cents: number }, { taken: boolean }>;

type Asking = DatabricksAgentOptions<{ id: string; cents: number }, { taken: boolean }>;

/** The workflow in a Baton of its own, and a step that asks it. */
async function both(
  options: Options = {},
  stream = true,
  attempts = 3,
  more: Partial<Asking> = {},
) {
  const there = await opened([deciding]);
  const app = await servedAt(responsesAgent(there, deciding, options));
  const step: Agent<{ id: string; cents: number }, { taken: boolean }> = databricksAgent({
    name: "ask",
    version: "1.0.0",
    input: Order,
    output: Decision,
    host: app,
    app,
    stream,
    auth: () => "token",
    retry: { attempts, backoff: NO_PAUSE },
    ...more,
    // The parts of the options that exclude each other are given together.
  } as Asking);
  const ordering = workflow("ordering", "1.0.0", { input: Order })
    .step("ask", step, { input: ({ input }) => input })
    .output(({ ask }) => ask);
  return { there, here: await opened([ordering]), ordering };
}

test.each([true, false])(
  "the same output and tokens on both sides (streamed: %s)",
  async (stream) => {
    const { there, here, ordering } = await both({ deltas: "decide" }, stream);
    const run = await here.start(ordering, { id: "o-1", cents: 100 }, { id: "o-1" });
    expect(await run.result()).toEqual({ taken: true });
    expect((await here.report("o-1")).usage).toEqual([
      { model: "deciding@1.0.0", calls: 1, inputTokens: 7, outputTokens: 2 },
    ]);
    const [one, ...others] = await there.runs();
    expect(others).toEqual([]);
    expect(await there.report(one?.id ?? "")).toMatchObject({
      status: "completed",
      input: { id: "o-1" },
    });
  },
);

test.each([
  ["responses", true],
  ["responses", false],
  ["chat", true],
  ["chat", false],
] as const)(
  "a run there that goes on is waited for by the next attempt, and is the same (%s, streamed: %s)",
  async (api, stream) => {
    const { there, here, ordering } = await both({ wait: "0s" }, stream, 100, { api });
    const run = await here.start(ordering, { id: "o-2", cents: 20_000 }, { id: "o-2" });
    const failures: string[] = [];
    for await (const item of here.watch("o-2")) {
      if (item.kind !== "entry" || item.entry.kind !== "attempt.failed") continue;
      failures.push(JSON.stringify(item.entry.payload));
      const [one] = await there.runs({ status: "waiting" });
      if (failures.length < 3 || one === undefined) continue;
      await there.approve(one.id, "consent", { approved: true, by: { kind: "person", id: "ada" } });
      break;
    }
    expect(failures[0]).toContain("REMOTE_INCOMPLETE");
    expect(await run.result()).toEqual({ taken: false });
    expect(await there.runs()).toHaveLength(1);
    // Each attempt was told what the run had used so far; it is counted once.
    expect((await here.report("o-2")).usage).toMatchObject([{ calls: 1, inputTokens: 7 }]);
  },
);

test.each([true, false])("a run there that failed is final (streamed: %s)", async (stream) => {
  const { there, here, ordering } = await both({}, stream);
  const run = await here.start(ordering, { id: "o-3", cents: -1 }, { id: "o-3" });
  expect(await run.outcome()).toMatchObject({
    kind: "failed",
    error: { code: "REMOTE_FAILED", message: expect.stringContaining("Nothing to decide.") },
  });
  const kinds: string[] = [];
  for await (const { entry } of here.entries("o-3")) kinds.push(entry.kind);
  expect(kinds.filter((kind) => kind === "attempt.failed")).toHaveLength(1);
  expect(await there.runs()).toHaveLength(1);
  // What it used there is counted here, too.
  expect((await here.report("o-3")).usage).toMatchObject([{ inputTokens: 7 }]);
});

const Strict = contract("strict", "1.0.0", z.object({ taken: z.literal("yes") }));

test.each<[string, string, Options, Partial<Asking>]>([
  ["breaks the contract here", "CONTRACT_VIOLATED", {}, { output: Strict as never }],
  ["is no JSON", "REMOTE_ANSWER_INVALID", { toText: () => "Taken." }, {}],
  [
    "can't be read",
    "TypeError",
    {},
    {
      fromResponse: () => {
        throw new TypeError("What is that?");
      },
    },
  ],
])("the output of a run there that %s is met once", async (_, code, options, more) => {
  const { there, here, ordering } = await both(options, true, 5, more);
  const run = await here.start(ordering, { id: "o-4", cents: 100 }, { id: "o-4" });
  expect(await run.outcome()).toMatchObject({ kind: "failed", error: { code } });
  expect((await here.report("o-4")).usage).toMatchObject([{ calls: 1, inputTokens: 7 }]);
  expect(await there.runs()).toHaveLength(1);
});

test("a run there that failed is final where its failure is told in the shape of a chat", async () => {
  const { here, ordering } = await both({}, true, 5, { api: "chat" });
  const run = await here.start(ordering, { id: "o-5", cents: -1 }, { id: "o-5" });
  expect(await run.outcome()).toMatchObject({ kind: "failed", error: { code: "REMOTE_FAILED" } });
  const kinds: string[] = [];
  for await (const { entry } of here.entries("o-5")) kinds.push(entry.kind);
  expect(kinds.filter((kind) => kind === "attempt.failed")).toHaveLength(1);
});
