/** Calls that take their process down: found, parked, and told from those that were merely beside them. */
import { agent, exponential, memory, type OpenOptions, type StoreFactory, workflow } from "baton";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ADA, count, entriesOf, gate, journalOf, payloadsOf } from "../support/opened.ts";
import { type Life, type Mortal, nextLife } from "../support/mortal.ts";

/** Inputs of which the call kills its process. */
type Poisonous = ReadonlySet<number>;

/** A step that kills its process on some inputs, beside and after steps that don't. */
function flowOf(process: Mortal, poison: Poisonous) {
  const work = (name: string, execute: (n: number) => unknown) =>
    agent({
      name,
      version: "1.0.0",
      input: count,
      output: count,
      retry: { attempts: 3, backoff: exponential("100ms", { jitter: 0 }) },
      execute: async (n) => {
        await execute(n);
        return n;
      },
    });
  const turns = async (n: number) => {
    for (let turn = 0; turn < n % 4; turn += 1) await new Promise((next) => setImmediate(next));
  };
  const risky = work("risky", async (n) => {
    await turns(n);
    if (!poison.has(n)) return;
    process.kill();
    await gate().promise;
  });
  const plain = work("plain", turns);
  return workflow("flow", "1.0.0", { input: count })
    .step("before", plain, { input: ({ input }) => input })
    .step("risky", risky, { needs: ["before"], input: ({ before }) => before })
    .step("beside", plain, { input: ({ input }) => input })
    .output(({ risky: n, beside }) => n + beside);
}

/** Lives one process after the other until one of them outlives its work. Gives that one, and how many died. */
async function outlived(
  store: StoreFactory,
  start: (life: Life, flow: ReturnType<typeof flowOf>) => Promise<void>,
  poison: Poisonous,
  more: Partial<OpenOptions> = {},
): Promise<Life & { readonly deaths: number }> {
  let clock: Life["clock"] | undefined;
  for (let deaths = 0; deaths < 40; deaths += 1) {
    let flow: ReturnType<typeof flowOf> | undefined;
    const life = await nextLife(store, clock, (process) => {
      flow = flowOf(process, poison);
      return { workflows: [flow], ...more };
    });
    ({ clock } = life);
    if (deaths === 0 && flow !== undefined) await start(life, flow);
    for (let waited = 0; waited < 5 && !life.process.isDead(); waited += 1)
      await clock.advance(1_000);
    if (!life.process.isDead()) return { ...life, deaths };
  }
  throw new Error("Process after process died.");
}

test("promise 11: a call that kills its process is parked after a few deaths, and every other run completes", async () => {
  const { baton, clock, deaths } = await outlived(
    memory(),
    async ({ baton: first }, flow) => {
      await Promise.all(
        Array.from({ length: 30 }, (_, n) => first.start(flow, n, { id: `r${n}` })),
      );
    },
    new Set([13]),
  );
  // Two make it a suspect, three convict it.
  expect(deaths).toBe(5);
  for (let n = 0; n < 30; n += 1)
    expect((await baton.report(`r${n}`)).status).toBe(n === 13 ? "parked" : "completed");
  expect(await baton.deadLetters()).toMatchObject([
    { run: "r13", path: "risky", what: "step", because: "poison", input: 13 },
  ]);
  expect((await baton.deadLetters())[0]?.error).toMatchObject({
    code: "POISON",
    message: expect.stringContaining("3 times"),
  });
  expect((await baton.verify()).problems).toEqual([]);
  for (let n = 0; n < 30; n += 1) expect((await baton.replay(`r${n}`)).differences).toEqual([]);
  await clock.until(
    baton.resolveStep("r13", "risky", { action: "done", output: 0, by: ADA, reason: "by hand" }),
  );
  const run = await baton.run("r13");
  expect(await clock.until(run.outcome())).toMatchObject({ kind: "completed", output: 13 });
});

test("a person may have it tried again, in quarantine, until it has killed as often once more", async () => {
  const store = memory();
  const start = async ({ baton }: Life, flow: ReturnType<typeof flowOf>) => {
    await baton.start(flow, 13, { id: "r" });
  };
  const first = await outlived(store, start, new Set([13]));
  await first.clock.until(first.baton.resolveStep("r", "risky", { action: "retry", by: ADA }));
  await first.clock.advance(1_000);
  expect(first.process.isDead()).toBe(true);
  const { deaths, baton } = await outlived(store, async () => {}, new Set([13]));
  expect(deaths).toBe(2);
  expect((await baton.report("r")).status).toBe("parked");
  expect(await payloadsOf(baton, "r", "step.parked")).toMatchObject([
    { because: "poison" },
    { because: "poison" },
  ]);
});

test("a call that fails, waits, and then kills its process is found as well", async () => {
  const store = memory();
  let clock: Life["clock"] | undefined;
  let deaths = 0;
  for (; deaths < 20; deaths += 1) {
    const life = await nextLife(store, clock, (process) => {
      const late = agent({
        name: "late",
        version: "1.0.0",
        input: count,
        output: count,
        retry: { attempts: 3, backoff: exponential("1m", { jitter: 0, max: "1m" }) },
        execute: async (n, { attempt }) => {
          if (attempt === 1) throw new Error("not yet");
          process.kill();
          await gate().promise;
          return n;
        },
      });
      const flow = workflow("late", "1.0.0", { input: count })
        .step("a", late, { input: ({ input }) => input })
        .output(({ a }) => a);
      return { workflows: [flow] };
    });
    ({ clock } = life);
    const [flow] = life.baton.workflows;
    if (deaths === 0 && flow !== undefined) await life.baton.startUntyped(flow, 1, { id: "r" });
    await clock.advance(120_000);
    if (life.process.isDead()) continue;
    expect((await life.baton.report("r")).status).toBe("parked");
    break;
  }
  expect(deaths).toBe(5);
});

test("a process that is closed has not died: whatever it leaves behind is never suspected", async () => {
  const store = memory();
  const never = gate<number>();
  let clock: Life["clock"] | undefined;
  for (let closed = 0; closed < 8; closed += 1) {
    const long = agent({
      name: "long",
      version: "1.0.0",
      input: count,
      output: count,
      execute: () => never.promise,
    });
    const flow = workflow("long", "1.0.0", { input: count })
      .step("a", long, { input: ({ input }) => input })
      .output(({ a }) => a);
    const life = await nextLife(store, clock, () => ({ workflows: [flow] }));
    ({ clock } = life);
    if (closed === 0) await life.baton.start(flow, 1, { id: "r" });
    await clock.advance(1_000);
    expect((await life.baton.report("r")).status).toBe("running");
    expect(await journalOf(life.baton, "r")).not.toContain("attempt.begun a");
    expect(await payloadsOf(life.baton, "r", "run.resumed")).toEqual(
      Array.from({ length: closed }, (_, i) => ({ incarnation: i + 1 })),
    );
    await clock.until(life.baton.close({ graceMs: 0 }));
  }
});

test("what a process that died had not even loaded is not suspected for it", async () => {
  const { baton } = await outlived(
    memory(),
    async ({ baton: first }, flow) => {
      await Promise.all(Array.from({ length: 6 }, (_, n) => first.start(flow, n, { id: `r${n}` })));
    },
    new Set([0]),
    { limits: { concurrentRunsMax: 1 } },
  );
  // The one that was next in line had been loaded.
  for (let n = 2; n < 6; n += 1)
    expect(await payloadsOf(baton, `r${n}`, "run.resumed")).toEqual([{ incarnation: 1 }]);
});

test("property: whatever kills its process is parked, whatever else is under way completes, and no other is parked", async () => {
  const property = fc.asyncProperty(
    fc.uniqueArray(fc.integer({ min: 0, max: 11 }), { maxLength: 3 }),
    async (poisonous) => {
      const poison = new Set(poisonous);
      const { baton } = await outlived(
        memory(),
        async ({ baton: first }, flow) => {
          // The first death may come while they are started: then the others are not, and that is no loss.
          for (let n = 0; n < 12; n += 1)
            void first.start(flow, n, { id: `r${n}` }).catch(() => {});
        },
        poison,
      );
      const found = await baton.runs({ limit: 100 });
      for (const { id, status } of found) {
        expect(status).toBe(poison.has(Number(id.slice(1))) ? "parked" : "completed");
        const begun = (await entriesOf(baton, id)).filter(
          ({ kind, payload }) => kind === "attempt.begun" && payload["quarantined"] !== true,
        );
        expect(begun).toEqual([]);
        expect((await baton.replay(id)).differences).toEqual([]);
      }
      expect((await baton.verify()).problems).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: 12 });
});
