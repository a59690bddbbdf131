/** Whoever came while the last entry of a run was being committed was told that the store had failed, which it had not. */
import { type JournalStore, memory, type StoreFactory } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { ADA, agentOf, gate, opened, single } from "../support/opened.ts";

/** A run whose end has been decided, and is on its way to the disk. */
async function ending() {
  const clock = virtualClock();
  const disk = gate();
  const inner = memory({ now: () => clock.now() });
  const store: StoreFactory = async (mode) => {
    const made = await inner(mode);
    const append: JournalStore["append"] = async (request) => {
      const isEnd = request.streams.some(({ entries }) =>
        entries.some(({ text }) => text.includes("run.completed")),
      );
      if (isEnd) await disk.promise;
      return await made.append(request);
    };
    return { ...made, append };
  };
  const flow = single(agentOf("twice", async (n: number) => n * 2));
  const { baton } = await opened({ workflows: [flow], store }, clock);
  await baton.start(flow, 2, { id: "r" });
  await clock.settle();
  return { baton, clock, flow, disk };
}

test("starting a run again joins it", async () => {
  const { baton, clock, flow, disk } = await ending();
  const joined = baton.start(flow, 2, { id: "r" });
  await clock.settle();
  disk.open();
  expect(await clock.until((await clock.until(joined)).result())).toBe(4);
});

test("cancelling it is told that it has ended", async () => {
  const { baton, clock, disk } = await ending();
  const cancelled = baton.cancel("r", { by: ADA, reason: "late" });
  cancelled.catch(() => {});
  await clock.settle();
  disk.open();
  await expect(cancelled).rejects.toMatchObject({ code: "RUN_FINISHED" });
});
