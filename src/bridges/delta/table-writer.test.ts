import { expect, test } from "vitest";
import { memoryPlace } from "../../../test/support/delta-places.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import type { Row } from "./columns.ts";
import { commitPath } from "./log-paths.ts";
import { snapshotAt } from "./reading.ts";
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

async function opened(storage: DeltaStorage): Promise<TableWriter> {
  const clock = { now: () => 1_790_000_000_000, pause: () => Promise.resolve() };
  const writer = tableWriter({ storage, definition: TABLE, store: "s", clock });
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
