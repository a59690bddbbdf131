import { describe, expect, onTestFinished, test } from "vitest";
import { contents, exported, memoryPlace, rowsOf } from "../../../test/support/delta-places.ts";
import { sampleRuns } from "../../../test/support/sample-journal.ts";
import type { StoreFactory } from "../../ports/journal-store.ts";
import { memory } from "../../stores/memory/memory.ts";
import { type Action, decodeActions, encodeActions } from "./actions.ts";
import type { DeltaClock } from "./delta-clock.ts";
import { commitPath } from "./log-paths.ts";
import { deltaSink, sinkOver } from "./sink.ts";
import type { DeltaStorage } from "./storage.ts";
import { type JournalTable, TABLES } from "./tables.ts";
import { verifyDelta } from "./verifying.ts";

const CLOCK: DeltaClock = { now: () => 1_790_000_000_000, pause: () => Promise.resolve() };

async function sample(runs: number) {
  const store = memory();
  const { baton, more } = await sampleRuns(store);
  onTestFinished(() => baton.close());
  await more(runs);
  return { store, more };
}

async function drained(
  store: StoreFactory,
  to: DeltaStorage,
  tables: readonly JournalTable[] = TABLES,
  cursorLagMax = 100_000,
): Promise<void> {
  const sink = await sinkOver({ store, to }, tables, { clock: CLOCK, cursorLagMax });
  try {
    await sink.drain();
  } finally {
    await sink.close();
  }
}

/** The tables of an older Baton: without some columns. */
function without(...names: readonly string[]): readonly JournalTable[] {
  return TABLES.map((table) => ({
    ...table,
    columns: table.columns.filter(({ name }) => !names.includes(name)),
  }));
}

function change(
  place: ReturnType<typeof memoryPlace>,
  version: number,
  map: (action: Action) => Action,
): void {
  const path = `agent_calls/${commitPath(version)}`;
  const bytes = place.files.get(path) ?? new Uint8Array();
  place.files.set(path, encodeActions(decodeActions(bytes, path).map(map)));
}

describe("schema evolution", () => {
  test("columns that a table lacks are added; older rows have none of them, and older Batons go on", async () => {
    const { store, more } = await sample(2);
    const place = memoryPlace();
    const older = without("cost", "currency", "usage");
    await drained(store, place, older);
    const before = await rowsOf(place, "agent_calls");
    expect(Object.keys(before[0] ?? {})).not.toContain("cost");
    await more(2);
    await drained(store, place);
    await more(2);
    // Beside the newer one: it leaves alone what it does not know.
    await drained(store, place, older);
    const rows = await rowsOf(place, "agent_calls");
    expect(rows.length).toBeGreaterThan(before.length);
    const costs = rows
      .filter(({ path }) => path === "score")
      .map(({ run, cost }) => [run, typeof cost]);
    expect(costs).toContainEqual(["r3", "string"]);
    expect(costs).toContainEqual(["r1", "undefined"]);
    expect(costs).toContainEqual(["r5", "undefined"]);
    expect((await verifyDelta(place)).problems).toEqual([]);
  });

  test("a table whose column is of another type is refused, and left as it is", async () => {
    const { store, more } = await sample(1);
    const place = memoryPlace();
    const other = TABLES.map((table) => ({
      ...table,
      columns: table.columns.map((column) =>
        column.name === "model" ? { ...column, type: "long" as const } : column,
      ),
      rows: () => [],
    }));
    await drained(store, place, other);
    const before = new Map(place.files);
    await more(1);
    await expect(drained(store, place)).rejects.toMatchObject({
      code: "TABLE_UNSUITABLE",
      message: expect.stringContaining('column model of type "long", where model is to be string'),
    });
    expect(place.files).toEqual(before);
  });
});

describe("a table that is not to be written is refused", () => {
  test("of another store", async () => {
    const place = memoryPlace();
    await drained((await sample(1)).store, place);
    await expect(drained((await sample(1)).store, place)).rejects.toMatchObject({
      code: "TABLE_UNSUITABLE",
      message: expect.stringContaining("another store's journal"),
    });
  });

  test.each<[string, (action: Action) => Action, string]>([
    [
      "that Baton has not made",
      (action) =>
        "metaData" in action ? { metaData: { ...action.metaData, configuration: {} } } : action,
      "was not made by Baton",
    ],
    [
      "with features of writers that are not known",
      (action) =>
        "protocol" in action
          ? {
              protocol: {
                minReaderVersion: 1,
                minWriterVersion: 7,
                writerFeatures: ["appendOnly", "rowTracking"],
              },
            }
          : action,
      "writer version 7, appendOnly, rowTracking",
    ],
    [
      "of a writer's version in between",
      (action) =>
        "protocol" in action ? { protocol: { minReaderVersion: 1, minWriterVersion: 4 } } : action,
      "writer version 4",
    ],
    [
      "that is partitioned by something else",
      (action) =>
        "metaData" in action ? { metaData: { ...action.metaData, partitionColumns: [] } } : action,
      "partitioned by nothing",
    ],
    [
      "with a column that must have a value",
      (action) =>
        "metaData" in action
          ? {
              metaData: {
                ...action.metaData,
                schemaString: action.metaData.schemaString.replace(
                  '"fields":[',
                  '"fields":[{"name":"theirs","type":"string","nullable":false,"metadata":{}},',
                ),
              },
            }
          : action,
      "column theirs",
    ],
  ])("%s", async (_what, map, message) => {
    const { store, more } = await sample(1);
    const place = memoryPlace();
    await drained(store, place);
    change(place, 0, map);
    await more(1);
    await expect(drained(store, place)).rejects.toMatchObject({
      code: "TABLE_UNSUITABLE",
      message: expect.stringContaining(message),
    });
  });
});

test("a table that knows its writer's features by name is written, if there are no others", async () => {
  const { store, more } = await sample(1);
  const place = memoryPlace();
  await drained(store, place);
  change(place, 0, (action) =>
    "protocol" in action
      ? {
          protocol: {
            minReaderVersion: 1,
            minWriterVersion: 7,
            writerFeatures: ["appendOnly", "invariants"],
          },
        }
      : action,
  );
  await more(1);
  await drained(store, place);
  const alone = memoryPlace();
  await drained(store, alone);
  expect(await contents(place)).toEqual(await contents(alone));
});

test("a table without rows is told how far it is when it is far behind, so that not all is read again", async () => {
  const { store } = await sample(1);
  const [entries] = TABLES.filter(({ name }) => name === "entries");
  const [events] = TABLES.filter(({ name }) => name === "events");
  if (entries === undefined || events === undefined) throw new Error("There are these tables.");
  const tables = [entries, { ...events, rows: () => [] }];
  const reads: number[] = [];
  const counting: StoreFactory = async (mode) => {
    const inner = await store(mode);
    return {
      ...inner,
      commits: (after, limit) => {
        if (limit > 1) reads.push(after);
        return inner.commits(after, limit);
      },
    };
  };
  const begunAt = async (place: DeltaStorage): Promise<number> => {
    reads.length = 0;
    const sink = await sinkOver({ store: counting, to: place }, tables, {
      clock: CLOCK,
      cursorLagMax: 100_000,
    });
    // Read again or not: nothing is new.
    expect(await sink.drain()).toMatchObject({ entries: 0 });
    await sink.close();
    return Math.min(...reads);
  };
  const lagging = memoryPlace();
  await drained(store, lagging, tables);
  expect(await begunAt(lagging)).toBe(0);
  const told = memoryPlace();
  await drained(store, told, tables, 3);
  expect(await begunAt(told)).toBeGreaterThan(0);
  expect(await rowsOf(told, "events")).toEqual([]);
});

test("a sink that follows tries again after a failure, each time after a longer pause, and stops where it is told to", async () => {
  const { store } = await sample(2);
  const place = memoryPlace();
  const pauses: number[] = [];
  const stop = new AbortController();
  const clock: DeltaClock = {
    now: CLOCK.now,
    pause: (ms) => {
      pauses.push(ms);
      if (pauses.length === 5) stop.abort();
      return Promise.resolve();
    },
  };
  const { BatonError } = await import("../../model/errors.ts");
  let calls = 0;
  const failing: DeltaStorage = {
    ...place,
    create: async (path, bytes) => {
      calls += 1;
      if (calls <= 3) throw new BatonError("TABLE_FAILED", "The disk is full.");
      return await place.create(path, bytes);
    },
  };
  const told: number[] = [];
  const sink = await sinkOver({ store, to: failing, every: "10s" }, TABLES, {
    clock,
    cursorLagMax: 100_000,
  });
  const progress = await sink.follow({
    signal: stop.signal,
    failed: (_error, retryMs) => told.push(retryMs),
  });
  await sink.close();
  expect(told).toEqual([1_000, 2_000, 4_000]);
  expect(pauses).toEqual([1_000, 2_000, 4_000, 10_000, 10_000]);
  expect(progress.entries).toBe((await exported(place)).length);
});

test("what no waiting mends ends a sink that follows", async () => {
  const place = memoryPlace();
  await drained((await sample(1)).store, place);
  const sink = await deltaSink({ store: (await sample(1)).store, to: place });
  await expect(sink.follow({})).rejects.toMatchObject({ code: "TABLE_UNSUITABLE" });
  await sink.close();
});

test("a batch that takes nothing is refused", async () => {
  const { store } = await sample(1);
  await expect(
    deltaSink({ store, to: memoryPlace(), batch: { rowsMax: 0 } }),
  ).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
    message: expect.stringContaining("batch.rowsMax is 0"),
  });
});

test("a sink where nothing may be replaced writes all rows, and tells of the checkpoints that are missing", async () => {
  const { store } = await sample(4);
  const place = memoryPlace();
  const { BatonError } = await import("../../model/errors.ts");
  const told: string[] = [];
  const sink = await deltaSink({
    store,
    to: { ...place, replace: () => Promise.reject(new BatonError("TABLE_FAILED", "Not allowed.")) },
    batch: { rowsMax: 1 },
    checkpointFailed: ({ message }) => told.push(message),
  });
  await sink.drain();
  await sink.close();
  expect(told).toContain("Not allowed.");
  const alone = memoryPlace();
  await drained(store, alone);
  expect(await contents(place)).toEqual(await contents(alone));
});
