/** scripts/prepare.mjs in a made-up checkout, with an npm and a compiler that only write down that they were called. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const SCRIPTS = fileURLToPath(new URL("../../scripts", import.meta.url));
const LOCK = JSON.stringify({
  packages: {
    "": {},
    "node_modules/better-sqlite3": { version: "12.0.0" },
    "node_modules/for-another-platform": { version: "1.0.0", optional: true },
  },
});
const LOADS = "module.exports = class { close() {} };";
const DOES_NOT_LOAD = 'throw new Error("compiled for another Node");';
// Both say what they do on standard output, and npm leaves what an installation leaves.
const NPM = `
const { cpSync, mkdirSync, writeFileSync } = require("node:fs");
const args = process.argv.slice(2);
console.log("npm " + args.join(" "));
if (process.env.NPM_FAILS) process.exit(1);
if (args[0] === "install") cpSync("installed", "node_modules", { recursive: true });
if (args[0] === "rebuild") writeFileSync("node_modules/better-sqlite3/index.js", ${JSON.stringify(LOADS)});
`;
const TSC = `
console.log("tsc");
require("node:fs").mkdirSync("dist", { recursive: true });
process.exit(process.env.TSC_FAILS ? 2 : 0);
`;

let root = "";

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function prepare(env: Readonly<Record<string, string>> = {}): {
  readonly status: number | null;
  readonly said: string;
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/prepare.mjs"], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, npm_execpath: join(root, "npm.js"), ...env },
  });
  return { status, said: `${stdout}${stderr}` };
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "baton-prepare-"));
  cpSync(SCRIPTS, join(root, "scripts"), { recursive: true });
  put("npm.js", NPM);
  put("package-lock.json", LOCK);
  put("tsconfig.json", "{}");
  put("tsconfig.build.json", "{}");
  put("src/index.ts", "export const one = 1;");
  put("installed/.package-lock.json", LOCK);
  put("installed/better-sqlite3/index.js", LOADS);
  put("installed/typescript/bin/tsc", TSC);
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

test("a fresh clone is installed and built; the second time nothing is done and nothing said", () => {
  const first = prepare();
  expect(first.status).toBe(0);
  expect(first.said).toMatch(/npm install --no-save.*tsc/s);
  expect(prepare()).toEqual({ status: 0, said: "" });
});

test("a package that the lock file has in another version is installed", () => {
  prepare();
  put("package-lock.json", LOCK.replace("12.0.0", "12.1.0"));
  expect(prepare().said).toContain("better-sqlite3 has changed");
});

test("an interrupted installation is noticed", () => {
  prepare();
  rmSync(join(root, "node_modules/.package-lock.json"));
  expect(prepare().said).toContain("npm install");
});

test("a changed, a new and a removed source are built, a changed test is not", () => {
  prepare();
  put("src/index.ts", "export const one = 2;");
  expect(prepare().said).toContain("tsc");
  put("src/model/two.ts", "export const two = 2;");
  expect(prepare().said).toContain("tsc");
  rmSync(join(root, "src/model"), { recursive: true });
  expect(prepare().said).toContain("tsc");
  put("src/index.test.ts", "");
  expect(prepare().said).toBe("");
});

test("a failed build is an error, leaves nothing behind that looks built, and is tried again", () => {
  expect(prepare({ TSC_FAILS: "1" }).status).toBe(1);
  expect(existsSync(join(root, "dist/.built-from"))).toBe(false);
  expect(prepare().said).toContain("tsc");
});

test("a binding that was compiled for another Node is compiled again", () => {
  prepare();
  put("node_modules/better-sqlite3/index.js", DOES_NOT_LOAD);
  expect(prepare().said).toContain("npm rebuild better-sqlite3");
  expect(readFileSync(join(root, "node_modules/better-sqlite3/index.js"), "utf8")).toBe(LOADS);
});

test("a failed installation names what the compiler needs, where it is missing", () => {
  const { status, said } = prepare({ NPM_FAILS: "1", PATH: "" });
  expect(status).toBe(1);
  expect(said).toContain("apt-get install -y build-essential python3");
});

test("nothing is installed through a link", () => {
  prepare();
  renameSync(join(root, "node_modules"), join(root, "elsewhere"));
  symlinkSync(join(root, "elsewhere"), join(root, "node_modules"));
  put("package-lock.json", LOCK.replace("12.0.0", "12.1.0"));
  const { status, said } = prepare();
  expect(status).toBe(0);
  expect(said).toContain("node_modules is a link");
  expect(said).not.toContain("npm install");
});
