import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { firstApplications } from "./applications.ts";
import { conclusionText } from "./conclusion.ts";
import { neighbours } from "./neighbours/neighbours.ts";
import { tellStory } from "./story.ts";

test("agents by MCP, A2A, LangGraph, Databricks and the AI SDK decide as five functions do, and all who were there say so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-reference-stack-"));
  const { addresses, close } = await neighbours();
  onTestFinished(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });
  const people = { owner: "platform@example.com", principal: "desk@example.com" };
  // Some of them are refused at a handoff: what was done for them is undone at the bureau.
  const applications = firstApplications(24);
  const told = await tellStory({ folder, neighbours: addresses, ...people }, applications, {
    write: () => true,
  });
  expect(told.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(told.checks.map(({ what }) => what)).toEqual([
    "the plain agents",
    "a revoked grant",
    "the journal's chain",
    "Delta Lake",
    "the bureau (MCP)",
    "the registry",
  ]);
  expect(Object.values(told.decided).reduce((sum, count) => sum + count, 0)).toBe(24);
  expect(told.decided["approved"]).toBeGreaterThan(0);
  expect(told.decided["failed"]).toBeGreaterThan(0);
  expect(told.tally.tokens).toBeGreaterThan(0);
  expect(conclusionText(told)).toContain("ok  a revoked grant");
});
