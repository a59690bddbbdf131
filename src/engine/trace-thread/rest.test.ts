import { expect, test } from "vitest";
import { restWhileBusy } from "./rest.ts";

function resting(executed: { ms: number | undefined }) {
  const clock = { ms: 0 };
  const rest = restWhileBusy(
    () => clock.ms,
    () => executed.ms,
  );
  /** A second later, of which the executing thread has executed so much. */
  return (executedMs: number, behindMs = 0) => {
    clock.ms += 1_000;
    if (executed.ms !== undefined) executed.ms += executedMs;
    return rest(50, behindMs);
  };
}

test("while the executing thread is busy, four times as long is rested as was worked; else nothing is", () => {
  const after = resting({ ms: 7 });
  expect(after(900)).toBe(200);
  expect(after(500)).toBe(200);
  expect(after(499)).toBe(0);
  expect(after(0)).toBe(0);
  expect(after(1_000)).toBe(200);
});

test("nothing is rested once traces are a minute behind, however busy it is", () => {
  const after = resting({ ms: 0 });
  expect(after(1_000, 60_000)).toBe(200);
  expect(after(1_000, 60_001)).toBe(0);
});

test("nothing is rested where nobody knows how busy it is", () => {
  expect(resting({ ms: undefined })(1_000)).toBe(0);
});
