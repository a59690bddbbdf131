import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const LABS = fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, "");

function lab(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(LABS, "run.mjs"), ...args], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("--help lists every lab, each in a line, and its options", () => {
  const { status, stdout } = lab("--help");
  expect(status).toBe(0);
  const labs = readdirSync(LABS).filter((name) => existsSync(join(LABS, name, "main.ts")));
  expect(labs).toHaveLength(3);
  for (const name of labs) expect(stdout).toMatch(new RegExp(`^  ${name} .*\\(--\\w+ <n>\\)`, "m"));
});

test("a lab that there is not is wrong usage, and the labs are listed", () => {
  const { status, stdout, stderr } = lab("stale-cash");
  expect(status).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toContain('there is no lab "stale-cash"');
  expect(stderr).toContain("hammered-downstream");
});
