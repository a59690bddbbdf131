import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RateSettings } from "../../model/rate.ts";
import type { Clock } from "../../ports/clock.ts";
import { MEMORY_WAIT_MS, MEMORY_WAITS_MAX, type Rates, rates } from "./rates.ts";

/** A clock whose timers fire, in order, while it is moved; nothing else happens meanwhile. */
function handClock() {
  let nowMs = 0;
  let timers: { readonly dueMs: number; readonly wake: () => void }[] = [];
  const clock: Clock = {
    now: () => 1_000_000 + nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, wake) => {
      const timer = { dueMs: nowMs + delayMs, wake };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  };
  const moveTo = (untilMs: number) => {
    for (;;) {
      const next = timers.reduce<(typeof timers)[number] | undefined>(
        (first, timer) => (first === undefined || timer.dueMs < first.dueMs ? timer : first),
        undefined,
      );
      if (next === undefined || next.dueMs > untilMs) break;
      timers = timers.filter((other) => other !== next);
      nowMs = Math.max(nowMs, next.dueMs);
      next.wake();
    }
    nowMs = Math.max(nowMs, untilMs);
  };
  return { clock, moveTo, now: () => nowMs, timers: () => timers.length };
}

/** Calls before one rate: what waits in its journal comes back at its time, or late; so does one whose agent has no place. */
function caller(
  clock: ReturnType<typeof handClock>,
  settings: RateSettings,
  first = true,
  lateMs: (id: number) => number = () => 0,
) {
  const declared = new Map([["r", { settings, agents: [] }]]);
  const made: Rates = rates(clock.clock, declared, first);
  const begun: { readonly id: number; readonly key: string; readonly atMs: number }[] = [];
  const call = (id: number, key = "", slot?: number, called = false): (() => void) => {
    let leave: () => void = () => undefined;
    const answer = made.ask(
      { name: "r", settings },
      {
        key,
        agent: "a@1.0.0",
        slot,
        called,
        turn: (turn) => {
          const again = () => {
            leave = call(id, key, turn, true);
          };
          const late = lateMs(id);
          if (late === 0) again();
          else leave = clock.clock.after(late, again);
        },
      },
    );
    if (answer.kind === "pass") begun.push({ id, key, atMs: clock.now() });
    else if (answer.kind === "wait") leave = answer.leave;
    else
      leave = clock.clock.after(answer.dueAt - clock.clock.now() + lateMs(id), () => {
        leave = call(id, key, answer.dueAt);
      });
    return () => leave();
  };
  return { made, call, begun };
}

const SETTINGS = fc.record({
  calls: fc.integer({ min: 1, max: 40 }),
  perMs: fc.integer({ min: 1, max: 20_000 }),
  burst: fc.integer({ min: 1, max: 12 }),
});

function mostInAWindow(times: readonly number[], perMs: number): number {
  let most = 0;
  for (let from = 0, to = 0; to < times.length; to += 1) {
    while ((times[to] ?? 0) - (times[from] ?? 0) >= perMs) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

describe("rates", () => {
  test("in every window no more calls begin than the rate allows, whoever comes when, and over restarts", () => {
    fc.assert(
      fc.property(
        SETTINGS,
        fc.array(
          fc.record({
            inMs: fc.integer({ min: 0, max: 4_000 }),
            key: fc.constantFrom("a", "b"),
            many: fc.integer({ min: 1, max: 9 }),
            then: fc.constantFrom("go", "go", "abort", "restart", "sleep"),
          }),
          { maxLength: 60 },
        ),
        fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 1, maxLength: 20 }),
        (settings, arrivals, late) => {
          const lateMs = (id: number) => late[id % late.length] ?? 0;
          const times = new Map<string, number[]>([
            ["a", []],
            ["b", []],
          ]);
          let clock = handClock();
          let open = caller(clock, settings, true, lateMs);
          let id = 0;
          let passedMs = 0;
          const close = () => {
            for (const { key, atMs } of open.begun) times.get(key)?.push(passedMs + atMs);
          };
          for (const { inMs, key, many, then } of arrivals) {
            clock.moveTo(clock.now() + inMs);
            let leave: () => void = () => undefined;
            for (let i = 0; i < many; i += 1) leave = open.call((id += 1), key);
            if (then === "abort") leave();
            if (then === "sleep") clock.moveTo(clock.now() + 3 * settings.perMs);
            if (then !== "restart") continue;
            close();
            passedMs += clock.now();
            clock = handClock();
            open = caller(clock, settings, false, lateMs);
          }
          clock.moveTo(clock.now() + 3_600_000);
          close();
          for (const each of times.values())
            expect(mostInAWindow(each, settings.perMs)).toBeLessThan(
              settings.calls + settings.burst,
            );
        },
      ),
      { numRuns: 300 },
    );
  });

  test("within a key the first to come is the first to begin, also where some waited in their journals", () => {
    fc.assert(
      fc.property(
        SETTINGS,
        fc.array(
          fc.record({ inMs: fc.integer({ min: 0, max: 3_000 }), key: fc.constantFrom("a", "b") }),
          {
            maxLength: 120,
          },
        ),
        (settings, arrivals) => {
          const clock = handClock();
          const { call, begun } = caller(clock, settings);
          for (const [id, { inMs, key }] of arrivals.entries()) {
            clock.moveTo(clock.now() + inMs);
            call(id, key);
          }
          clock.moveTo(clock.now() + 1_000 * 3_600_000);
          expect(begun).toHaveLength(arrivals.length);
          for (const key of ["a", "b"]) {
            const ids = begun.filter((each) => each.key === key).map((each) => each.id);
            expect(ids).toEqual([...ids].sort((a, b) => a - b));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("at rest nothing is left: every line is empty, every key forgotten, whoever left when", () => {
    fc.assert(
      fc.property(
        SETTINGS,
        fc.array(
          fc.record({
            inMs: fc.integer({ min: 0, max: 500 }),
            key: fc.integer({ min: 0, max: 5 }),
            leavesInMs: fc.option(fc.integer({ min: 0, max: 4_000 })),
          }),
          { maxLength: 80 },
        ),
        (settings, arrivals) => {
          const clock = handClock();
          const { call, made, begun } = caller(clock, settings);
          let left = 0;
          for (const [id, { inMs, key, leavesInMs }] of arrivals.entries()) {
            clock.moveTo(clock.now() + inMs);
            const leave = call(id, String(key));
            if (leavesInMs !== null)
              clock.clock.after(leavesInMs, () => {
                leave();
                left += 1;
              });
          }
          clock.moveTo(clock.now() + 1_000 * 3_600_000);
          expect(begun.length).toBeGreaterThanOrEqual(arrivals.length - left);
          expect(made.snapshots()).toMatchObject([{ keys: 0, waiting: 0, busiest: [] }]);
          expect(made.waiting().size).toBe(0);
          expect(clock.timers()).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("two that were promised the same turn do not let each other go first for ever", () => {
    const clock = handClock();
    const settings = { calls: 1, perMs: 1_000, burst: 1 };
    const { call, begun } = caller(clock, settings, false);
    const slot = clock.clock.now();
    call(1, "", slot);
    call(2, "", slot);
    clock.moveTo(2_500);
    expect(begun.map(({ id, atMs }) => `${id} at ${atMs}`)).toEqual(["1 at 1000", "2 at 2000"]);
  });

  test("a million keys are forgotten once they are full again", () => {
    const clock = handClock();
    const { made } = caller(clock, { calls: 1, perMs: 60_000, burst: 1 });
    const asked = { agent: "a@1.0.0", slot: undefined, called: false, turn: () => undefined };
    const settings = { calls: 1, perMs: 60_000, burst: 1 };
    for (let key = 0; key < 1_000_000; key += 1)
      made.ask({ name: "r", settings }, { ...asked, key: `k${key}` });
    expect(made.snapshots()[0]?.keys).toBe(1_000_000);
    expect(made.snapshots()[0]?.busiest).toHaveLength(10);
    clock.moveTo(61_000);
    expect(made.snapshots()[0]?.keys).toBe(0);
    expect(clock.timers()).toBe(0);
  }, 120_000);

  test("a million that wait are told each its own time, a step apart, and only a few wait in memory", () => {
    const clock = handClock();
    const settings = { calls: 10, perMs: 1_000, burst: 1 };
    const { clock: time } = clock;
    const made = rates(time, new Map(), true);
    const dueAts: number[] = [];
    let inMemory = 0;
    for (let id = 0; id < 1_000_000; id += 1) {
      const asked = { key: "", agent: "a", slot: undefined, called: false, turn: () => undefined };
      const answer = made.ask({ name: "r", settings }, asked);
      if (answer.kind === "wait") inMemory += 1;
      if (answer.kind === "later") dueAts.push(answer.dueAt);
    }
    expect(inMemory).toBe(MEMORY_WAIT_MS / 100);
    expect(dueAts[0]).toBe(time.now() + MEMORY_WAIT_MS + 100);
    for (const [i, dueAt] of dueAts.entries())
      if (dueAt !== (dueAts[0] ?? 0) + i * 100) expect.fail(`${i}: ${dueAt}`);
  }, 120_000);

  test("where as many wait in memory as may, over all keys, the next waits in its journal", () => {
    const clock = handClock();
    const settings = { calls: 1, perMs: 1_000, burst: 1 };
    const made = rates(clock.clock, new Map(), true);
    const kinds = Array.from({ length: MEMORY_WAITS_MAX + 1 }, (_, i) => {
      const asked = {
        key: `k${i}`,
        agent: "a",
        slot: undefined,
        called: false,
        turn: () => undefined,
      };
      made.ask({ name: "r", settings }, asked);
      return made.ask({ name: "r", settings }, asked).kind;
    });
    expect(kinds.slice(0, -1).every((kind) => kind === "wait")).toBe(true);
    expect(kinds.at(-1)).toBe("later");
  });

  test("whoever comes while another is on its way, whose turn has come, does not overtake it", () => {
    const clock = handClock();
    const settings = { calls: 1, perMs: 10_000, burst: 1 };
    const { call, begun } = caller(clock, settings, true, (id) => (id === 2 ? 5 : 0));
    call(1);
    call(2);
    clock.moveTo(10_001);
    call(3);
    clock.moveTo(60_000);
    expect(begun).toEqual([
      { id: 1, key: "", atMs: 0 },
      { id: 2, key: "", atMs: 10_005 },
      { id: 3, key: "", atMs: 20_005 },
    ]);
  });

  test("where a process stood still, those whose turns have passed come one after the other, and few wait in memory", () => {
    const clock = handClock();
    const settings = { calls: 10, perMs: 1_000, burst: 1 };
    // All turns are past when they come for the first time.
    const came = new Set<number>();
    const lateMs = (id: number) => (came.has(id) ? 0 : (came.add(id), 60_000 - clock.now()));
    const { call, begun, made } = caller(clock, settings, true, (id) => Math.max(0, lateMs(id)));
    for (let id = 0; id < 500; id += 1) call(id);
    let most = 0;
    for (let atMs = 0; atMs < 400_000; atMs += 500) {
      clock.moveTo(atMs);
      most = Math.max(most, made.snapshots()[0]?.waiting ?? 0);
    }
    expect(begun).toHaveLength(500);
    expect(
      mostInAWindow(
        begun.map(({ atMs }) => atMs),
        1_000,
      ),
    ).toBeLessThanOrEqual(10);
    expect(most).toBeLessThanOrEqual(2 * (MEMORY_WAIT_MS / 100));
  });

  test("a key does not wait for another", () => {
    const clock = handClock();
    const { call, begun } = caller(clock, { calls: 1, perMs: 10_000, burst: 1 });
    for (const id of [1, 2, 3]) call(id, "busy");
    call(4, "other");
    expect(begun.map(({ id }) => id)).toEqual([1, 4]);
  });

  test("at the store's very first open the burst is there; a process that takes over begins without it", () => {
    const settings = { calls: 10, perMs: 1_000, burst: 5 };
    const first = caller(handClock(), settings);
    const next = caller(handClock(), settings, false);
    for (let id = 0; id < 5; id += 1) {
      first.call(id);
      next.call(id);
    }
    expect([first.begun.length, next.begun.length]).toEqual([5, 0]);
  });

  test("an engine that has stopped wakes nobody", () => {
    const clock = handClock();
    const { call, begun, made } = caller(clock, { calls: 1, perMs: 1_000, burst: 1 });
    call(1);
    call(2);
    made.stop();
    clock.moveTo(60_000);
    expect(begun.map(({ id }) => id)).toEqual([1]);
  });
});
