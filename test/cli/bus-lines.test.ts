/** What the command line says of a bus outside of the store: lines, their lag, and what was refused at them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Inside the repository, so that the project finds zod.
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));

const CONFIG = `
import { contract, defineConfig, topic, workflow } from "baton";
import { z } from "zod";

const Order = contract("order", "1.0.0", z.object({ id: z.string() }));
const Ordered = topic("ordered", Order);
const Packed = topic("packed", Order);
const sell = workflow("sell", "1.0.0", { input: Order })
  .emit("ordered", Ordered, { data: ({ input }) => input })
  .awaitEvent("packed", Packed, { needs: ["ordered"], timeout: "1h" })
  .output(({ packed }) => packed);
// A bus that takes nothing, and has one message, which breaks the contract.
const attributes = { specversion: "1.0", id: "e9", source: "urn:tests", type: "packed" };
const bus = {
  from: "beginning",
  inFlightMax: 10,
  open: async () => ({
    label: "broken",
    publish: () => new Promise(() => {}),
    consume: async ({ topic, handle }) => {
      if (topic === "packed") await handle({ topic, attributes, data: '{"id":7}' }, { position: 4 });
      return { lag: async () => undefined, underWay: () => 0, stop: async () => {} };
    },
    trouble: () => "There is nobody.",
    close: async () => {},
  }),
};
export default defineConfig({ workflows: [sell], bus, group: "tests" });
`;

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(() => writeFileSync(join(folder, "baton.config.ts"), CONFIG));
afterAll(() => rmSync(folder, { recursive: true }));

test("what waits for the bus and what was refused is shown, also where the journal alone is read", async () => {
  const published = await baton("publish", "ordered", "--data", '{"id":"o1"}', "--no-wait");
  expect(published.code).toBe(0);
  expect(published.err).toContain(
    "A message of packed from broken was refused: It breaks order@1.0.0",
  );
  for (const command of ["subscriptions", "health"]) {
    const { out } = await baton(command, "--store", ".baton/baton.db");
    expect(out.replace(/ {2,}/g, "|")).toMatch(/BUS\|TOPIC\|LAG\|UNDER WAY\|TROUBLE/);
    expect(out.replace(/ {2,}/g, "|")).toMatch(/out\|ordered\|1\|0/);
  }
  const letters = await baton("dead-letters");
  expect(letters.out.replace(/ {2,}/g, "|")).toMatch(
    /in\|packed\|e9\|4\|.*\|EVENT_REFUSED: It breaks/,
  );
  expect(letters.err).toContain("1 message of the bus refused");
  expect(JSON.parse((await baton("dead-letters", "--json")).out)).toMatchObject([
    { what: "message", direction: "in", bus: "broken", position: 4, attributes: { id: "e9" } },
  ]);
});
