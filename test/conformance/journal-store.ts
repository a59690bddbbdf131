/**
 * What every journal store must do: the promises J1 to J7 of the port, and reading. Call it in a test file of each store.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256Hex } from "../../src/journal/hash.ts";
import type { JournalStore, StoreFactory, StreamAppend } from "../../src/ports/journal-store.ts";
import { checkCommits, entries, followPlan, INDEX, part } from "./journal-model.ts";

/** A place for one store, fresh for each test; `factory` opens handles on the same data. */
export interface StorePlace {
  readonly factory: StoreFactory;
  readonly dispose: () => Promise<void>;
}

/** Runs the suite against the store that `makePlace` gives. */
export function journalStoreConformance(name: string, makePlace: () => Promise<StorePlace>): void {
  describe(`journal store: ${name}`, () => {
    let place: StorePlace;
    let store: JournalStore;
    let epoch: number;

    beforeEach(async () => {
      place = await makePlace();
      store = await place.factory({ readOnly: false });
      epoch = await acquired(store);
    });
    afterEach(async () => {
      await store.close();
      await place.dispose();
    });

    const append = (...streams: StreamAppend[]) => store.append({ streams, epoch });
    const read = (stream: string, from = 0, limit?: number) =>
      store.read({ namespace: "default", stream }, from, limit);

    appending();
    reading();
    leases();
    models();

    function appending(): void {
      test("J1: one stale stream in a request keeps all of it out", async () => {
        await append(part("run/a", -1, 2));
        const blob = blobOf('"kept out"');
        const result = await store.append({
          streams: [part("run/b", -1), part("run/a", 0)],
          blobs: [blob],
          epoch,
        });
        expect(result).toEqual({ kind: "conflict", stream: "run/a", expectedSeq: 0, actualSeq: 1 });
        expect(await read("run/b")).toEqual([]);
        expect(await store.head({ namespace: "default", stream: "run/b" })).toBeUndefined();
        expect(await store.blob(blob.sha256)).toBeUndefined();
        expect(await store.commits(0, 10)).toHaveLength(1);
      });

      test("J2: a stream that exists is no new stream, and a new one has no last entry", async () => {
        await append(part("run/a", -1));
        expect(await append(part("run/a", -1))).toMatchObject({ kind: "conflict", actualSeq: 0 });
        expect(await append(part("run/b", 0))).toMatchObject({ kind: "conflict", actualSeq: -1 });
      });

      test.each([
        ["entries that leave a gap", { entries: entries("run/a", 1, 1) }],
        ["a new stream without an index", { index: undefined }],
        ["a new stream without entries", { entries: [] }],
        ["a new stream without a name", { stream: "" }],
        ["a name with a line feed", { namespace: "a\nb" }],
      ])("J2: refuses %s", async (_name, wrong) => {
        // The cast lets an explicit undefined stand for a field that is left out.
        const request = { ...part("run/a", -1), ...wrong } as StreamAppend;
        await expect(append(request)).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
        await expect(append(part("run/b", -1), part("run/b", 0))).rejects.toMatchObject({
          code: "ARGUMENT_INVALID",
        });
        expect(await store.heads({})).toEqual([]);
      });

      test("J3: an append under another epoch changes nothing", async () => {
        for (const wrong of [epoch - 1, epoch + 1]) {
          const result = await store.append({ streams: [part("run/a", -1)], epoch: wrong });
          expect(result).toEqual({ kind: "fenced", epoch: wrong, currentEpoch: epoch });
        }
        expect(await store.heads({})).toEqual([]);
      });

      test("J4: appends of one turn share one commit, and one conflict fails alone", async () => {
        const results = await Promise.all([
          append(part("run/a", -1)),
          append(part("run/a", -1)),
          append(part("run/a", 0)),
          append(part("run/b", -1)),
        ]);
        expect(results.map(({ kind }) => kind)).toEqual([
          "appended",
          "conflict",
          "appended",
          "appended",
        ]);
        const [commit, ...others] = await store.commits(0, 10);
        expect(others).toEqual([]);
        const ranges = commit?.entries.map(({ stream, fromSeq, count }) => [
          stream,
          fromSeq,
          count,
        ]);
        expect(ranges).toEqual([
          ["run/a", 0, 2],
          ["run/b", 0, 1],
        ]);
      });

      test("J4: appends that follow from one commit share the next", async () => {
        const names = Array.from({ length: 50 }, (_, i) => `run/${i}`);
        await Promise.all(
          names.map(async (stream) => {
            await append(part(stream, -1));
            await Promise.resolve();
            await append(part(stream, 0));
          }),
        );
        expect(await store.commits(0, 10)).toHaveLength(2);
      });

      test("J4: more rows than a transaction takes go to the next commit", async () => {
        const results = await Promise.all(
          Array.from({ length: 5 }, (_, i) => append(part(`run/${i}`, -1, 1_500))),
        );
        expect(results.every(({ kind }) => kind === "appended")).toBe(true);
        const commits = await store.commits(0, 10);
        expect(commits.length).toBeGreaterThan(1);
        await checkCommits(store);
      });

      test("J5: what was appended is there for the next who opens", async () => {
        await append(part("run/a", -1, 3));
        await store.close();
        store = await place.factory({ readOnly: false });
        expect(await read("run/a")).toEqual(entries("run/a", 0, 3));
        epoch = await acquired(store);
        expect(await append(part("run/a", 2))).toEqual({ kind: "appended", commitNo: 2 });
        await checkCommits(store);
      });

      test("J6: commits are dense, chained, and have the root of their entries", async () => {
        for (let i = 0; i < 4; i += 1) {
          await Promise.all([append(part("run/a", i * 2 - 1, 2)), append(part("run/b", i - 1))]);
        }
        expect(await store.commits(0, 10)).toHaveLength(4);
        expect((await store.commits(2, 10)).map(({ commitNo }) => commitNo)).toEqual([3, 4]);
        await checkCommits(store);
      });

      test("a blob is kept once, however often it comes", async () => {
        const blob = blobOf('{"big":true}');
        await store.append({ streams: [part("run/a", -1)], blobs: [blob, blob], epoch });
        await store.append({ streams: [part("run/a", 0)], blobs: [blob, blobOf("2")], epoch });
        expect(await store.blob(blob.sha256)).toBe(blob.text);
        expect(await store.blob(sha256Hex("none"))).toBeUndefined();
        const all = await store.blobs(undefined, 10);
        expect(all.map(({ sha256 }) => sha256)).toEqual([blob.sha256, sha256Hex("2")].sort());
        expect(await store.blobs(all[0]?.sha256, 10)).toEqual(all.slice(1));
        expect(await store.blobs(undefined, 1)).toEqual(all.slice(0, 1));
      });
    }

    function reading(): void {
      test("reads pages of a stream, in order", async () => {
        await append(part("run/a", -1, 25));
        expect((await read("run/a", 10, 5)).map(({ seq }) => seq)).toEqual([10, 11, 12, 13, 14]);
        expect(await read("run/a", 24)).toEqual(entries("run/a", 24, 1));
        expect(await read("run/a", 25)).toEqual([]);
        expect(await read("run/none")).toEqual([]);
        expect(await store.read({ namespace: "other", stream: "run/a" }, 0)).toEqual([]);
      });

      test("reads the entries of all streams in the order of arrival", async () => {
        await append(part("run/a", -1, 2), part("run/b", -1));
        await append(part("run/a", 1));
        const all = await store.arrivals(undefined, 10);
        expect(all.map(({ stream, seq }) => [stream, seq])).toEqual([
          ["run/a", 0],
          ["run/a", 1],
          ["run/b", 0],
          ["run/a", 2],
        ]);
        expect(await store.arrivals(all[1]?.position, 1)).toEqual(all.slice(2, 3));
        const arrived = await Promise.all(all.map((each) => store.arrived(each, each.seq)));
        expect(arrived).toEqual(all);
        expect(await store.arrived({ namespace: "default", stream: "run/a" }, 3)).toBeUndefined();
        expect(await store.arrived({ namespace: "other", stream: "run/a" }, 0)).toBeUndefined();
      });

      test("J8: finds entries by their label, in the order of arrival, across streams and reopening", async () => {
        const labelled = (stream: string, expectedSeq: number, label: string) =>
          part(stream, expectedSeq, 1, {
            entries: entries(stream, expectedSeq + 1, 1).map((entry) => ({ ...entry, label })),
          });
        await append(part("run/a", -1), labelled("run/b", -1, "topic/x"));
        await Promise.all([
          append(labelled("run/a", 0, "topic/y")),
          append(labelled("run/b", 5, "topic/x")),
          append(labelled("run/b", 0, "topic/x"), {
            ...labelled("run/c", -1, "topic/x"),
            namespace: "tenant",
          }),
        ]);
        await store.close();
        store = await place.factory({ readOnly: false });
        epoch = await acquired(store);
        await append(labelled("run/a", 1, "topic/x"));
        const found = await store.labelled("default", "topic/x", undefined, 10);
        expect(found.map(({ stream, seq, type }) => [stream, seq, type])).toEqual([
          ["run/b", 0, "w@1"],
          ["run/b", 1, "w@1"],
          ["run/a", 2, "w@1"],
        ]);
        const arrived = await store.arrivals(undefined, 10);
        expect(
          arrived.filter(({ position }) => found.some((each) => each.position === position)),
        ).toEqual(found.map(({ type: _, ...each }) => each));
        expect(await store.labelled("default", "topic/x", found[0]?.position, 1)).toEqual(
          found.slice(1, 2),
        );
        expect(await store.labelled("tenant", "topic/x", undefined, 10)).toHaveLength(1);
        expect(await store.labelled("default", "topic/none", undefined, 10)).toEqual([]);
        expect(await store.labels("default")).toEqual([
          { label: "topic/x", entries: 3, lastPosition: found[2]?.position },
          { label: "topic/y", entries: 1, lastPosition: expect.any(Number) },
        ]);
        expect(await store.labels("other")).toEqual([]);
      });

      test.each(["", "a\nb"])("J8: refuses the label %j", async (label) => {
        const [entry] = entries("run/a", 0, 1);
        const wrong = part("run/a", -1, 1, {
          entries: entry === undefined ? [] : [{ ...entry, label }],
        });
        await expect(append(wrong)).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
        expect(await store.heads({})).toEqual([]);
      });

      test("gives the head of a stream, with the newest index", async () => {
        await append(part("run/a", -1, 2, { index: { ...INDEX, wakeAtMs: 1_900_000_000_000 } }));
        expect(await store.head({ namespace: "default", stream: "run/a" })).toEqual({
          namespace: "default",
          stream: "run/a",
          no: 1,
          lastSeq: 1,
          ...INDEX,
          wakeAtMs: 1_900_000_000_000,
        });
        const { index: _, ...withoutIndex } = part("run/a", 1);
        await append(withoutIndex);
        expect(await store.head(part("run/a", 0))).toMatchObject({
          lastSeq: 2,
          wakeAtMs: 1_900_000_000_000,
        });
        await append(
          part("run/a", 2, 1, { index: { status: "completed", open: false, type: "w@1" } }),
        );
        const head = await store.head(part("run/a", 0));
        expect(head).toMatchObject({ lastSeq: 3, status: "completed", open: false });
        expect(head).not.toHaveProperty("wakeAtMs");
      });

      test("an index may be put right without an entry", async () => {
        await append(part("run/a", -1));
        const result = await append(part("run/a", 0, 0, { index: { ...INDEX, status: "parked" } }));
        expect(result).toEqual({ kind: "appended", commitNo: 1 });
        expect(await store.head(part("run/a", 0))).toMatchObject({ lastSeq: 0, status: "parked" });
        expect(await store.commits(0, 10)).toHaveLength(1);
      });

      test("lists heads by what they are, in pages", async () => {
        const done = { status: "completed", open: false, type: "v@2" };
        await append(part("run/1", -1), part("run/2", -1, 1, { index: done }), part("other/3", -1));
        await append(
          part("run/4", -1),
          part("run/5", -1, 1, { namespace: "tenant" }),
          part("rum", -1),
        );
        const names = async (filter: Parameters<JournalStore["heads"]>[0]) =>
          (await store.heads(filter)).map(({ stream }) => stream);
        expect(await names({})).toEqual(["rum", "run/5", "run/4", "other/3", "run/2", "run/1"]);
        expect(await names({ namespace: "default", prefix: "run/" })).toEqual([
          "run/4",
          "run/2",
          "run/1",
        ]);
        await append(
          part("run/1/b", -1),
          part("run/1/a", -1, 1, { index: done }),
          part("run/10", -1),
        );
        expect(await names({ namespace: "default", prefix: "run/1/" })).toEqual([
          "run/1/a",
          "run/1/b",
        ]);
        expect(await names({ prefix: "run/1/", open: true, order: "oldest" })).toEqual(["run/1/b"]);
        expect(await names({ prefix: "run/1/", type: "v@2", limit: 1 })).toEqual(["run/1/a"]);
        expect(await names({ namespace: "tenant", prefix: "run/1/" })).toEqual([]);
        expect(await names({ prefix: "run/1", limit: 2, after: 9 })).toEqual([
          "run/1/a",
          "run/1/b",
        ]);
        expect(await names({ namespace: "tenant" })).toEqual(["run/5"]);
        expect(await names({ open: false })).toEqual(["run/1/a", "run/2"]);
        expect(await names({ open: true, prefix: "run/", order: "oldest", limit: 3 })).toEqual([
          "run/1",
          "run/4",
          "run/5",
        ]);
        expect(await names({ status: "completed" })).toEqual(["run/1/a", "run/2"]);
        expect(await names({ type: "v@2" })).toEqual(["run/1/a", "run/2"]);
        expect(await names({ order: "oldest", limit: 2 })).toEqual(["run/1", "run/2"]);
        expect(await names({ order: "oldest", limit: 2, after: 2 })).toEqual(["other/3", "run/4"]);
        expect(await names({ limit: 2, after: 5 })).toEqual(["run/4", "other/3"]);
      });

      test("finds the few heads of a prefix, and the pages of many, in the order of creation", async () => {
        const many = Array.from({ length: 1_200 }, (_, i) =>
          part(`run/${i % 3 === 0 ? "x/" : "y"}${1_199 - i}`, -1),
        );
        await append(...many);
        const few = many.map(({ stream }) => stream).filter((name) => name.startsWith("run/x/"));
        const names = async (prefix: string, order: "newest" | "oldest", limit: number) => {
          const filter = { namespace: "default", prefix, order, open: true, limit };
          return (await store.heads(filter)).map(({ stream }) => stream);
        };
        expect(await names("run/x/", "oldest", 1_000)).toEqual(few);
        expect(await names("run/x/", "newest", 5)).toEqual(few.slice(-5).reverse());
        expect(await names("run/", "oldest", 5)).toEqual(
          many.slice(0, 5).map(({ stream }) => stream),
        );
        expect(await names("run/z", "oldest", 5)).toEqual([]);
      });

      test("a handle for reading reads beside the one that writes, and writes nothing", async () => {
        await append(part("run/a", -1));
        const reader = await place.factory({ readOnly: true });
        await append(part("run/a", 0));
        expect(await reader.read({ namespace: "default", stream: "run/a" }, 0)).toHaveLength(2);
        await expect(reader.append({ streams: [part("run/a", 1)], epoch })).rejects.toMatchObject({
          code: "STORE_READ_ONLY",
        });
        await expect(reader.acquire("reader")).rejects.toMatchObject({ code: "STORE_READ_ONLY" });
        await reader.close();
      });

      test("a closed store says so, once what was asked for is done", async () => {
        const asked = append(part("run/a", -1));
        await store.close();
        expect(await asked).toMatchObject({ kind: "appended" });
        await expect(append(part("run/a", 0))).rejects.toMatchObject({ code: "STORE_CLOSED" });
        await expect(read("run/a")).rejects.toMatchObject({ code: "STORE_CLOSED" });
        await store.close();
      });
    }

    function leases(): void {
      test("a lease is held by one, and free after release or close", async () => {
        const second = await place.factory({ readOnly: false });
        expect(await second.acquire("second")).toMatchObject({
          kind: "held",
          lease: { epoch, holder: "first" },
        });
        await store.release(epoch);
        expect(await append(part("run/a", -1))).toMatchObject({ kind: "fenced" });
        expect(await second.acquire("second")).toEqual({ kind: "acquired", epoch: epoch + 1 });
        expect(await store.acquire("first")).toMatchObject({
          kind: "held",
          lease: { holder: "second" },
        });
        await second.close();
        expect(await store.acquire("first")).toEqual({ kind: "acquired", epoch: epoch + 2 });
      });

      test("who has the lease is told to those who only read, with its heartbeat", async () => {
        const reader = await place.factory({ readOnly: true });
        expect(await reader.lease()).toEqual({ epoch, holder: "first", heartbeat: 0 });
        await store.renew(epoch);
        expect(await reader.lease()).toEqual({ epoch, holder: "first", heartbeat: 1 });
        await store.release(epoch);
        expect(await reader.lease()).toBeUndefined();
        await reader.close();
      });

      test("a holder that renews cannot be taken over, one that does not can, and is fenced", async () => {
        await append(part("run/a", -1));
        const second = await place.factory({ readOnly: false });
        const watched = await heldBy(second);
        expect(await store.renew(epoch)).toBe(true);
        const renewed = await second.acquire("second", watched);
        expect(renewed).toMatchObject({
          kind: "held",
          lease: { epoch, heartbeat: watched.heartbeat + 1 },
        });
        expect(await second.acquire("second", await heldBy(second))).toEqual({
          kind: "acquired",
          epoch: epoch + 1,
          abandoned: true,
        });
        expect(await append(part("run/a", 0))).toEqual({
          kind: "fenced",
          epoch,
          currentEpoch: epoch + 1,
        });
        expect(await store.renew(epoch)).toBe(false);
        await store.release(epoch);
        expect(
          await second.append({ streams: [part("run/a", 0)], epoch: epoch + 1 }),
        ).toMatchObject({ kind: "appended" });
        await second.close();
      });

      test("who takes the lease again after another wrote sees what the other wrote", async () => {
        await append(part("run/a", -1));
        await store.release(epoch);
        const second = await place.factory({ readOnly: false });
        const secondEpoch = await acquired(second);
        await second.append({ streams: [part("run/a", 0), part("run/b", -1)], epoch: secondEpoch });
        await second.release(secondEpoch);
        epoch = await acquired(store);
        expect(await append(part("run/a", 0))).toMatchObject({ kind: "conflict", actualSeq: 1 });
        expect(await append(part("run/a", 1), part("run/c", -1))).toEqual({
          kind: "appended",
          commitNo: 3,
        });
        await checkCommits(store);
        await second.close();
      });
    }

    function models(): void {
      const names = ["run/a", "run/b", "run/c", "run/d"];
      const request = fc.record({
        parts: fc.uniqueArray(
          fc.record({
            stream: fc.constantFrom(...names),
            off: fc.constantFrom(0, 0, 0, 0, 1, -1),
            count: fc.integer({ min: 1, max: 5 }),
          }),
          { minLength: 1, maxLength: 3, selector: ({ stream }) => stream },
        ),
        stale: fc.constantFrom(false, false, false, false, true),
      });
      const turns = fc.array(fc.array(request, { minLength: 1, maxLength: 6 }), {
        minLength: 1,
        maxLength: 6,
      });

      test("does what a list for each stream does, for any mixture of appends", async () => {
        await fc.assert(
          fc.asyncProperty(turns, async (plan) => {
            const fresh = await makePlace();
            const handle = await fresh.factory({ readOnly: false });
            try {
              await followPlan(handle, await acquired(handle), plan);
            } finally {
              await handle.close();
              await fresh.dispose();
            }
          }),
          { numRuns: 60 },
        );
      });
    }
  });
}

async function acquired(store: JournalStore): Promise<number> {
  const result = await store.acquire("first");
  if (result.kind !== "acquired") throw new Error(`The lease is held by ${result.lease.holder}.`);
  return result.epoch;
}

async function heldBy(store: JournalStore) {
  const result = await store.acquire("second");
  if (result.kind !== "held") throw new Error("The lease was free.");
  return result.lease;
}

function blobOf(text: string) {
  return { sha256: sha256Hex(text), text };
}
