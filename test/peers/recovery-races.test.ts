/**
 * Reported of DBOS: a restart of the database during recovery strands runs as pending for ever (py#716), and a recovery that has
 * grown stale executes work that it does not own (py#742). Both were found by killing during recovery, not before it.
 */
import { BatonError, open, workflow } from "baton";
import { countedIds, faultyStore, virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, count, entriesOf, gate } from "../support/opened.ts";
import { sqlitePlace } from "../support/restarting.ts";

interface World {
  readonly isDead: () => boolean;
  readonly acts: string[];
}

function working({ isDead, acts }: World) {
  const add = agentOf("add", async (n: number, { run, path }) => {
    if (isDead()) throw new Error("This process has died.");
    acts.push(`${run} ${path}`);
    return n + 1;
  });
  const inner = workflow("inner", "1.0.0", { input: count })
    .step("x", add, { input: ({ input }) => input })
    .output(({ x }) => x);
  return workflow("working", "1.0.0", { input: count })
    .step("a", add, { input: ({ input }) => input })
    .sleep("nap", { needs: ["a"], for: "1m" })
    .subflow("inner", inner, { needs: ["a"], input: ({ a }) => a })
    .step("b", add, { needs: ["inner", "nap"], input: ({ inner: given }) => given })
    .output(({ b }) => b);
}

test.each(["crashBefore", "crashAfter"] as const)(
  "promise 4: each recovery dies (%s) at its first append, its second, its third ...; the last one ends every run",
  async (fault) => {
    const { store: file } = sqlitePlace();
    const clock = virtualClock();
    const acts: string[] = [];
    let started = false;
    let deaths = 0;
    for (let dieAt = 1; ; dieAt += 1) {
      const faulty = faultyStore(file, (append) => (append === dieAt ? fault : "commit"));
      const flow = working({ isDead: faulty.isDead, acts });
      const opening = open({ store: faulty.factory, workflows: [flow], clock, ids: countedIds() });
      opening.catch(() => {});
      const life = opening.then(async (baton) => {
        // Started by the first process that comes so far; later ones only recover.
        for (const id of ["r1", "r2", "r3"]) if (!started) await baton.start(flow, 1, { id });
        started = true;
        const runs = await Promise.all(["r1", "r2", "r3"].map((id) => baton.run(id)));
        const results = await Promise.all(runs.map((run) => run.result()));
        return { baton, results };
      });
      life.catch(() => {});
      const over = await clock.until(
        Promise.race([life, faulty.crashed.then(() => "died" as const)]),
      );
      if (over === "died") {
        deaths += 1;
        // The dead process answers nothing any more; its timers do nothing.
        if (deaths > 200) throw new Error("Recovery makes no progress.");
        continue;
      }
      expect(over.results).toEqual([4, 4, 4]);
      for (const id of ["r1", "r2", "r3"]) {
        const sealed = (await entriesOf(over.baton, id)).filter(
          ({ kind }) => kind === "step.sealed",
        );
        expect(sealed.map(({ path = "" }) => path).toSorted()).toEqual(["a", "b", "inner", "nap"]);
      }
      expect((await clock.until(over.baton.verify())).problems).toEqual([]);
      await clock.until(over.baton.close());
      break;
    }
    expect(deaths).toBeGreaterThan(4);
  },
);

test("promise 5: a recovery that slept through a takeover commits nothing, and what it began is done once by the new owner", async () => {
  const { store } = sqlitePlace();
  const clock = virtualClock();
  const held = gate<number>();
  const first = { calls: 0 };
  const second = { calls: 0 };
  const flowOf = (world: { calls: number }, answer: () => Promise<number>) =>
    workflow("slow", "1.0.0", { input: count })
      .step(
        "a",
        agentOf("slow", () => {
          world.calls += 1;
          return answer();
        }),
        { input: ({ input }) => input },
      )
      .output(({ a }) => a);
  let hangs = false;
  const hanging: typeof store = async (mode) => {
    const inner = await store(mode);
    // A process that hangs renews nothing; it is told so only when it wakes.
    const renew = async (epoch: number) =>
      hangs ? await new Promise<boolean>(() => {}) : await inner.renew(epoch);
    return { ...inner, renew };
  };
  const mine = flowOf(first, () => held.promise);
  const one = await clock.until(
    open({ store: hanging, workflows: [mine], clock, ids: countedIds() }),
  );
  const run = await one.start(mine, 1, { id: "r" });
  const stale = run.outcome().then(
    () => "ended",
    (error: unknown) => (error instanceof BatonError ? error.code : "other"),
  );
  await clock.settle();
  hangs = true;
  const theirs = flowOf(second, async () => 2);
  const two = await clock.until(
    open({ store, workflows: [theirs], clock, ids: countedIds(), standby: true }),
  );
  expect(await clock.until((await two.run("r")).result())).toBe(2);
  // Only now does the first one wake, with what it had begun before.
  held.open(1);
  expect(await clock.until(stale)).toBe("STORE_FENCED");
  const entries = await entriesOf(two, "r");
  expect(entries.filter(({ kind }) => kind === "step.sealed")).toHaveLength(1);
  expect((await two.state("r")).values["a"]).toBe(2);
  expect([first.calls, second.calls]).toEqual([1, 1]);
  await clock.until(two.close());
  await clock.until(one.close({ graceMs: 0 }));
});
