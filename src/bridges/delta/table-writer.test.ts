import { expect, test } from "vitest";
import { memoryPlace } from "../../../test/support/delta-places.ts";
import { BatonError } from "../../model/errors.ts";
import { type Action, decodeActions, encodeActions } from "./actions.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import type { Row } from "./columns.ts";
import { checkpointPath, commitPath, LAST_CHECKPOINT } from "./log-paths.ts";
import { fileRows, snapshotAt } from "./reading.ts";
import type { DeltaStorage } from "./storage.ts";
import { type TableDefinition, tableWriter, type TableWriter } from "./table.ts";

const TABLE: TableDefinition = {
  name: "t",
  description: "A table.",
  columns: [
    { name: "position", type: "long", required: true, comment: "Where." },
    { name: "at", type: "timestamp", required: true, comment: "When." },
  ],
};

async function opened(
  storage: DeltaStorage,
  checkpointFailed?: (error: BatonError) => void,
): Promise<TableWriter> {
  const clock = { now: () => 1_790_000_000_000, pause: () => Promise.resolve() };
  const writer = tableWriter({ storage, definition: TABLE, store: "s", clock, checkpointFailed });
  await writer.open();
  return writer;
}

async function append(writer: TableWriter, position: number): Promise<void> {
  const rows: readonly Row[] = [{ position: BigInt(position), at: 0 }];
  await writer.append(rows, { position, commitNo: position }, false);
}

test.each<[string, (appId: string) => boolean]>([
  ["its txn actions", () => false],
  ["its commit", (appId) => !appId.endsWith("/commit")],
  ["its position", (appId) => appId.endsWith("/commit")],
])("a table with rows that has lost %s is refused, and left as it is", async (_what, isLeft) => {
  const place = memoryPlace();
  await append(await opened(place), 1);
  // As another writer's checkpoint leaves it once delta.setTransactionRetentionDuration is over.
  const snapshot = await snapshotAt(place, "t");
  const txns = new Map([...snapshot.txns].filter(([appId]) => isLeft(appId)));
  await writeCheckpoint(place, "t", { ...snapshot, txns });
  for (const version of [0, 1]) place.files.delete(`t/${commitPath(version)}`);
  const before = new Map(place.files);
  await expect(opened(place)).rejects.toMatchObject({
    code: "TABLE_UNSUITABLE",
    message: expect.stringContaining("has rows, but not how far it is"),
  });
  expect(place.files).toEqual(before);
});

test("a table without rows is gone on with, though it does not say how far it is", async () => {
  const place = memoryPlace();
  await opened(place);
  await append(await opened(place), 1);
  expect((await snapshotAt(place, "t")).files.size).toBe(1);
});

test("a file that a commit of ours named stays, though the answer was lost and it was compacted away since", async () => {
  const place = memoryPlace();
  const answersLate: DeltaStorage = {
    ...place,
    async create(path, bytes) {
      const created = await place.create(path, bytes);
      if (path !== `t/${commitPath(1)}`) return created;
      const [add] = decodeActions(bytes, path).flatMap((action) =>
        "add" in action ? [action.add] : [],
      );
      if (add === undefined) throw new Error("The commit has a file.");
      const together = { ...add, path: `${add.path}.together`, dataChange: false };
      await place.create(
        `t/${together.path}`,
        place.files.get(`t/${add.path}`) ?? new Uint8Array(),
      );
      const compaction: readonly Action[] = [
        { remove: { path: add.path, deletionTimestamp: 0, dataChange: false } },
        { add: together },
      ];
      await place.create(`t/${commitPath(2)}`, encodeActions(compaction));
      // What a client is told that has asked again by itself.
      return "exists";
    },
  };
  await append(await opened(answersLate), 1);
  // Whoever reads the table as it was then needs it; vacuum takes it away in its time.
  const then = await snapshotAt(place, "t", 1);
  const [file] = then.files.values();
  if (file === undefined) throw new Error("The table had a file.");
  expect(await fileRows(place, "t", file)).toMatchObject([{ position: 1n }]);
  expect((await snapshotAt(place, "t")).files.size).toBe(1);
});

test("a checkpoint that cannot be written takes nothing of the commit: it is told, and another one comes in its time", async () => {
  const place = memoryPlace();
  let isRefused = true;
  const refusing: DeltaStorage = {
    ...place,
    async replace(path, bytes) {
      if (isRefused) throw new BatonError("TABLE_FAILED", `Could not write ${path}.`);
      await place.replace(path, bytes);
    },
  };
  const told: string[] = [];
  const writer = await opened(refusing, ({ message }) => told.push(message));
  const checkpoints = () => [...place.files.keys()].filter((path) => path.includes("checkpoint"));
  for (let position = 1; position <= 18; position += 1) await append(writer, position);
  expect(told).toEqual([`Could not write t/${checkpointPath(9)}.`]);
  expect(checkpoints()).toEqual([]);
  isRefused = false;
  await append(writer, 19);
  expect(checkpoints()).toEqual([`t/${checkpointPath(19)}`, `t/${LAST_CHECKPOINT}`]);
  expect((await snapshotAt(place, "t")).files.size).toBe(19);
});
