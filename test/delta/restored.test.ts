/** A store that is not the one any more whose journal the tables have: restored from an older copy, or without its end. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agent, contract, open, workflow } from "baton";
import { type DeltaProgress, deltaSink, verifyDelta } from "baton/delta";
import { sqlite } from "baton/sqlite";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import {
  arrived,
  exported,
  type MemoryPlace,
  memoryPlace,
  TABLE_NAMES,
} from "../support/delta-places.ts";

const Text = contract("text", "1.0.0", z.string());
const shouting = agent({
  name: "shouting",
  version: "1.0.0",
  input: Text,
  output: Text,
  execute: (text) => text.toUpperCase(),
});
const echo = workflow("echo", "1.0.0", { input: Text, output: Text })
  .step("shout", shouting, { input: ({ input }) => input })
  .output(({ shout }) => shout);

let file: string;
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "baton-delta-restored-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  file = join(folder, "baton.db");
});

async function run(...ids: readonly string[]): Promise<void> {
  const baton = await open({ store: sqlite(file), workflows: [echo], watchdog: 0 });
  for (const id of ids) await (await baton.start(echo, "hello", { id })).result();
  await baton.close();
}

async function drained(to: MemoryPlace): Promise<DeltaProgress> {
  const sink = await deltaSink({ store: sqlite(file), to });
  try {
    return await sink.drain();
  } finally {
    await sink.close();
  }
}

const backUp = (): void => copyFileSync(file, `${file}.bak`);
const restore = (): void => copyFileSync(`${file}.bak`, file);

/** The tables as a Baton leaves them that does not yet say which commit it came to: its place is two numbers. */
function withoutHeads(place: MemoryPlace): void {
  for (const [path, bytes] of place.files) {
    if (!path.endsWith(".json")) continue;
    const lines = new TextDecoder().decode(bytes).split("\n");
    const older = lines.filter((line) => !/^\{"txn":\{"appId":"[^"]+\/head/.test(line));
    place.files.set(path, new TextEncoder().encode(older.join("\n")));
  }
}

const REFUSED = {
  code: "TABLE_UNSUITABLE",
  message: expect.stringContaining("which the journal does not have"),
  hint: expect.stringContaining("restored from an older copy"),
};

test("a store that was restored from an older copy is not exported into the tables of the one before", async () => {
  const place = memoryPlace();
  await run("before");
  backUp();
  await run("lost-1", "lost-2", "lost-3");
  await drained(place);
  const written = new Map(place.files);
  restore();
  // The copy ends before the tables do: nothing is new, and that is not all that is to be said.
  await expect(drained(place)).rejects.toMatchObject(REFUSED);
  await run("new-1", "new-2", "new-3", "new-4", "new-5");
  await expect(drained(place)).rejects.toMatchObject(REFUSED);
  expect(place.files).toEqual(written);
  const elsewhere = memoryPlace();
  await drained(elsewhere);
  expect(await exported(elsewhere)).toEqual(await arrived(sqlite(file)));
  expect((await verifyDelta(elsewhere)).problems).toEqual([]);
});

test("a copy that has all that the tables have goes on with them", async () => {
  const place = memoryPlace();
  await run("one");
  await drained(place);
  await run("two");
  backUp();
  await run("lost");
  restore();
  await run("three");
  await drained(place);
  expect(await exported(place)).toEqual(await arrived(sqlite(file)));
  expect((await verifyDelta(place)).problems).toEqual([]);
});

test("tables that do not say which commit they came to are gone on with, and say it from then on", async () => {
  const place = memoryPlace();
  await run("one");
  await drained(place);
  withoutHeads(place);
  await run("two");
  backUp();
  await run("lost");
  await drained(place);
  expect(await exported(place)).toEqual(await arrived(sqlite(file)));
  restore();
  await run("new-1", "new-2");
  await expect(drained(place)).rejects.toMatchObject(REFUSED);
});

test("an older Baton that goes on with the tables for a while leaves them as they can be gone on with", async () => {
  const place = memoryPlace();
  await run("one");
  await drained(place);
  const before = new Set(place.files.keys());
  await run("two");
  await drained(place);
  const newer = memoryPlace();
  for (const [path, bytes] of place.files) if (!before.has(path)) newer.files.set(path, bytes);
  withoutHeads(newer);
  for (const [path, bytes] of newer.files) place.files.set(path, bytes);
  await run("three");
  await drained(place);
  expect(await exported(place)).toEqual(await arrived(sqlite(file)));
  expect((await verifyDelta(place)).problems).toEqual([]);
  expect(new Set([...place.files.keys()].map((path) => path.split("/")[0]))).toEqual(
    new Set(TABLE_NAMES),
  );
});
