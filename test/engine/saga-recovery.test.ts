/** Promise 6 under crashes: a process dies at each of its appends while a run goes back, and the next one goes on. */
import { type Entry, memory, open, type StoreFactory, workflow } from "baton";
import {
  countedIds,
  type Fault,
  faultyStore,
  type VirtualClock,
  VIRTUAL_START_MS,
  virtualClock,
} from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, count, entriesOf, gate, opened } from "../support/opened.ts";
import { undoing } from "../support/undoing.ts";

interface World {
  readonly isDead: () => boolean;
  readonly acts: string[];
}

/** Items, rounds, a child, a sibling that is under way, a compensation that fails once; and at last a failure. */
function goingBack({ isDead, acts }: World, compensation: "sequential" | "parallel") {
  const alive = () => {
    if (isDead()) throw new Error("This process has died.");
  };
  const pay = undoing<number>("pay", acts, {
    execute: (n) => {
      alive();
      return n + 1;
    },
    unknown: true,
    compensation: { attempts: 3 },
    compensate: (_input, _output, { attempt, path }) => {
      alive();
      if (path === "first" && attempt < 2) throw new Error("not yet");
    },
  });
  const boom = agentOf("boom", (): number => {
    alive();
    throw new Error("it broke");
  });
  const inner = workflow("inner", "1.0.0", { input: count, compensation })
    .step("x", pay, { input: ({ input }) => input })
    .step("y", pay, { needs: ["x"], input: ({ x }) => x })
    .output(({ y }) => y);
  return workflow("back", "1.0.0", { input: count, compensation })
    .step("first", pay, { input: ({ input }) => input })
    .map("items", pay, {
      needs: ["first"],
      over: ({ first }) => [first, first + 1, first + 2],
      input: (item) => item,
      concurrency: 2,
    })
    .repeat("grow", pay, {
      needs: ["first"],
      input: ({ first }, previous) => previous ?? first,
      until: (n) => n >= 4,
      limit: 5,
    })
    .subflow("sub", inner, { needs: ["items"], input: ({ items }) => items.length })
    .step("end", boom, { needs: ["sub", "grow"], input: ({ sub }) => sub })
    .output(({ end }) => end);
}

interface Process {
  readonly ended: boolean;
  readonly appends: number;
  readonly clock: VirtualClock;
  readonly acts: readonly string[];
}

type Way = "sequential" | "parallel";

async function live(
  store: StoreFactory,
  fault: (append: number) => Fault,
  startMs: number,
  way: Way,
): Promise<Process> {
  const faulty = faultyStore(store, fault);
  const acts: string[] = [];
  const clock = virtualClock(startMs);
  const flow = goingBack({ isDead: faulty.isDead, acts }, way);
  const work = async (): Promise<boolean> => {
    const baton = await open({
      store: faulty.factory,
      workflows: [flow],
      clock,
      ids: countedIds(0, `id-${startMs}`),
    });
    const run = await insist(clock, () => baton.start(flow, 1, { id: "r" }));
    expect(await run.outcome()).toMatchObject({ kind: "compensated", step: "end" });
    await baton.close({ graceMs: 0 });
    return true;
  };
  const ended = await clock.until(Promise.race([work(), faulty.crashed.then(() => false)]));
  return { ended, appends: faulty.appends(), clock, acts };
}

/** A start that the store refuses is made again, with the same id. */
async function insist<X>(clock: VirtualClock, start: () => Promise<X>): Promise<X> {
  for (;;) {
    try {
      return await start();
    } catch {
      await new Promise<void>((resolve) => clock.after(1_000, resolve));
    }
  }
}

async function read(store: StoreFactory): Promise<ReadonlyMap<string, readonly Entry[]>> {
  const baton = await open({ store, workflows: [], readOnly: true });
  const entries = new Map<string, readonly Entry[]>();
  for (const { id } of await baton.runs()) entries.set(id, await entriesOf(baton, id));
  expect((await baton.verify()).problems).toEqual([]);
  await baton.close();
  return entries;
}

const placesOf = (entries: readonly Entry[], kinds: readonly string[]) =>
  entries.flatMap(({ kind, path, turn, agent }) =>
    kinds.includes(kind) && agent !== undefined ? [`${path} ${turn ?? 0}`] : [],
  );

/** Everything that was sealed by the agent is undone, once each; one after the other, in reverse order. */
function expectUndone(story: ReadonlyMap<string, readonly Entry[]>, way: Way): void {
  for (const entries of story.values()) {
    const sealed = placesOf(entries, ["step.sealed", "item.sealed"]);
    const undone = placesOf(entries, ["compensation.sealed"]);
    const unknown = entries
      .filter(({ kind }) => kind === "run.compensating")
      .flatMap(({ payload }) => payload["plan"] as unknown as { what: string; path: string }[])
      .filter(({ what }) => what === "unknown")
      .map(({ path }) => `${path} 0`);
    expect([...undone].sort()).toEqual([...sealed, ...unknown].sort());
    expect(new Set(undone).size).toBe(undone.length);
    const known = undone.filter((place) => !unknown.includes(place));
    if (way === "sequential") expect(known).toEqual([...sealed].reverse());
    expect(entries.at(-1)?.kind).toBe("run.compensated");
    expect(entries.map(({ seq }) => seq)).toEqual([...entries.keys()]);
  }
}

for (const way of ["sequential", "parallel"] as const) {
  test(`promise 6: a process may die before or after any of its appends, and each compensation is recorded once (${way})`, async () => {
    const smooth = await live(memory(), () => "commit", VIRTUAL_START_MS, way);
    expect(smooth.ended).toBe(true);
    expect(smooth.appends).toBeGreaterThan(20);
    for (let k = 1; k <= smooth.appends; k += 1) {
      for (const fault of ["crashBefore", "crashAfter"] as const) {
        const store = memory();
        const first = await live(store, (n) => (n === k ? fault : "commit"), VIRTUAL_START_MS, way);
        expect(first.ended).toBe(false);
        const before = await read(store);
        const second = await live(store, () => "commit", first.clock.now(), way);
        expect(second.ended).toBe(true);
        const story = await read(store);
        expectUndone(story, way);
        // What was recorded as undone is not undone again.
        const committed = [...before].flatMap(([run, entries]) =>
          placesOf(entries, ["compensation.sealed"]).map((place) => `undo ${run} ${place}`),
        );
        const again = second.acts.filter((act) => committed.includes(act));
        expect({ k, fault, again }).toEqual({ k, fault, again: [] });
      }
    }
  }, 120_000);
}

test("promise 6: it may die again and again", async () => {
  const store = memory();
  let startMs = VIRTUAL_START_MS;
  for (let lives = 0; lives < 100; lives += 1) {
    const { ended, clock } = await live(
      store,
      (n) => (n === 3 ? "crashAfter" : "commit"),
      startMs,
      "sequential",
    );
    startMs = clock.now();
    if (ended) break;
  }
  const story = await read(store);
  expect(story.size).toBe(2);
  expectUndone(story, "sequential");
}, 60_000);

test("promise 6: a store that loses answers, or fails for a while, loses and doubles no compensation", async () => {
  const { appends } = await live(memory(), () => "commit", VIRTUAL_START_MS, "sequential");
  // The first two appends register the workflows, before there is a run.
  for (let k = 3; k <= appends; k += 1) {
    for (const fault of [
      (n: number): Fault => (n === k ? "loseAnswer" : "commit"),
      (n: number): Fault => (n >= k && n < k + 3 ? "fail" : "commit"),
    ]) {
      const store = memory();
      const { ended } = await live(store, fault, VIRTUAL_START_MS, "sequential");
      expect(ended).toBe(true);
      expectUndone(await read(store), "sequential");
    }
  }
}, 120_000);

test("a way back whose journal is slow to read is waited for, however long its next attempt has been due", async () => {
  const clock = virtualClock();
  const inner = memory({ now: () => clock.now() });
  const acts: string[] = [];
  const down = { isDown: true };
  const book = undoing<number>("book", acts, {
    compensation: { attempts: 5 },
    compensate: () => {
      if (down.isDown) throw new Error("busy");
    },
  });
  const boom = agentOf<number, number>("boom", () => {
    throw new Error("no");
  });
  const flow = workflow("w", "1.0.0", { input: count })
    .step("book", book, { input: ({ input }) => input })
    .step("boom", boom, { needs: ["book"], input: ({ book: n }) => n })
    .output(() => 0);
  const one = await opened({ workflows: [flow], store: inner }, clock);
  await one.baton.start(flow, 1, { id: "r" });
  await clock.settle();
  await clock.until(one.baton.close({ graceMs: 0 }));
  await clock.advance(60_000);
  down.isDown = false;
  const slow = gate();
  const turns = { reads: 0, looks: 0 };
  const store: StoreFactory = async (mode) => {
    const handle = await inner(mode);
    return {
      ...handle,
      read: async (stream, ...more) => {
        if (stream.stream === "run/r" && (turns.reads += 1) > 1) await slow.promise;
        return await handle.read(stream, ...more);
      },
    };
  };
  const looking = {
    ...clock,
    after: (delayMs: number, wake: () => void, background?: boolean) => {
      // Who looks again and again is stopped.
      return (turns.looks += 1) > 1_000 ? () => {} : clock.after(delayMs, wake, background);
    },
  };
  const two = await opened({ workflows: [flow], store, clock: looking }, clock);
  await clock.advance(1_000);
  expect(turns.looks).toBeLessThan(100);
  slow.open();
  const outcome = await clock.until((await two.baton.run("r")).outcome());
  expect(outcome.kind).toBe("compensated");
  expect(acts).toEqual(["do r book 0", "undo r book 0"]);
});
