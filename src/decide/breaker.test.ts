import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BreakerSettings } from "../model/breaker.ts";
import type { FactOf } from "../model/entry.ts";
import {
  admit,
  type Breaker,
  type CallOutcome,
  type Changed,
  closeByPerson,
  newBreaker,
  openByPerson,
  type Pass,
  report,
  restoredBreaker,
  type Transition,
} from "./breaker.ts";

const FIVE: BreakerSettings = { failures: 5, window: undefined, cooldownMs: 1_000, probes: 1 };
const FAILED: CallOutcome = {
  kind: "failed",
  evidence: { code: "ECONNREFUSED", run: "r", path: "score", at: 0 },
};
const SUCCEEDED: CallOutcome = { kind: "succeeded" };
const IGNORED: CallOutcome = { kind: "ignored" };

/** A breaker that is driven: time, what is under way, and what was recorded. */
function driven(settings: BreakerSettings, breaker: Breaker = newBreaker(settings)) {
  const now = { breaker, nowMs: 0, underWay: 0, lastMs: 0 };
  const recorded: Transition[] = [];
  const take = (changed: Changed) => {
    now.breaker = changed.breaker;
    if (changed.transition === undefined) return;
    recorded.push(changed.transition);
    now.underWay = 0;
  };
  const ask = (): Pass | "later" | "refused" => {
    const admission = admit(now.breaker, settings, now);
    if (admission.kind !== "pass") return admission.kind;
    take(admission);
    now.underWay += 1;
    now.lastMs = now.nowMs;
    return admission.pass;
  };
  const end = (pass: Pass, outcome: CallOutcome) => {
    if (pass.period === now.breaker.period) now.underWay -= 1;
    take(report(now.breaker, settings, { pass, outcome, nowMs: now.nowMs }));
  };
  const call = (outcome: CallOutcome) => {
    const pass = ask();
    if (typeof pass === "object") end(pass, outcome);
    return pass;
  };
  return { now, recorded, ask, end, call, take, state: () => now.breaker.state };
}

function times(count: number, act: () => unknown): void {
  for (let i = 0; i < count; i += 1) act();
}

describe("closed", () => {
  test("opens after the fifth failure in a row, with the errors as evidence", () => {
    const it = driven(FIVE);
    times(4, () => it.call(FAILED));
    expect(it.state().kind).toBe("closed");
    it.call(FAILED);
    expect(it.state()).toEqual({ kind: "open", untilMs: 1_000 });
    expect(it.recorded).toMatchObject([
      { kind: "breaker.opened", payload: { cause: "failures", until: 1_000, openedCount: 1 } },
    ]);
    expect(it.recorded[0]?.payload.evidence).toHaveLength(5);
  });

  test("a success begins the count anew, an ignored outcome does not", () => {
    const it = driven(FIVE);
    times(4, () => it.call(FAILED));
    it.call(SUCCEEDED);
    times(4, () => it.call(FAILED));
    it.call(IGNORED);
    expect(it.state().kind).toBe("closed");
    it.call(FAILED);
    expect(it.state().kind).toBe("open");
  });

  test("a success after a success makes no new state", () => {
    const it = driven(FIVE);
    it.call(SUCCEEDED);
    const { breaker } = it.now;
    it.call(SUCCEEDED);
    expect(it.now.breaker).toBe(breaker);
  });

  test("B3: however many ask, a dead downstream gets five calls before it opens", () => {
    const it = driven(FIVE);
    const passes: Pass[] = [];
    times(1_000, () => {
      const pass = it.ask();
      if (typeof pass === "object") passes.push(pass);
    });
    expect(passes).toHaveLength(5);
    it.end(passes[0] ?? { period: 0, probe: false }, FAILED);
    expect(it.ask()).toBe("later");
    for (const pass of passes.slice(1)) it.end(pass, FAILED);
    expect(it.ask()).toBe("refused");
  });

  test("B3: calls that are not heard of again let one more through in each cooldown", () => {
    const it = driven(FIVE);
    times(5, () => it.ask());
    it.now.nowMs = 999;
    expect(it.ask()).toBe("later");
    it.now.nowMs = 1_000;
    expect(it.ask()).toMatchObject({ probe: false });
    expect(it.ask()).toBe("later");
  });

  test("B3: after a success as many calls are let through as ask", () => {
    const it = driven(FIVE);
    it.call(SUCCEEDED);
    times(1_000, () => expect(it.ask()).toMatchObject({ probe: false }));
  });

  test("B2: a call that was let through before it opened is not listened to after", () => {
    const it = driven(FIVE);
    it.call(SUCCEEDED);
    const passes = [it.ask(), it.ask(), it.ask(), it.ask(), it.ask(), it.ask()];
    const late = passes.pop();
    for (const pass of passes) if (typeof pass === "object") it.end(pass, FAILED);
    it.now.nowMs = 1_000;
    it.ask();
    if (typeof late === "object") it.end(late, FAILED);
    expect(it.state().kind).toBe("halfOpen");
  });
});

describe("a window", () => {
  const half: BreakerSettings = {
    ...FIVE,
    failures: undefined,
    window: { over: { kind: "calls", size: 10 }, rate: 0.5, minimum: 4 },
  };

  test("says nothing before its minimum, then opens at its rate", () => {
    const it = driven(half);
    it.call(FAILED);
    it.call(SUCCEEDED);
    it.call(FAILED);
    expect(it.state().kind).toBe("closed");
    it.call(FAILED);
    expect(it.recorded).toMatchObject([
      { payload: { cause: "rate", reason: "3 of the newest 4 calls failed." } },
    ]);
  });

  test("over time forgets what is older", () => {
    const settings: BreakerSettings = {
      ...half,
      window: { over: { kind: "time", durationMs: 1_000 }, rate: 0.5, minimum: 4 },
    };
    const it = driven(settings);
    times(3, () => it.call(FAILED));
    it.now.nowMs = 2_000;
    it.call(FAILED);
    expect(it.state().kind).toBe("closed");
    times(3, () => it.call(FAILED));
    expect(it.state().kind).toBe("open");
  });
});

describe("open and half-open", () => {
  function open(settings = FIVE) {
    const it = driven(settings);
    times(5, () => it.call(FAILED));
    return it;
  }

  test("B1: no call before the cooldown is over, then one probe", () => {
    const it = open();
    it.now.nowMs = 999;
    expect(it.ask()).toBe("refused");
    it.now.nowMs = 1_000;
    expect(it.ask()).toMatchObject({ probe: true });
    times(1_000, () => expect(it.ask()).toBe("refused"));
    expect(it.recorded.at(-1)).toMatchObject({
      kind: "breaker.halfOpened",
      payload: { probes: 1 },
    });
  });

  test("a probe that fails opens it for another cooldown", () => {
    const it = open();
    it.now.nowMs = 1_500;
    it.call(FAILED);
    expect(it.state()).toEqual({ kind: "open", untilMs: 2_500 });
    expect(it.recorded.at(-1)).toMatchObject({ payload: { cause: "probe", openedCount: 2 } });
  });

  test("as many probes as are let through must succeed", () => {
    const it = open({ ...FIVE, probes: 3 });
    it.now.nowMs = 1_000;
    it.call(SUCCEEDED);
    it.call(SUCCEEDED);
    expect(it.state().kind).toBe("halfOpen");
    it.call(SUCCEEDED);
    expect(it.state()).toMatchObject({ kind: "closed", proven: true });
  });

  test("a probe that says nothing makes room for the next", () => {
    const it = open();
    it.now.nowMs = 1_000;
    it.call(IGNORED);
    expect(it.ask()).toMatchObject({ probe: true });
  });

  test("B4: a probe that is never heard of again does not keep it half-open", () => {
    const it = open();
    it.now.nowMs = 1_000;
    const lost = it.ask();
    it.now.nowMs = 1_999;
    expect(it.ask()).toBe("refused");
    it.now.nowMs = 2_000;
    expect(it.ask()).toMatchObject({ probe: true });
    if (typeof lost === "object") it.end(lost, SUCCEEDED);
    expect(it.state().kind).toBe("closed");
  });

  test("B4: a probe is given up a cooldown after it was let through itself, not after one before it", () => {
    const it = open();
    it.now.nowMs = 1_000;
    it.call(IGNORED);
    it.now.nowMs = 1_900;
    expect(it.ask()).toMatchObject({ probe: true });
    it.now.nowMs = 2_000;
    expect(it.ask()).toBe("refused");
    it.now.nowMs = 2_900;
    expect(it.ask()).toMatchObject({ probe: true });
  });

  test("B1: what is heard of a probe that was given up frees no place among those after it", () => {
    const it = open();
    it.now.nowMs = 1_000;
    const lost = it.ask();
    it.now.nowMs = 2_000;
    expect(it.ask()).toMatchObject({ probe: true });
    if (typeof lost === "object") it.end(lost, IGNORED);
    expect(it.ask()).toBe("refused");
  });
});

describe("a person", () => {
  test("opens it without an end, and only a person closes it", () => {
    const it = driven(FIVE);
    it.take(openByPerson(it.now.breaker, "the bureau asked us to stop"));
    it.now.nowMs = 10 ** 12;
    expect(it.ask()).toBe("refused");
    it.take(closeByPerson(it.now.breaker, FIVE, "they are back"));
    expect(it.ask()).toMatchObject({ probe: false });
    expect(it.recorded.map(({ kind }) => kind)).toEqual(["breaker.opened", "breaker.closed"]);
  });

  test("who does what is so already changes nothing", () => {
    const it = driven(FIVE);
    it.take(closeByPerson(it.now.breaker, FIVE, "again"));
    it.take(openByPerson(it.now.breaker, "stop"));
    it.take(openByPerson(it.now.breaker, "stop again"));
    expect(it.recorded).toHaveLength(1);
  });

  test("a person's word does not prove the downstream: it is tried with a few calls", () => {
    const it = driven(FIVE);
    it.take(openByPerson(it.now.breaker, "stop"));
    it.take(closeByPerson(it.now.breaker, FIVE, "go"));
    times(5, () => it.ask());
    expect(it.ask()).toBe("later");
  });
});

const anySettings = fc.record({
  failures: fc.integer({ min: 1, max: 8 }),
  window: fc.constant(undefined),
  cooldownMs: fc.integer({ min: 1, max: 100 }),
  probes: fc.integer({ min: 1, max: 4 }),
});
const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("ask" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      which: fc.nat(20),
      outcome: fc.constantFrom(SUCCEEDED, FAILED, FAILED, IGNORED),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("open" as const, "close" as const) }) },
);

/** The entry of a transition, as a restarted process finds it. */
function factOf(transition: Transition, seq: number, at: number) {
  // A transition with an author, a place and a time is a fact of its kind.
  return { ...transition, seq, at, by: { kind: "engine", id: "baton" } } as FactOf<
    "breaker.opened" | "breaker.halfOpened" | "breaker.closed"
  >;
}

test("whatever happens: nothing passes while it is open, no more probes than allowed, and what is recorded restores it", () => {
  fc.assert(
    fc.property(anySettings, fc.array(anyStep, { maxLength: 120 }), (settings, steps) => {
      const it = driven(settings);
      const underWay: Pass[] = [];
      for (const step of steps) {
        const before = it.state();
        const count = it.recorded.length;
        if (step.do === "wait") it.now.nowMs += step.ms;
        if (step.do === "open") it.take(openByPerson(it.now.breaker, "stop"));
        if (step.do === "close") it.take(closeByPerson(it.now.breaker, settings, "go"));
        if (step.do === "ask") {
          const pass = it.ask();
          if (typeof pass === "object") {
            underWay.push(pass);
            if (before.kind === "open") {
              expect(before.untilMs).toBeDefined();
              expect(it.now.nowMs).toBeGreaterThanOrEqual(before.untilMs ?? 0);
            }
          }
        }
        if (step.do === "end" && underWay.length > 0) {
          const [pass] = underWay.splice(step.which % underWay.length, 1);
          if (pass !== undefined) it.end(pass, step.outcome);
        }
        const state = it.state();
        if (state.kind === "halfOpen") expect(state.underWay).toBeLessThanOrEqual(settings.probes);
        if (state.kind === "closed") expect(state.failuresInARow).toBeLessThan(settings.failures);
        const newest = it.recorded.at(-1);
        if (newest !== undefined && it.recorded.length > count) {
          const seq = it.recorded.length - 1;
          const restored = restoredBreaker(factOf(newest, seq, it.now.nowMs), settings);
          expect(restored.period).toBe(it.now.breaker.period);
          expect(restored.openedCount).toBe(it.now.breaker.openedCount);
          expect(restored.state.kind).toBe(state.kind);
          if (state.kind === "open") expect(restored.state).toEqual(state);
        }
        expect(it.now.breaker.period).toBe(it.recorded.length);
      }
    }),
    { numRuns: 500 },
  );
});

test("a dead downstream gets at most `failures` calls, and `probes` in each cooldown after, however many ask", () => {
  fc.assert(
    fc.property(
      anySettings,
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (settings, asking, rounds) => {
        const it = driven(settings);
        let calls = 0;
        for (let round = 0; round <= rounds; round += 1) {
          const passes: Pass[] = [];
          times(asking, () => {
            const pass = it.ask();
            if (typeof pass === "object") passes.push(pass);
          });
          calls += passes.length;
          for (const pass of passes) it.end(pass, FAILED);
          it.now.nowMs += settings.cooldownMs;
        }
        // Where fewer ask than would open it, it stays closed for some rounds, and all of them are calls.
        const toOpen = settings.failures + Math.ceil(settings.failures / asking) * asking;
        expect(calls).toBeLessThanOrEqual(toOpen + rounds * settings.probes);
      },
    ),
  );
});
