import { expect, test } from "vitest";
import { virtualClock } from "../../testing/virtual-clock.ts";
import { wakes } from "./wakes.ts";

test("runs that end long before their time are forgotten, and the others are woken at theirs", async () => {
  const clock = virtualClock();
  const woken: [run: string, afterMs: number][] = [];
  const startMs = clock.now();
  const tested = wakes(clock, (run) => woken.push([run, clock.now() - startMs]));
  for (let n = 0; n < 10_000; n += 1) {
    tested.set(`run-${n}`, startMs + 3_600_000 + n);
    if (n % 2_500 !== 0) tested.set(`run-${n}`, undefined);
  }
  // What is put off counts at its new time only.
  tested.set("run-2500", startMs + 4_000_000);
  expect(tested.waiting()).toBeLessThan(2_000);
  await clock.advance(5_000_000);
  expect(woken).toEqual([
    ["run-0", 3_600_000],
    ["run-5000", 3_605_000],
    ["run-7500", 3_607_500],
    ["run-2500", 4_000_000],
  ]);
  expect(tested.waiting()).toBe(0);
  tested.stop();
});
