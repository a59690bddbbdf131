import { describe, expect, onTestFinished, test } from "vitest";
import { type MemoryPlace, memoryPlace } from "../../../test/support/delta-places.ts";
import { sampleRuns } from "../../../test/support/sample-journal.ts";
import { hashEntry, sha256Hex } from "../../journal/hash.ts";
import { memory } from "../../stores/memory/memory.ts";
import type { Cell, Row } from "./columns.ts";
import { commitPath } from "./log-paths.ts";
import { journalOfTables } from "./journal-of-tables.ts";
import { decodeParquet, encodeRows } from "./parquet.ts";
import { snapshotAt } from "./reading.ts";
import { deltaSink } from "./sink.ts";
import { tableWriter } from "./table.ts";
import { TABLES } from "./tables.ts";
import { verifyDelta } from "./verifying.ts";

async function tables(rowsMax = 1_000): Promise<MemoryPlace> {
  const store = memory();
  const { baton, more } = await sampleRuns(store);
  onTestFinished(() => baton.close());
  await more(6);
  const place = memoryPlace();
  const sink = await deltaSink({ store, to: place, batch: { rowsMax } });
  await sink.drain();
  await sink.close();
  return place;
}

/** Writes the files of a table anew, as somebody would who can write to the place. */
async function rewrite(
  place: MemoryPlace,
  name: string,
  map: (rows: readonly Row[]) => readonly Row[],
): Promise<void> {
  const columns = TABLES.find((table) => table.name === name)?.columns ?? [];
  const paths = [...place.files.keys()].filter((path) => path.startsWith(`${name}/date=`));
  for (const path of paths) {
    const bytes = place.files.get(path) ?? new Uint8Array();
    const rows = (await decodeParquet(bytes, path)) as readonly Row[];
    place.files.set(path, await encodeRows(columns, map(rows)));
  }
}

const change =
  (at: number, set: (row: Row) => Readonly<Record<string, Cell>>) => (rows: readonly Row[]) =>
    rows.map((row, i) => (i === at ? { ...row, ...set(row) } : row));

const text = (row: Row): string => String(row["text"]);

describe("damage in tables is found", () => {
  test.each<[string, string, (rows: readonly Row[]) => readonly Row[], string, RegExp]>([
    [
      "a text that was changed",
      "entries",
      change(7, (row) => ({ text: text(row).replace('"v":1', '"v":1 ') })),
      "changed",
      /is not what its hash says/,
    ],
    [
      "a text that was changed with its hash",
      "entries",
      change(3, (row) => {
        const changed = text(row).replace(/"at":\d+/, '"at":1');
        return {
          text: changed,
          hash: hashEntry(String(row["namespace"]), String(row["stream"]), changed),
        };
      }),
      "changed",
      /does not follow the entry before it/,
    ],
    [
      "an entry that is gone",
      "entries",
      (rows) => rows.filter((_row, i) => i !== 7),
      "missing",
      /is gone; commit \d+ covers it/,
    ],
    [
      "an entry that was moved",
      "entries",
      change(7, () => ({ stream: "run/other" })),
      "changed",
      /it was moved/,
    ],
    [
      "an entry that is there twice",
      "entries",
      (rows) => rows.flatMap((row, i) => (i === 7 ? [row, row] : [row])),
      "reordered",
      /came after a later one/,
    ],
    [
      "newest entries that are gone",
      "entries",
      (rows) => rows.slice(0, -2),
      "missing",
      /Entries are gone: the table was written up to position/,
    ],
    [
      "newest commits that are gone",
      "commits",
      (rows) => rows.slice(0, -1),
      "missing",
      /Commits are gone/,
    ],
    [
      "a commit that is gone",
      "commits",
      (rows) => rows.filter((_row, i) => i !== 4),
      "commit",
      /commits between are gone/,
    ],
    [
      "a commit that was changed",
      "commits",
      change(4, (row) => ({ text: text(row).replace(/"count":\d+/, '"count":9') })),
      "commit",
      /its row was changed/,
    ],
    [
      "a commit whose entries are not said",
      "commits",
      change(4, () => ({ covers: "?" })),
      "commit",
      /its index names 0/,
    ],
    [
      "a blob that was changed",
      "blobs",
      change(0, (row) => ({ text: `${text(row)} ` })),
      "blob",
      /is not what its hash says/,
    ],
    ["a blob that is gone", "blobs", (rows) => rows.slice(1), "blob", /which is gone/],
    [
      "a blob with another's content",
      "blobs",
      change(0, () => ({ text: "{}", sha256: sha256Hex("{}") })),
      "blob",
      /which is gone/,
    ],
  ])("%s", async (_what, name, map, kind, message) => {
    const place = await tables();
    expect((await verifyDelta(place)).problems).toEqual([]);
    await rewrite(place, name, map);
    expect((await verifyDelta(place)).problems).toContainEqual(
      expect.objectContaining({ kind, message: expect.stringMatching(message) }),
    );
  });

  test("a file that is gone", async () => {
    const place = await tables();
    for (const path of place.files.keys())
      if (path.startsWith("entries/date=")) place.files.delete(path);
    await expect(verifyDelta(place)).rejects.toMatchObject({
      code: "TABLE_CORRUPT",
      message: expect.stringContaining("is gone"),
    });
  });

  test.each([
    ["../secret.parquet", "TABLE_UNSUITABLE"],
    ["date=1/..%2F..%2F..%2Fsecret.parquet", "TABLE_UNSUITABLE"],
    ["/secret.parquet", "TABLE_UNSUITABLE"],
    ["s3://elsewhere/secret.parquet", "TABLE_UNSUITABLE"],
    ["%E0%A4%A", "TABLE_CORRUPT"],
  ])("a file that is named %s, which no table has", async (path, code) => {
    const place = await tables();
    const log = `entries/${commitPath(1)}`;
    const commit = new TextDecoder().decode(place.files.get(log));
    place.files.set(
      log,
      new TextEncoder().encode(commit.replace(/"path":"[^"]+"/, `"path":"${path}"`)),
    );
    await expect(verifyDelta(place)).rejects.toMatchObject({ code });
  });

  test("tables that are not there", async () => {
    await expect(verifyDelta(memoryPlace())).rejects.toMatchObject({ code: "TABLE_NOT_FOUND" });
  });
});

test("entries whose commit has not come yet are counted, and are no problem", async () => {
  const place = await tables(10);
  // As a sink leaves it that was stopped between two tables: the newest commit of a log is taken back.
  const log = [...place.files.keys()]
    .filter((path) => /^commits\/_delta_log\/\d+\.json$/.test(path))
    .sort();
  place.files.delete(log.at(-1) ?? "");
  const report = await verifyDelta(place);
  expect(report.problems).toEqual([]);
  expect(report.entriesAhead).toBeGreaterThan(0);
});

test("files of other writers, in another order and without statistics, are read in the order of arrival", async () => {
  const place = await tables(10);
  for (const [path, bytes] of place.files) {
    if (!/\/_delta_log\/\d+\.json$/.test(path)) continue;
    const lines = new TextDecoder().decode(bytes).replaceAll(/,"stats":"(?:[^"\\]|\\.)*"/g, "");
    place.files.set(path, new TextEncoder().encode(lines));
  }
  for (const path of [...place.files.keys()]) if (/checkpoint/.test(path)) place.files.delete(path);
  expect((await verifyDelta(place)).problems).toEqual([]);
});

test("a file of more rows than a call takes arguments, as whoever puts files together makes it, is read", async () => {
  const place = memoryPlace();
  const rows = 150_000;
  for (const definition of TABLES.filter(({ name }) => /^(blobs|entries|commits)$/.test(name))) {
    const clock = { now: () => 1_790_000_000_000, pause: () => Promise.resolve() };
    const writer = tableWriter({ storage: place, definition, store: "s", clock });
    await writer.open();
    if (definition.name !== "commits") continue;
    const commits = Array.from({ length: rows }, (_, i): Row => {
      const no = BigInt(i + 1);
      return { position: no, at: 0, commit_no: no, hash: "", text: "", covers: "[]" };
    });
    await writer.append(commits, { position: rows, commitNo: rows }, false);
  }
  const snapshot = await snapshotAt(place, "commits");
  const journal = journalOfTables({
    storage: place,
    commits: snapshot,
    entries: await snapshotAt(place, "entries"),
    blobs: await snapshotAt(place, "blobs"),
  });
  expect((await journal.commits(rows - 1, 10)).map(({ commitNo }) => commitNo)).toEqual([rows]);
});
