/** A2A spoken with another language's SDK: its client against our server, and our agent against its. */
import { agent, contract, workflow } from "baton";
import { a2aAgent } from "baton/a2a";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { openedNow, served } from "../support/a2a.ts";
import {
  type Binding,
  installA2a,
  type Listening,
  pythonAgent,
  pythonClient,
} from "./a2a-python.ts";
import { freePort, until } from "../../examples/reference-stack/servers/mlflow.ts";

const missing = installA2a();
const WAYS: readonly (readonly [Binding, Listening])[] = [
  ["JSONRPC", "stream"],
  ["JSONRPC", "whole"],
  ["HTTP+JSON", "stream"],
  ["HTTP+JSON", "whole"],
];

const Order = contract("order", "1.0.0", z.object({ item: z.string(), count: z.int() }));
const Price = contract("price", "1.0.0", z.object({ cents: z.int() }));
const priced = agent({
  name: "pricer",
  version: "1.0.0",
  input: Order,
  output: Price,
  execute: ({ count }) => ({ cents: 100 * count }),
});
const pricing = workflow("pricing", "1.0.0", { input: Order })
  .approval("permit", { show: ({ input }) => input, timeout: "1h", needs: ["input"] })
  .step("price", priced, { needs: ["permit", "input"], input: ({ input }) => input })
  .output(({ price }) => price);

describe.skipIf(missing !== undefined)("A2A in Python", () => {
  test.each(WAYS)("its client is served over %s, %s", async (binding, listening) => {
    const { url, errors, baton } = await served([pricing]);
    const lines = await pythonClient(url, binding, listening);
    const of = (what: string) => lines.filter((line) => line["what"] === what);
    expect(JSON.stringify(of("order"))).toContain("TASK_STATE_INPUT_REQUIRED");
    expect(JSON.stringify(of("answer").at(-1))).toContain("TASK_STATE_COMPLETED");
    expect(of("task")).toMatchObject([
      {
        status: { state: "TASK_STATE_COMPLETED" },
        artifacts: [{ parts: [{ data: { cents: 300 } }] }],
      },
    ]);
    expect(of("list")).toMatchObject([{ totalSize: 1, tasks: [{}] }]);
    expect(JSON.stringify(of("refused").at(-1))).toContain("TASK_STATE_REJECTED");
    expect(of("cancelled")).toMatchObject([{ status: { state: "TASK_STATE_CANCELED" } }]);
    expect(of("error")).toEqual([{ what: "error", error: "TaskNotFoundError" }]);
    expect(errors).toEqual([]);
    expect((await baton.verify()).problems).toEqual([]);
  });

  test.each(WAYS)("an agent of it is a step over %s, %s", async (binding, listening) => {
    const { url, stop } = pythonAgent(await freePort(), binding, listening);
    onTestFinished(stop);
    const card = `${url}.well-known/agent-card.json`;
    await until(60_000, async (signal) => (await fetch(card, { signal })).ok);
    const remote = a2aAgent({
      name: "remote",
      version: "1.0.0",
      input: Order,
      output: Price,
      card: url,
      skill: "pricing",
      poll: "20ms",
      retry: { attempts: 1 },
    });
    const flow = workflow("flow", "1.0.0", { input: Order })
      .step("price", remote, { input: ({ input }) => input })
      .output(({ price }) => price);
    const baton = await openedNow({ workflows: [flow] });
    const run = await baton.start(flow, { item: "nail", count: 4 });
    expect(await run.outcome()).toEqual({ kind: "completed", output: { cents: 400 } });
    for (const [item, code] of [
      ["bomb", "REMOTE_FAILED"],
      ["riddle", "REMOTE_ASKS"],
    ] as const) {
      const failed = await baton.start(flow, { item, count: 1 });
      expect(await failed.outcome()).toMatchObject({ kind: "failed", error: { code } });
    }
  });
});
