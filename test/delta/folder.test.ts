import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BatonError, memory } from "baton";
import { deltaFolder, deltaPlace, deltaSink, type DeltaStorage, verifyDelta } from "baton/delta";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { arrived, exported, memoryPlace } from "../support/delta-places.ts";
import { sampleRuns } from "../support/sample-journal.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-delta-folder-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("of all who create a file one is told that it did, and nothing is left lying about", async () => {
  const place = deltaFolder(folder);
  const put = await Promise.all(
    Array.from({ length: 20 }, (_, i) => place.create("a/b/c.json", bytes(`${i}`))),
  );
  expect(put.filter((each) => each === "created")).toHaveLength(1);
  const there = await place.read("a/b/c.json");
  expect(put[Number(new TextDecoder().decode(there))]).toBe("created");
  expect(readdirSync(join(folder, "a", "b"))).toEqual(["c.json"]);
  await place.replace("a/b/c.json", bytes("new"));
  expect(Buffer.from((await place.read("a/b/c.json")) ?? []).toString()).toBe("new");
  await place.create("a/b/d.json", bytes(""));
  expect(await place.list("a/b")).toEqual(["c.json", "d.json"]);
  expect(await place.list("a/b", "c.json")).toEqual(["d.json"]);
  expect(await place.list("a")).toEqual([]);
  expect(await place.list("nowhere")).toEqual([]);
  await place.remove("a/b/c.json");
  await place.remove("a/b/c.json");
  expect(await place.read("a/b/c.json")).toBeUndefined();
});

test("a place that can't be written is TABLE_FAILED, with what the system says", async () => {
  writeFileSync(join(folder, "file"), "");
  const store = memory();
  const { baton, more } = await sampleRuns(store);
  onTestFinished(() => baton.close());
  await more(1);
  const sink = await deltaSink({ store, to: deltaFolder(join(folder, "file")) });
  await expect(sink.drain()).rejects.toMatchObject({
    code: "TABLE_FAILED",
    message: expect.stringMatching(/ENOTDIR|EEXIST/),
  });
  await sink.close();
});

test("a disk that is full stops a sink where it is; with room it goes on", async () => {
  const store = memory();
  const { baton, more } = await sampleRuns(store);
  onTestFinished(() => baton.close());
  await more(8);
  const inner = memoryPlace();
  let roomBytes = 60_000;
  const full: DeltaStorage = {
    ...inner,
    async create(path, content) {
      const used = [...inner.files.values()].reduce((sum, file) => sum + file.length, 0);
      if (used + content.length > roomBytes)
        throw new BatonError("TABLE_FAILED", "ENOSPC: no space left on device");
      return await inner.create(path, content);
    },
  };
  const sink = await deltaSink({ store, to: full, batch: { rowsMax: 10 } });
  await expect(sink.drain()).rejects.toMatchObject({ code: "TABLE_FAILED" });
  const before = await exported(inner);
  const journal = await arrived(store);
  expect(before.length).toBeGreaterThan(0);
  expect(before).toEqual(journal.slice(0, before.length));
  expect((await verifyDelta(inner)).problems).toEqual([]);
  roomBytes = Number.POSITIVE_INFINITY;
  await sink.drain();
  await sink.close();
  expect(await exported(inner)).toEqual(journal);
});

test("an empty journal gives no tables; they come with its first entry", async () => {
  const store = memory();
  const sink = await deltaSink({ store, to: deltaFolder(join(folder, "lake")) });
  expect(await sink.drain()).toEqual({ entries: 0, position: 0, commitNo: 0 });
  expect(readdirSync(folder)).toEqual([]);
  const { baton, more } = await sampleRuns(store);
  onTestFinished(() => baton.close());
  await more(1);
  expect((await sink.drain()).entries).toBeGreaterThan(0);
  await sink.close();
});

test("places as they are written on a command line", () => {
  expect(deltaPlace(folder).label).toBe(folder);
  expect(deltaPlace("s3://lake/prod/baton/").label).toBe("s3://lake/prod/baton");
  expect(deltaPlace("s3://lake", "http://127.0.0.1:1").label).toBe("s3://lake");
  for (const [place, endpoint] of [
    ["", undefined],
    ["gs://lake", undefined],
    ["s3://", undefined],
    ["lake", "http://127.0.0.1:1"],
  ] as const)
    expect(() => deltaPlace(place, endpoint)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
});
