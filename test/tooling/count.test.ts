import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const COUNT = fileURLToPath(new URL("../../.ci/count.mjs", import.meta.url));

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-count-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function report(name: string, numPassedTests: number, numFailedTests: number): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({ numPassedTests, numFailedTests }));
  return path;
}

function count(...args: readonly string[]): string {
  return spawnSync(process.execPath, [COUNT, ...args], { encoding: "utf8" }).stdout;
}

test("reports are added up", () => {
  expect(count("0", report("a", 3, 0), report("b", 4, 0))).toBe("7 passed, 0 failed\n");
  expect(count("2", report("a", 3, 2), report("b", 4, 1))).toBe("7 passed, 3 failed\n");
});

test("a failed check without a failing test counts, and so does a missing report", () => {
  expect(count("1", report("a", 3, 0))).toBe("3 passed, 1 failed\n");
  expect(count("2", report("a", 3, 4))).toBe("3 passed, 5 failed\n");
  expect(count("0", join(folder, "nothing"))).toBe("0 passed, 1 failed\n");
});
