/** Chains of events that go from run to run: each event knows how far it is from the first, so that a loop comes to its end. */
import { agent, choreography, contract, on, topic, workflow } from "baton";
import { expect, test } from "vitest";
import { z } from "zod";
import { entriesOf, opened } from "../support/opened.ts";

const Note = contract("note", "1.0.0", z.object({ text: z.string() }));
const Ping = topic("ping", Note);
const Pong = topic("pong", Note);

const echoing = workflow("echoing", "1.0.0", { input: Note })
  .emit("again", Ping, { data: ({ input }) => input })
  .output(({ input }) => input);

/** Each event begins a run, whose child publishes another such event. */
const loop = choreography("loop", "1.0.0", {
  starts: Ping,
  hops: 5,
  subscriptions: { echo: on(Ping, echoing, {}) },
});

test("a loop that goes through a workflow of its own is cut where its chain of events becomes too long", async () => {
  const { baton, clock } = await opened({ workflows: [loop, echoing] });
  await clock.until(baton.publish(Ping, { text: "a" }, { id: "e" }));
  const isOver = async () => (await baton.runs({ status: "failed" })).length > 0;
  while (!(await clock.until(isOver()))) await clock.settle();
  await clock.settle();
  const runs = await clock.until(baton.runs({ workflow: loop.id }));
  expect(runs.map(({ status }) => status)).toEqual([
    "failed",
    ...Array.from({ length: 6 }, () => "completed"),
  ]);
  const [last] = runs;
  const entries = await clock.until(entriesOf(baton, last?.id ?? ""));
  expect(entries.at(-1)?.payload).toMatchObject({ error: { code: "HOPS_EXCEEDED" } });
  const hops: number[] = [];
  for await (const event of baton.events("ping")) hops.push(event.hops);
  expect(hops).toEqual([0, 1, 2, 3, 4, 5, 6]);
  for (const { id } of runs)
    expect((await clock.until(baton.replay(id))).differences, id).toEqual([]);
  expect(await clock.until(baton.verify())).toMatchObject({ problems: [] });
  await clock.until(baton.close());
});

test("what a workflow publishes is one hop further than what it has awaited", async () => {
  const answering = workflow("answering", "1.0.0", { input: Note })
    .emit("ping", Ping, { data: ({ input }) => input })
    .awaitEvent("pong", Pong, { needs: ["ping"], timeout: "1h" })
    .emit("more", Ping, { needs: ["pong"], data: ({ pong }) => pong })
    .output(() => null);
  const echo = agent({
    ...{ name: "echo", version: "1.0.0", input: Note, output: Note },
    execute: ({ text }) => ({ text: `${text}!` }),
  });
  const pong = choreography("pong", "1.0.0", {
    starts: Ping,
    ends: Pong,
    deadline: "1h",
    subscriptions: { echo: on(Ping, echo, { publishes: Pong }) },
  });
  const { baton, clock } = await opened({ workflows: [answering, pong] });
  const run = await clock.until(baton.start(answering, { text: "a" }, { id: "r" }));
  await clock.until(run.result());
  await clock.settle();
  const hopsOn = async (name: string) => {
    const hops: number[] = [];
    for await (const event of baton.events(name)) hops.push(event.hops);
    return hops;
  };
  expect(await hopsOn("ping")).toEqual([0, 2]);
  expect(await hopsOn("pong")).toEqual([1, 3]);
  await clock.until(baton.close());
});
