import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryPlace } from "../../../test/support/delta-places.ts";
import { type Action, encodeActions } from "./actions.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import { readSnapshot, type Snapshot } from "./log.ts";
import { checkpointPath, commitPath, LAST_CHECKPOINT, LOG_FOLDER } from "./log-paths.ts";

const METADATA = {
  id: "1",
  format: { provider: "parquet", options: {} },
  schemaString: '{"type":"struct","fields":[]}',
  partitionColumns: ["date"],
  configuration: { "delta.appendOnly": "true" },
  createdTime: 1_790_000_000_000,
};
const FIRST: readonly Action[] = [
  { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
  { metaData: METADATA },
];

type Place = ReturnType<typeof memoryPlace>;

function put(place: Place, version: number, actions: readonly Action[]): void {
  place.files.set(`t/${commitPath(version)}`, encodeActions(actions));
}

function plain(snapshot: Snapshot | undefined): unknown {
  const {
    checkpoint: _,
    files,
    removed,
    txns,
    ...rest
  } = snapshot ?? {
    checkpoint: -1,
    files: new Map<string, unknown>(),
    removed: new Map(),
    txns: new Map(),
  };
  const inOrder = (map: ReadonlyMap<string, unknown>) =>
    [...map].sort(([one], [other]) => (one < other ? -1 : 1));
  // A checkpoint says of nothing that it is new.
  const old = (list: readonly (readonly [string, unknown])[]) =>
    list.map(([path, file]) => [path, { ...(file as object), dataChange: false }]);
  return {
    ...rest,
    files: old(inOrder(files)),
    removed: old(inOrder(removed)),
    txns: inOrder(txns),
  };
}

const name = fc.string({ minLength: 1, maxLength: 5, unit: "grapheme" });
const time = fc.integer({ min: 0, max: 2 ** 45 });
const file = fc.record({
  path: fc.constantFrom("a", "b", "c", "d/e=1/f", "g"),
  partitionValues: fc.dictionary(name, fc.option(name), { noNullPrototype: true }),
  size: fc.maxSafeNat(),
  modificationTime: time,
  dataChange: fc.boolean(),
});
const action: fc.Arbitrary<Action> = fc.oneof(
  file.map((add) => ({ add: { ...add, stats: '{"numRecords":1}' } })),
  file.map((add) => ({ add })),
  fc.record({
    remove: fc.record({
      path: fc.constantFrom("a", "b", "c"),
      deletionTimestamp: time,
      dataChange: fc.boolean(),
    }),
  }),
  fc.record({
    txn: fc.record({
      appId: fc.constantFrom("x", "y", "😀"),
      version: fc.maxSafeInteger(),
      lastUpdated: time,
    }),
  }),
  fc.record({ commitInfo: fc.record({ operation: name }) }),
  fc.record({
    metaData: fc.record({
      id: name,
      name,
      description: name,
      format: fc.constant({ provider: "parquet", options: { a: "b" } }),
      schemaString: fc.constant('{"type":"struct","fields":[]}'),
      partitionColumns: fc.array(name, { maxLength: 2 }),
      configuration: fc.dictionary(name, name, { noNullPrototype: true }),
      createdTime: time,
    }),
  }),
);

test("whatever the commits, a table is the same from its commits, from any checkpoint of it, and from a checkpoint alone", async () => {
  const histories = fc.array(fc.array(action, { minLength: 1, maxLength: 6 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(histories, fc.nat(), async (commits, choice) => {
      const place = memoryPlace();
      put(place, 0, FIRST);
      for (const [i, actions] of commits.entries()) put(place, i + 1, actions);
      const expected = plain(await readSnapshot(place, "t"));
      const at = choice % (commits.length + 1);
      const then = await readSnapshot(place, "t", at);
      if (then === undefined) throw new Error("There is a table.");
      await writeCheckpoint(place, "t", then);
      expect(plain(await readSnapshot(place, "t"))).toEqual(expected);
      expect(plain(await readSnapshot(place, "t", at))).toEqual(plain(then));
      for (let version = 0; version <= at; version += 1)
        place.files.delete(`t/${commitPath(version)}`);
      expect(plain(await readSnapshot(place, "t"))).toEqual(expected);
      // The hint is only a hint.
      place.files.delete(`t/${LAST_CHECKPOINT}`);
      expect(plain(await readSnapshot(place, "t"))).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

describe("a log is refused", () => {
  async function refusal(change: (place: Place) => void): Promise<unknown> {
    const place = memoryPlace();
    put(place, 0, FIRST);
    put(place, 1, [{ txn: { appId: "x", version: 1 } }]);
    put(place, 2, [{ txn: { appId: "x", version: 2 } }]);
    change(place);
    return await readSnapshot(place, "t").then(
      () => "read",
      (error: unknown) => error,
    );
  }
  const text = (content: string) => new TextEncoder().encode(content);
  const corrupt = (message: string) => ({
    code: "TABLE_CORRUPT",
    message: expect.stringContaining(message),
  });

  test.each<[string, (place: Place) => void, string]>([
    [
      "with a commit that is gone",
      (place) => place.files.delete(`t/${commitPath(1)}`),
      "is gone; there is a later one",
    ],
    [
      "with a first commit that is gone",
      (place) => place.files.delete(`t/${commitPath(0)}`),
      "neither its first commit nor a checkpoint",
    ],
    [
      "with a commit that was cut off",
      (place) => place.files.set(`t/${commitPath(1)}`, text('{"txn":{"ap')),
      "line 1 that is no JSON",
    ],
    [
      "with a commit of other bytes",
      (place) => place.files.set(`t/${commitPath(1)}`, new Uint8Array([0xff, 0xfe, 0])),
      "is no text",
    ],
    [
      "with an empty commit",
      (place) => place.files.set(`t/${commitPath(1)}`, text("\n")),
      "holds no action",
    ],
    [
      "with a line that is a list",
      (place) => place.files.set(`t/${commitPath(1)}`, text("[]\n")),
      "no action",
    ],
    [
      "with an action without its fields",
      (place) => place.files.set(`t/${commitPath(1)}`, text('{"add":{"path":"a"}}\n')),
      "lacks size",
    ],
    [
      "with a number that is none",
      (place) =>
        place.files.set(`t/${commitPath(1)}`, text('{"txn":{"appId":"x","version":"7"}}\n')),
      "lacks version",
    ],
    [
      "without a schema",
      (place) => put(place, 0, [{ txn: { appId: "x", version: 0 } }]),
      "neither protocol nor schema",
    ],
    [
      "with a checkpoint that is none",
      (place) => place.files.set(`t/${checkpointPath(2)}`, text("PAR1?")),
      "is no Parquet file",
    ],
    [
      "that holds something else",
      (place) => {
        place.files.clear();
        place.files.set(`t/${LOG_FOLDER}/readme.md`, text("?"));
      },
      "neither a commit nor a checkpoint",
    ],
  ])("%s", async (_what, change, message) => {
    expect(await refusal(change)).toMatchObject(corrupt(message));
  });

  test("whose table needs what is not known here to be read", async () => {
    const features = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ["deletionVectors"],
      writerFeatures: [],
    };
    expect(await refusal((place) => put(place, 2, [{ protocol: features }]))).toMatchObject({
      code: "TABLE_UNSUITABLE",
      message: expect.stringContaining("reader version 3, deletionVectors"),
    });
    const vector =
      '{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,"deletionVector":{}}}\n';
    expect(
      await refusal((place) => place.files.set(`t/${commitPath(2)}`, text(vector))),
    ).toMatchObject({
      code: "TABLE_UNSUITABLE",
      message: expect.stringContaining("deletion vector"),
    });
  });

  test("but not for actions, fields and statistics that are not known, which the protocol has a reader pass over", async () => {
    const lines =
      '{"cdc":{"path":"x"}}\n{"domainMetadata":{"domain":"d"}}\n' +
      '{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true,"stats":{"stats_json":"?"},"tags":null}}\n';
    expect(await refusal((place) => place.files.set(`t/${commitPath(2)}`, text(lines)))).toBe(
      "read",
    );
  });
});
