/** `baton topics`, `events`, `publish`, `subscriptions` and `asyncapi` on a project with a choreography. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Inside the repository, so that the project finds zod.
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));

const CONFIG = `
import { agent, choreography, contract, defineConfig, on, topic } from "baton";
import { z } from "zod";

const Order = contract("order", "1.0.0", z.object({ id: z.string() }));
const Ordered = topic("ordered", Order, { key: ({ id }) => id, retention: "30d" });
const Packed = topic("packed", Order);
const Unused = topic("unused", Order);
const packing = agent({
  name: "packing", version: "1.0.0", input: Order, output: Order,
  execute: ({ id }) => ({ id }),
});
const pack = choreography("pack", "1.0.0", {
  starts: Ordered, ends: Packed, deadline: "10m",
  subscriptions: { pack: on(Ordered, packing, { publishes: Packed }) },
});
export default defineConfig({ workflows: [pack], topics: [Unused] });
`;

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

function rows(out: string): readonly string[] {
  return out
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().replace(/ {2,}/g, "|"));
}

beforeAll(async () => {
  writeFileSync(join(folder, "baton.config.ts"), CONFIG);
  writeFileSync(join(folder, "order.json"), '{"id":"o1"}');
});

afterAll(() => rmSync(folder, { recursive: true }));

test("publish follows what it begins to its end; the same event counts once", async () => {
  const first = await baton("publish", "ordered", "order.json", "--id", "e1", "--by", "ada");
  expect(first).toMatchObject({ code: 0, err: "" });
  expect(first.out).toContain("published: e1 to ordered, correlation e1\n");
  expect(first.out).toContain('"o1"');
  expect((await baton("publish", "ordered", "order.json", "--id", "e1", "--no-wait")).code).toBe(0);
  expect((await baton("publish", "ordered", "--data", '{"id":"o2"}', "--id", "e1")).code).toBe(4);
  expect((await baton("publish", "ordered", "--data", '{"id":7}')).err).toContain("EVENT_REFUSED");
  expect(await baton("publish", "lost", "--data", "{}")).toMatchObject({
    code: 3,
    err: expect.stringContaining("ordered, packed, unused"),
  });
  expect((await baton("publish", "ordered")).code).toBe(2);
});

test("topics are listed with who publishes and who takes", async () => {
  const { code, out } = await baton("topics");
  expect(code).toBe(0);
  expect(rows(out)[0]).toMatch(/^TOPIC\|CONTRACT\|EVENTS\|NEWEST\|KEY\|KEPT\|PUBLISH/);
  expect(rows(out)[1]).toMatch(/^ordered\|order@1\.0\.0\|1\|.*Z\|yes\|30\.0 d\|pack\|pack/);
  expect(rows(out)[3]).toBe("unused|order@1.0.0|0");
  expect(JSON.parse((await baton("topics", "packed", "--json")).out)).toMatchObject([
    { name: "packed", events: 1, publishers: ["pack/pack"], subscribers: ["pack"] },
  ]);
  expect((await baton("topics", "lost")).code).toBe(3);
});

test("events are listed, shown, and given as CloudEvents", async () => {
  const { out } = await baton("events", "ordered");
  expect(out).toMatch(/^\d+ {2}\d{4}-.*Z {2}e1 {2}o1 {2}\{"id":"o1"\}\n$/);
  const json = (await baton("events", "packed", "--json", "--correlation", "e1")).out;
  expect(JSON.parse(json)).toMatchObject({
    specversion: "1.0",
    type: "packed",
    correlationid: "e1",
    causationid: "e1",
    data: { id: "o1" },
  });
  const shown = await baton("events", "show", "e1");
  expect(shown.out).toMatch(/^event: {7}e1\ntopic: {7}ordered \(order@1\.0\.0\)\n/);
  expect(shown.out).toMatch(/published: {3}.*by ada/);
  expect((await baton("events", "show", "e1/pack@3", "--store", ".baton/baton.db")).out).toMatch(
    /^event: {7}e1\/pack@3\n[^]*caused by: {3}e1\n/,
  );
  expect((await baton("runs", "--correlation", "e1")).out).toMatch(/e1\/pack .*completed/);
  expect(await baton("runs", "--correlation", "e")).toMatchObject({ err: "No runs.\n" });
  expect(await baton("events", "show", "e9")).toMatchObject({ code: 3 });
  expect(await baton("events", "unused")).toMatchObject({ code: 0, err: "No events.\n" });
  expect(await baton("events", "ordered", "e1")).toMatchObject({ code: 2 });
  expect((await baton("events", "show", "--store", ".baton/baton.db")).err).toContain(
    "Which event",
  );
  // The journal alone is enough.
  expect((await baton("events", "packed", "--store", ".baton/baton.db")).code).toBe(0);
});

test("who follows events is let go where nobody reads them any more", async () => {
  const hung: { up?: () => void } = {};
  const terminal = recordingTerminal({ cwd: folder, onWrite: () => hung.up?.() });
  hung.up = terminal.hangUp;
  expect(await runProgram(["events", "ordered", "--follow"], terminal)).toBe(0);
  expect(terminal.out()).toContain("e1");
});

test("a subscription is paused, falls behind, and is rewound", async () => {
  const paused = await baton("subscriptions", "pause", "pack", "--by", "ada", "--reason", "tests");
  expect(paused.out).toBe("paused: pack, by ada: tests\n");
  await baton("publish", "ordered", "--data", '{"id":"o2"}', "--id", "e2");
  const { out } = await baton("subscriptions");
  expect(rows(out)[1]).toMatch(/^pack\|ordered\|paused\|1\|0\|\d+\|0$/);
  expect((await baton("subscriptions", "--store", ".baton/baton.db")).out).toBe(out);
  expect((await baton("subscriptions", "resume", "pack", "--to", "7")).code).toBe(2);
  await baton("subscriptions", "resume", "pack");
  const again = await baton("subscriptions", "rewind", "pack", "--to", "2020-01-01", "--json");
  expect(JSON.parse(again.out)).toMatchObject({ name: "pack", generation: 1, paused: false });
  expect((await baton("subscriptions", "rewind", "pack", "--to", "soon")).code).toBe(2);
  expect((await baton("subscriptions", "pause", "lost")).code).toBe(3);
});

test("asyncapi prints the document, or writes it", async () => {
  expect((await baton("asyncapi", "--title", "Orders", "--out", "asyncapi.json")).code).toBe(0);
  const document = JSON.parse(readFileSync(join(folder, "asyncapi.json"), "utf8"));
  expect(document).toMatchObject({ asyncapi: "3.0.0", info: { title: "Orders" } });
  expect(Object.keys(document.channels)).toEqual(["ordered", "packed", "unused"]);
  expect(JSON.parse((await baton("asyncapi", "--title", "Orders")).out)).toEqual(document);
});
