import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { afterMs } from "./machine-timer.ts";

const DAY_MS = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  // Before the real timers come back: a spy on a fake one, given back later, would leave the fake one.
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test.each([1, 5, 24 * DAY_MS, 30 * DAY_MS, 365 * DAY_MS])("%d ms are that long", (ms) => {
  const wake = vi.fn<() => void>();
  // As Node does it, which fake timers do not.
  const set = vi.spyOn(globalThis, "setTimeout");
  afterMs(ms, wake);
  vi.advanceTimersByTime(ms - 1);
  expect(wake).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(wake).toHaveBeenCalledTimes(1);
  for (const [, delayMs] of set.mock.calls) expect(delayMs).toBeLessThan(2 ** 31);
});

test("a long wait that is cancelled is over, also in its later parts", () => {
  const wake = vi.fn<() => void>();
  const cancel = afterMs(60 * DAY_MS, wake);
  vi.advanceTimersByTime(30 * DAY_MS);
  cancel();
  vi.advanceTimersByTime(60 * DAY_MS);
  expect(wake).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
