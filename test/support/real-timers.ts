/**
 * After each test file: it must leave the machine's own timers as it found them. Workers are reused between files, so a fake timer
 * that stays behind makes tests of other files wait for ever, or not, by the order in which files happen to run.
 */
import { afterAll, vi } from "vitest";

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, Date } = globalThis;
const real = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, Date };

afterAll(() => {
  // What vitest would otherwise give back only before the next file's first test.
  vi.restoreAllMocks();
  const left = Object.entries(real).filter(
    ([name, before]) => globalThis[name as keyof typeof real] !== before,
  );
  Object.assign(globalThis, real);
  if (left.length > 0)
    throw new Error(`This file left a fake ${left.map(([name]) => name).join(", ")} behind.`);
});
