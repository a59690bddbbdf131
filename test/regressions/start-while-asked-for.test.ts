/**
 * Somebody wanted a run that was not there to end, and while its journal was being looked for, it was started: the start was refused
 * with RUN_NOT_FOUND, as what had been asked first was. Where an event was to begin the run, the event was lost.
 */
import { choreography, type Contract, memory, on, type StoreFactory, topic } from "baton";
import { expect, test } from "vitest";
import { ADA, agentOf, count, gate, journalOf, opened, single } from "../support/opened.ts";

const same = agentOf("same", (n: number) => n, { output: count as Contract<unknown> });
const flow = single(same, "flow");
const asked = topic("asked", count);
const answered = topic("answered", count);
const dance = choreography("dance", "1.0.0", {
  starts: asked,
  ends: answered,
  deadline: "1h",
  subscriptions: { answer: on(asked, same, { publishes: answered }) },
});

/** A store in memory, in which reading one stream takes until it is let go. */
function slowToRead(stream: string): { store: StoreFactory; letGo: () => void } {
  const held = gate();
  const inner = memory();
  const store: StoreFactory = async (options) => {
    const handle = await inner(options);
    return {
      ...handle,
      read: async (name, ...where) => {
        const page = await handle.read(name, ...where);
        if (name.stream === stream) await held.promise;
        return page;
      },
    };
  };
  return { store, letGo: held.open };
}

test("a run is started while somebody asks for one of its id", async () => {
  const { store, letGo } = slowToRead("run/one");
  const { baton, clock } = await opened({ store, workflows: [flow] });
  const cancelled = baton.cancel("one", { by: ADA, reason: "not wanted" }).catch((e: unknown) => e);
  await clock.settle();
  const started = baton.start(flow, 7, { id: "one" });
  letGo();
  expect(await clock.until(cancelled)).toMatchObject({ code: "RUN_NOT_FOUND" });
  const run = await clock.until(started);
  expect(await clock.until(run.result())).toBe(7);
});

test("an event begins its run while somebody asks for that", async () => {
  const { store, letGo } = slowToRead("run/first/dance");
  const { baton, clock, log } = await opened({ store, workflows: [dance] });
  const cancelled = baton
    .cancel("first/dance", { by: ADA, reason: "not wanted" })
    .catch((e: unknown) => e);
  await clock.until(baton.publish(asked, 7, { id: "first" }));
  letGo();
  expect(await clock.until(cancelled)).toMatchObject({ code: "RUN_NOT_FOUND" });
  await clock.settle();
  expect((await journalOf(baton, "first/dance")).at(-1)).toBe("run.completed");
  expect(log.filter(({ level }) => level === "error")).toEqual([]);
});
