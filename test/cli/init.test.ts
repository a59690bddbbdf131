import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-init-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function put(manifest: string): string {
  const path = join(folder, "package.json");
  writeFileSync(path, manifest);
  return path;
}

test("a package.json that npm made keeps what it has and gets what it lacks", async () => {
  const path = put('{"name":"letters","type":"commonjs","dependencies":{"baton":"file:x.tgz"}}');
  const code = await runProgram(["init"], recordingTerminal({ cwd: folder }));
  expect(code).toBe(0);
  expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
    name: "letters",
    type: "module",
    dependencies: { baton: "file:x.tgz", zod: expect.any(String) },
  });
});

test("a package.json that is no JSON is refused, and left as it is", async () => {
  const path = put("{");
  const code = await runProgram(["init"], recordingTerminal({ cwd: folder }));
  expect(code).toBe(2);
  expect(readFileSync(path, "utf8")).toBe("{");
});

test("a folder with other files is refused", async () => {
  writeFileSync(join(folder, "notes.txt"), "mine");
  const code = await runProgram(["init"], recordingTerminal({ cwd: folder }));
  expect(code).toBe(2);
});
