import { expect, test } from "vitest";
import { virtualOrder } from "../virtual/virtual-order.ts";
import { openBureau } from "./bureau.ts";
import { PARAMETERS, type Parameters } from "./parameters.ts";
import type { Fate } from "./plan.ts";

const PEACE: Parameters = {
  ...PARAMETERS,
  incident: { kind: "slow", startMs: 1_000_000, lengthMs: 0, factor: 1 },
};
const fate: Fate = {
  ...{ id: "a", arrivesAtMs: 0, workMs: 300, score: 700, scoreOnFile: 690, jitters: [] },
};

/** So many calls at the same moment, and what became of each: when it was answered, or the error. */
function burst(parameters: Parameters, count: number, atMs = 0) {
  const time = virtualOrder();
  const bureau = openBureau(parameters, time);
  const ends: string[] = [];
  void time.pass(atMs).then(() => {
    for (let no = 0; no < count; no += 1) {
      void bureau.pull(fate).then(
        (score) => ends.push(`${score} ${time.now()}`),
        (error: unknown) => ends.push(String(error)),
      );
    }
  });
  return { time, bureau, ends };
}

test("as many calls at a time as it has workers; the others wait", async () => {
  const { time, ends } = burst(PEACE, PEACE.workers + 1);
  await time.run();
  expect(ends.slice(0, -1).every((end) => end === "700 300")).toBe(true);
  expect(ends.at(-1)).toBe("700 600");
});

test("it falls over when more calls wait than it has memory for: all are lost, the next are refused, and it comes up cold", async () => {
  const { time, bureau, ends } = burst(PEACE, PEACE.workers + PEACE.queueMax + 2);
  await time.run();
  expect(ends.filter((end) => end.includes("ECONNRESET"))).toHaveLength(
    PEACE.workers + PEACE.queueMax + 1,
  );
  expect(ends.filter((end) => end.includes("ECONNREFUSED"))).toHaveLength(1);
  expect(bureau.history.map(({ health }) => health).slice(0, 4)).toEqual([
    "well",
    "down",
    "cold",
    "well",
  ]);
});

test("left alone, it is well again after its restart and its warming up; kept busy, it is not", async () => {
  const alone = burst({ ...PEACE, incident: { ...PEACE.incident, kind: "killed", startMs: 0 } }, 0);
  await alone.time.run();
  expect(alone.bureau.history.at(-1)).toEqual({
    atMs: PEACE.restartMs + PEACE.warmUpMs,
    health: "well",
  });

  const busy = burst({ ...PEACE, incident: { ...PEACE.incident, kind: "killed", startMs: 0 } }, 0);
  void (async () => {
    // Eight cold calls of 1.2 s each at all times: more than half of its workers.
    for (let round = 0; round < 40; round += 1) {
      for (let no = 0; no < 8; no += 1) void busy.bureau.pull(fate).catch(() => undefined);
      await busy.time.pass(1_200);
    }
  })();
  await busy.time.run();
  const last = busy.bureau.history.at(-1);
  expect(last?.health).toBe("well");
  expect(last?.atMs).toBeGreaterThan(40 * 1_200);
});

test("a call that the caller has given up is worked on all the same", async () => {
  const slow: Parameters = {
    ...PEACE,
    incident: { kind: "slow", startMs: 0, lengthMs: 60_000, factor: 10 },
  };
  const { time, bureau, ends } = burst(slow, PEACE.workers + 1, 1);
  await time.run();
  expect(ends.at(-1)).toBe("700 6001");
  expect(bureau.calls.every(({ end }) => end === "answered")).toBe(true);
});
