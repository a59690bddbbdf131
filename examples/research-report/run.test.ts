/** The command itself; that it prints what its page shows is a test of the documentation. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { progressOn } from "./progress.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCES = { baton: `${ROOT}src/index.ts`, "baton/sqlite": `${ROOT}src/sqlite.ts` };

function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const argv = ["node_modules/jiti/lib/jiti-cli.mjs", "examples/research-report/run.ts", ...args];
  const env = { ...process.env, JITI_ALIAS: JSON.stringify(SOURCES), ...environment };
  const { status, stderr } = spawnSync(process.execPath, argv, {
    cwd: ROOT,
    env,
    encoding: "utf8",
  });
  return { status, stderr };
}

test.for([
  [
    ["--way", "anarchy"],
    {},
    "There is no way anarchy: there are choreography, orchestration, hybrid.",
  ],
  [["--fresher"], {}, "--fresher"],
  [[], { BATON_MODEL_URL: "http://127.0.0.1:1/" }, "BATON_MODEL names no model"],
] as const)(
  "a wrong request ends with 2 and says what is wrong: %j %j",
  { timeout: 60_000 },
  (request) => {
    const [args, environment, said] = request;
    const { status, stderr } = run(args, environment);
    expect(stderr).toContain(said);
    expect(stderr).not.toContain("    at ");
    expect(status).toBe(2);
  },
);

test("progress is shown on a terminal, on one line, and not in a file", () => {
  let told = "";
  const write = (text: string) => (told += text);
  progressOn({ write }, "hybrid", 2)(1);
  expect(told).toBe("");
  const progress = progressOn({ write, isTTY: true }, "hybrid", 2);
  progress(1);
  progress(2);
  expect(told).toBe("\rhybrid  1/2\rhybrid  2/2\n");
});
