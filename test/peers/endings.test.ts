/**
 * Reported of VoltAgent: a suspended run is reported as completed (#1300). Of Dapr: a run that was terminated stays RUNNING (#10154,
 * #7751), and of its children (#8323).
 */
import { open, workflow } from "baton";
import { faultyStore, VIRTUAL_START_MS, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { ADA, agentOf, count, gate, opened, single } from "../support/opened.ts";
import { restarting, sqlitePlace } from "../support/restarting.ts";

const asking = workflow("asking", "1.0.0", { input: count })
  .approval("ok", { show: () => null, timeout: "7d", onTimeout: "refused" })
  .output(({ ok }) => ok.approved);
const outer = workflow("outer", "1.0.0", { input: count })
  .subflow("inner", asking, { input: ({ input }) => input })
  .output(({ inner }) => inner);

test("a run that waits is waiting wherever one asks, its parent is not done, and nobody who awaits its end is told of one", async () => {
  const here = await restarting({ workflows: [asking, outer] });
  for (let process = 0; process < 3; process += 1) {
    await here.baton().start(asking, 1, { id: "r" });
    const parent = await here.baton().start(outer, 1, { id: "p" });
    let told = false;
    parent.outcome().then(
      () => (told = true),
      () => {},
    );
    await here.clock.advance(60_000);
    expect(told).toBe(false);
    const { status, output, endedAt } = await here.baton().report("r");
    expect({ status, output, endedAt }).toEqual({ status: "waiting" });
    expect((await here.baton().report("p/inner")).status).toBe("waiting");
    expect((await here.baton().report("p")).status).toBe("running");
    expect(await here.baton().runs({ status: "completed" })).toEqual([]);
    await here.restart();
  }
  await here.baton().approve("p/inner", "ok", { approved: true, by: ADA });
  expect(await here.clock.until((await here.baton().run("p")).result())).toBe(true);
});

test("a cancelled run ends, and its children with it, whatever it was doing; after a restart it is as it was", async () => {
  const never = single(
    agentOf("never", () => gate<number>().promise),
    "never",
  );
  const failing = single(
    agentOf(
      "failing",
      (): number => {
        throw new Error("down");
      },
      { attempts: 10 },
    ),
    "failing",
  );
  const napping = workflow("napping", "1.0.0", { input: count })
    .sleep("nap", { for: "7d" })
    .output(() => 1);
  const workflows = [asking, outer, never, failing, napping];
  const here = await restarting({ workflows, limits: { concurrentRunsMax: 3 } });
  for (const flow of workflows) await here.baton().startUntyped(flow, 1, { id: flow.name });
  await here.baton().start(never, 2, { id: "queued" });
  await here.clock.settle();
  const ids = [...workflows.map(({ name }) => name), "queued"];
  for (const id of ids) await here.baton().cancel(id, { by: ADA, reason: "stop" });
  // An agent that ignores its signal is waited for a few seconds, and no longer.
  await here.clock.advance(6_000);
  for (let process = 0; process < 2; process += 1) {
    for (const id of [...ids, "outer/inner"])
      expect((await here.baton().report(id)).status).toBe("cancelled");
    expect(await here.baton().runs({ open: true })).toEqual([]);
    await here.restart();
  }
});

test("a cancelled run ends also if its process dies at any append on the way", async () => {
  for (let dieAt = 1; ; dieAt += 1) {
    const { store } = sqlitePlace();
    // A clock for each process: the timers of a dead one must not move the time of the next.
    const [before, during, after] = [0, 1, 2].map((n) =>
      virtualClock(VIRTUAL_START_MS + n * 60_000),
    );
    const first = await opened({ workflows: [asking, outer], store }, before);
    await first.baton.start(outer, 1, { id: "r" });
    await first.clock.settle();
    await first.clock.until(first.baton.close());
    const faulty = faultyStore(store, (append) => (append === dieAt ? "crashAfter" : "commit"));
    const clock = during ?? virtualClock();
    const opening = open({ store: faulty.factory, workflows: [asking, outer], clock });
    const second = await clock.until(Promise.race([opening, faulty.crashed.then(() => undefined)]));
    second?.cancel("r", { by: ADA, reason: "stop" }).catch(() => {});
    await clock.advance(10_000);
    const died = faulty.isDead();
    if (!died) await clock.until(second?.close() ?? Promise.resolve());
    const third = await opened({ workflows: [asking, outer], store }, after);
    await third.clock.advance(10_000);
    // Where the wish itself was not recorded, whoever wished knows, and wishes again.
    await third.baton.cancel("r", { by: ADA, reason: "stop" }).catch(() => {});
    await third.clock.advance(10_000);
    expect(await third.baton.runs({ open: true })).toEqual([]);
    expect((await third.baton.report("r/inner")).status).toBe("cancelled");
    await third.clock.until(third.baton.close());
    if (!died) break;
  }
});
