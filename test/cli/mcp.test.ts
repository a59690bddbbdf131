/** `baton mcp` in this process; test/mcp/stdio.test.ts has it as one of its own. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

// Inside the repository, so that the project finds zod.
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROJECT = fileURLToPath(new URL("project", import.meta.url));

test("mcp ends where it is interrupted before it serves", async () => {
  const cwd = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  cpSync(PROJECT, cwd, { recursive: true });
  const terminal = recordingTerminal({ cwd });
  const code = await runProgram(["mcp"], {
    ...terminal,
    onInterrupt: (handler) => {
      // The store is open, and the SDK is not loaded yet.
      queueMicrotask(handler);
      return terminal.onInterrupt(handler);
    },
  });
  expect(code).toBe(130);
  expect(terminal.err()).toContain("Stopping:");
  expect(terminal.exits).toEqual([]);
});
