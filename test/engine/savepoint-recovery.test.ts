/** Promise 4 on the way to a savepoint and on from it: a process dies at each of its appends, and the next one goes on. */
import { memory, open, type StoreFactory, workflow } from "baton";
import {
  countedIds,
  type Fault,
  faultyStore,
  type VirtualClock,
  VIRTUAL_START_MS,
  virtualClock,
} from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, count, entriesOf } from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

/** Items, rounds, a child run and a sibling; the last step breaks in its first two turns. */
function flowOf(isDead: () => boolean) {
  const alive = () => {
    if (isDead()) throw new Error("This process has died.");
  };
  const act = undoing<number>("act", [], {
    execute: (n) => {
      alive();
      return n + 1;
    },
    unknown: true,
    compensation: { attempts: 2 },
    compensate: (_input, _output, { path, attempt }) => {
      alive();
      if (path === "side" && attempt === 1) throw new Error("not yet");
    },
  });
  const shaky = agentOf("shaky", (n: number, { turn }) => {
    alive();
    if (turn < 2) throw new Error("it broke");
    return n;
  });
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("x", act, { input: ({ input }) => input })
    .output(({ x }) => x);
  return workflow("partial", "1.0.0", { input: count })
    .step("base", act, { input: ({ input }) => input, savepoint: { attempts: 2 } })
    .map("items", act, {
      needs: ["base"],
      over: ({ base }) => [base, base + 1, base + 2],
      input: (item) => item,
      concurrency: 2,
    })
    .repeat("grow", act, {
      needs: ["base"],
      input: ({ base }, previous) => previous ?? base,
      until: (n) => n >= 4,
      limit: 5,
    })
    .step("side", act, { needs: ["base"], input: ({ base }) => base })
    .subflow("sub", inner, { needs: ["items", "grow"], input: ({ items }) => items.length })
    .step("end", shaky, { needs: ["sub", "grow", "side"], input: ({ sub, side }) => sub + side })
    .output(({ end }) => end);
}

interface Life {
  readonly ended: boolean;
  readonly appends: number;
  readonly clock: VirtualClock;
}

async function live(
  store: StoreFactory,
  fault: (append: number) => Fault,
  startMs: number,
): Promise<Life> {
  const faulty = faultyStore(store, fault);
  const clock = virtualClock(startMs);
  const flow = flowOf(faulty.isDead);
  const work = async (): Promise<boolean> => {
    const ids = countedIds(0, `id-${startMs}`);
    const baton = await open({ store: faulty.factory, workflows: [flow], clock, ids });
    const run = await baton.start(flow, 1, { id: "r" });
    expect(await run.outcome()).toEqual({ kind: "completed", output: 7 });
    await baton.close({ graceMs: 0 });
    return true;
  };
  const ended = await clock.until(Promise.race([work(), faulty.crashed.then(() => false)]));
  return { ended, appends: faulty.appends(), clock };
}

async function expectSound(store: StoreFactory): Promise<void> {
  const flow = flowOf(() => false);
  const baton = await open({ store, workflows: [flow], readOnly: true });
  expect((await baton.verify()).problems).toEqual([]);
  expect((await baton.replay("r")).differences).toEqual([]);
  const { values } = await baton.state("r");
  expect(values).toEqual({
    ...{ input: 1, base: 2, items: [3, 4, 5], grow: 4, side: 3, sub: 4, end: 7 },
  });
  for (const { id } of await baton.runs()) {
    const results = (await entriesOf(baton, id)).flatMap(({ kind, path, turn }) =>
      kind.endsWith(".sealed") ? [`${kind.startsWith("comp")} ${path}:${turn}`] : [],
    );
    expect(new Set(results).size).toBe(results.length);
  }
  expect((await baton.runs()).map(({ id, status }) => `${id} ${status}`).sort()).toEqual([
    "r completed",
    "r/sub compensated",
    "r/sub~1 compensated",
    "r/sub~2 completed",
  ]);
  await baton.close();
}

test("promise 4: a run that goes back to its savepoint and on from it ends as it would have, wherever its process dies", async () => {
  const smooth = await live(memory(), () => "commit", VIRTUAL_START_MS);
  expect(smooth.ended).toBe(true);
  expect(smooth.appends).toBeGreaterThan(30);
  // The first two appends register the workflows, before there is a run.
  for (let k = 3; k <= smooth.appends; k += 1) {
    for (const fault of ["crashBefore", "crashAfter"] as const) {
      const store = memory();
      const first = await live(store, (n) => (n === k ? fault : "commit"), VIRTUAL_START_MS);
      expect(first.ended).toBe(false);
      const second = await live(store, () => "commit", first.clock.now());
      expect(second.ended).toBe(true);
      await expectSound(store);
    }
  }
}, 120_000);
