/** The reference stack with real servers: those that can be had here. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { firstApplications } from "../../examples/reference-stack/applications.ts";
import { endAll, type Ends } from "../../examples/reference-stack/ending.ts";
import { neighbours } from "../../examples/reference-stack/neighbours/neighbours.ts";
import { startServers } from "../../examples/reference-stack/servers/servers.ts";
import { tellStory } from "../../examples/reference-stack/story.ts";

test("everybody who was there says what the journal says", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-interop-stack-"));
  const ends: Ends = [() => rmSync(folder, { recursive: true, force: true })];
  onTestFinished(() => endAll(ends));
  const people = { owner: "platform@example.com", principal: "desk@example.com" };
  const servers = await startServers({ wanted: () => true, tell: console.log, ends, ...people });
  const { addresses, close } = await neighbours();
  ends.push(close);
  const told = await tellStory(
    { folder, neighbours: addresses, ...servers, ...people },
    firstApplications(100),
    { write: () => true },
  );
  expect(told.checks.filter(({ ok }) => !ok)).toEqual([]);
  const asked = told.checks.map(({ what }) => what);
  expect(asked.includes("MLflow")).toBe(servers.mlflow !== undefined);
  expect(asked.includes("tables in the catalog")).toBe(servers.catalog !== undefined);
});
