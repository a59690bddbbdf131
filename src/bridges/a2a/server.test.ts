/** Workflows as an A2A agent, asked by the real SDK's client over real sockets. */
import { TaskState } from "@a2a-js/sdk";
import { expect, it } from "vitest";
import { z } from "zod";
import {
  asTask,
  clientOf,
  message,
  order,
  outputOf,
  served,
  site,
} from "../../../test/support/a2a.ts";
import { agent, contract, memory, open, workflow } from "../../index.ts";
import { a2aServer } from "../../a2a.ts";

const Order = contract("order", "1.0.0", z.object({ item: z.string().min(1), count: z.int() }));
const Price = contract("price", "1.0.0", z.object({ cents: z.int() }));

const priced = agent({
  name: "pricer",
  version: "1.0.0",
  input: Order,
  output: Price,
  retry: { attempts: 1 },
  execute: ({ item, count }, context) => {
    if (item === "bomb") throw new Error("no such thing");
    context.stream({ looking: item });
    return { cents: 100 * count };
  },
});
const pricing = workflow("pricing", "1.0.0", { input: Order, description: "Prices an order." })
  .step("price", priced, { input: ({ input }) => input })
  .output(({ price }) => price);

const Answer = contract("answer", "1.0.0", z.object({ word: z.string() }));
const asking = workflow("asking", "1.0.0", { input: Order })
  .approval("permit", {
    show: ({ input }) => ({ pay: input.count }),
    timeout: "1h",
    needs: ["input"],
  })
  .awaitSignal("word", { contract: Answer, timeout: "1h", needs: ["permit"] })
  .output(({ permit, word }) => ({ permit: permit.approved, by: permit.by, word: word?.word }));
const outer = workflow("outer", "1.0.0", { input: Order })
  .subflow("inner", asking, { input: ({ input }) => input })
  .output(({ inner }) => inner);

for (const binding of ["JSONRPC", "HTTP+JSON"] as const) {
  it(`runs a workflow for a message, once for each message, over ${binding}`, async () => {
    const { baton, url } = await served([pricing]);
    const client = await clientOf(url, "ann", binding);
    const task = asTask(
      await client.sendMessage(order(message("m-1", { item: "nail", count: 3 }))),
    );
    expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
    expect(task).toMatchObject({ id: "m-1", contextId: "m-1" });
    expect(outputOf(task)).toEqual({ cents: 300 });
    expect(task.history[0]).toMatchObject({ messageId: "m-1", role: 1 });

    const again = asTask(
      await client.sendMessage(order(message("m-1", { item: "nail", count: 3 }))),
    );
    expect(again).toEqual(task);
    expect(await baton.runs()).toHaveLength(1);
    const [run] = await baton.runs();
    for await (const { entry } of baton.entries(run?.id ?? "")) {
      if (entry.kind === "run.started") expect(entry.by).toEqual({ kind: "program", id: "ann" });
    }
    await expect(
      client.sendMessage(order(message("m-1", { item: "nail", count: 4 }))),
    ).rejects.toMatchObject({ name: /RequestMalformedError/ });
    await expect(
      client.sendMessage(order(message("m-1", { item: "nail", count: 3 }, { contextId: "c" }))),
    ).rejects.toMatchObject({ message: /another context/ });
    expect(await client.getTask({ tenant: "", id: "m-1" })).toEqual(task);
    const brief = await client.getTask({ tenant: "", id: "m-1", historyLength: 0 });
    expect(brief.history).toEqual([]);
  });

  it(`streams what changes, and what agents give on the way, over ${binding}`, async () => {
    const { url } = await served([pricing], { partials: true });
    const client = await clientOf(url, "ann", binding);
    const heard: unknown[] = [];
    for await (const { payload } of client.sendMessageStream(
      order(message("m-1", { item: "nail", count: 2 })),
    )) {
      heard.push(payload?.$case);
      if (payload?.$case === "artifactUpdate")
        expect(payload.value.artifact?.parts[0]?.content).toEqual({
          $case: "data",
          value: { cents: 200 },
        });
      if (payload?.$case === "statusUpdate") heard.push(payload.value.status?.state);
    }
    expect(heard[0]).toBe("task");
    expect(heard.slice(-3)).toEqual([
      "artifactUpdate",
      "statusUpdate",
      TaskState.TASK_STATE_COMPLETED,
    ]);
  });

  it(`waits for answers as input that is required, and takes them as messages, over ${binding}`, async () => {
    const { baton, url } = await served([outer]);
    const client = await clientOf(url, "ann", binding);
    const asked = asTask(await client.sendMessage(order(message("m", { item: "a", count: 7 }))));
    expect(asked.status?.state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED);
    expect(asked.status?.message?.parts[1]?.content).toMatchObject({
      value: { questions: [{ step: "permit", kind: "approval", shown: { pay: 7 } }] },
    });
    const about = { taskId: asked.id };
    const yes = order(message("yes", { approved: true, reason: "small" }, about));
    const next = asTask(await client.sendMessage(yes));
    expect(next.status?.message?.parts[1]?.content).toMatchObject({
      value: {
        questions: [{ step: "word", schema: { properties: { word: { type: "string" } } } }],
      },
    });
    // Sent again it is the same answer, and no answer to what is asked now.
    expect(asTask(await client.sendMessage(yes)).status).toEqual(next.status);
    await expect(
      client.sendMessage(order(message("yes", { approved: false }, about))),
    ).rejects.toMatchObject({ message: /sent before, with another answer/ });
    await expect(client.sendMessage(order(message("w", { word: 5 }, about)))).rejects.toMatchObject(
      { name: /RequestMalformedError/ },
    );
    await expect(
      client.sendMessage(order(message("w", { word: "x" }, { ...about, contextId: "other" }))),
    ).rejects.toMatchObject({ message: /not of the context/ });
    const heard: unknown[] = [];
    for await (const { payload } of client.sendMessageStream(
      order(message("w", { word: "go" }, about)),
    ))
      if (payload?.$case === "statusUpdate") heard.push(payload.value.status?.state);
    expect(heard.at(-1)).toBe(TaskState.TASK_STATE_COMPLETED);
    const done = await client.getTask({ tenant: "", id: asked.id });
    expect(outputOf(done)).toEqual({ permit: true, by: "ann", word: "go" });
    await expect(
      client.sendMessage(order(message("late", { word: "go" }, about))),
    ).rejects.toMatchObject({ message: /has ended/ });
    expect((await baton.verify()).problems).toEqual([]);
  });
}

it("says what became of a run that failed, was refused or was cancelled", async () => {
  const { url } = await served([pricing, { workflow: asking, id: "ask" }]);
  const client = await clientOf(url);
  const priceIt = { metadata: { skill: "pricing" } };
  const failed = asTask(
    await client.sendMessage(order(message("f", { item: "bomb", count: 1 }, priceIt))),
  );
  expect(failed.status?.state).toBe(TaskState.TASK_STATE_FAILED);
  expect(failed.status?.message?.parts[0]?.content).toMatchObject({ value: /no such thing/ });
  expect(JSON.stringify(failed)).not.toContain("server.test.ts");

  const refused = asTask(await client.sendMessage(order(message("r", { item: "" }, priceIt))));
  expect(refused.status?.state).toBe(TaskState.TASK_STATE_REJECTED);
  expect(refused.status?.message?.parts[1]?.content).toMatchObject({
    value: { violations: [{ path: "/item" }, { path: "/count" }] },
  });

  const ask = { metadata: { skill: "ask" } };
  const open = asTask(await client.sendMessage(order(message("c", { item: "a", count: 1 }, ask))));
  expect(open.status?.state).toBe(TaskState.TASK_STATE_INPUT_REQUIRED);
  const cancelled = await client.cancelTask({ tenant: "", id: open.id, metadata: undefined });
  expect(cancelled.status?.state).toBe(TaskState.TASK_STATE_CANCELED);
  expect(await client.cancelTask({ tenant: "", id: open.id, metadata: undefined })).toEqual(
    cancelled,
  );
  await expect(
    client.cancelTask({ tenant: "", id: failed.id, metadata: undefined }),
  ).rejects.toMatchObject({ name: /TaskNotCancelableError/ });
  const stream = client.resubscribeTask({ tenant: "", id: failed.id });
  await expect(stream.next()).rejects.toMatchObject({ message: /has ended/ });

  await expect(
    client.sendMessage(order(message("x", { item: "a", count: 1 }))),
  ).rejects.toMatchObject({ message: /none of these: pricing, ask/ });
  await expect(client.getTask({ tenant: "", id: "nobody" })).rejects.toMatchObject({
    name: /TaskNotFoundError/,
  });
});

it("shows a caller its own tasks only, those first that were heard of last", async () => {
  const { url } = await served([pricing, asking]);
  const [ann, bob] = [await clientOf(url, "ann"), await clientOf(url, "bob")];
  const skill = { metadata: { skill: "pricing" } };
  for (const id of ["a-1", "a-2", "a-3"])
    await ann.sendMessage(
      order(message(id, { item: "x", count: 1 }, { ...skill, contextId: "c" })),
    );
  await bob.sendMessage(order(message("a-1", { item: "other", count: 9 }, skill)));
  await expect(bob.getTask({ tenant: "", id: "a-2~c" })).rejects.toMatchObject({
    name: /TaskNotFoundError/,
  });
  expect(outputOf(await bob.getTask({ tenant: "", id: "a-1" }))).toEqual({ cents: 900 });
  const all = {
    tenant: "",
    contextId: "",
    status: TaskState.TASK_STATE_UNSPECIFIED,
    pageToken: "",
    statusTimestampAfter: undefined,
  };
  const first = await ann.listTasks({ ...all, pageSize: 2 });
  expect(first).toMatchObject({ totalSize: 3, tasks: [{ artifacts: [] }, {}] });
  const rest = await ann.listTasks({ ...all, pageSize: 2, pageToken: first.nextPageToken });
  expect([...first.tasks, ...rest.tasks].map(({ id }) => id).toSorted()).toEqual([
    "a-1~c",
    "a-2~c",
    "a-3~c",
  ]);
  expect(rest.nextPageToken).toBe("");
  expect((await ann.listTasks({ ...all, contextId: "d" })).tasks).toEqual([]);
  const failed = { ...all, status: TaskState.TASK_STATE_FAILED };
  expect((await ann.listTasks(failed)).totalSize).toBe(0);
  const whole = await ann.listTasks({ ...all, contextId: "c", includeArtifacts: true });
  expect(outputOf(whole.tasks[0] ?? Object.create(null))).toEqual({ cents: 100 });
});

it("has its tasks after a restart, and goes on with them", async () => {
  const at = await site();
  const store = memory();
  const card = { name: "house", description: "A house.", version: "1.0.0", url: at.url };
  const author = () => ({ kind: "program", id: "anyone" }) as const;
  const first = await open({ store, workflows: [asking], log: () => {} });
  at.answer(await a2aServer(first, { workflows: [asking], card, author }));
  const client = await clientOf(at.url);
  const asked = asTask(await client.sendMessage(order(message("m", { item: "a", count: 1 }))));
  await first.close();
  const second = await open({ store, workflows: [asking], log: () => {} });
  at.answer(await a2aServer(second, { workflows: [asking], card, author }));
  expect(await client.getTask({ tenant: "", id: "m" })).toMatchObject({
    ...asked,
    status: { ...asked.status, timestamp: expect.any(String), message: expect.anything() },
  });
  const about = { taskId: "m" };
  await client.sendMessage(order(message("y", { approved: false }, about)));
  const done = asTask(await client.sendMessage(order(message("w", { word: "no" }, about))));
  expect(outputOf(done)).toEqual({ permit: false, by: "anyone", word: "no" });
  await second.close();
});
