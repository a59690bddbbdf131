/** Our tables, read by delta-rs; and what it has put together, read by us. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { deltaFolder, deltaVersion, verifyDelta } from "baton/delta";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Lakes, deltaLakes } from "../support/delta-lakes.ts";
import { rowsOf, TABLE_NAMES } from "../support/delta-places.ts";
import { askDeltalake, installDeltalake } from "./delta-readers.ts";

const noDeltalake = installDeltalake();
let lakes: Lakes;

beforeAll(async () => {
  lakes = await deltaLakes();
});
afterAll(() => lakes.close());

describe.skipIf(noDeltalake !== undefined)("deltalake (delta-rs)", () => {
  const READ = `
rows = DeltaTable(argv[1], version=int(argv[2]) if len(argv) > 2 else None).to_pyarrow_table(columns=["position", "namespace", "stream", "hash", "text"]).to_pylist()
rows.sort(key=lambda row: row["position"])
own = lambda row: hashlib.sha256(("baton/entry/v1\\n" + row["namespace"] + "\\n" + row["stream"] + "\\n" + row["text"]).encode()).hexdigest()
print(json.dumps({"hashes": [[row["position"], row["hash"]] for row in rows], "wrong": [row["position"] for row in rows if own(row) != row["hash"]]}))`;

  test.each(["lake", "cleaned"] as const)(
    "reads every table of the %s, row for row",
    async (which) => {
      const { [which]: place, lake, hashes } = lakes;
      for (const table of TABLE_NAMES) {
        const count = askDeltalake(
          "print(DeltaTable(argv[1]).to_pyarrow_table().num_rows)",
          join(place, table),
        );
        expect(count, table).toBe((await rowsOf(deltaFolder(lake), table)).length);
      }
      expect(askDeltalake(READ, join(place, "entries"))).toEqual({
        hashes: await hashes(),
        wrong: [],
      });
    },
  );

  test("travels in time", async () => {
    const { lake, hashes } = lakes;
    const version = Math.floor((await deltaVersion(deltaFolder(lake), "entries")) / 2);
    expect(askDeltalake(READ, join(lake, "entries"), String(version))).toEqual({
      hashes: await hashes(version),
      wrong: [],
    });
  });

  test("sees how far a table is", async () => {
    const { lake } = lakes;
    const rows = await rowsOf(deltaFolder(lake), "entries");
    const last = Number(rows.at(-1)?.["position"]);
    const program = `
table = DeltaTable(argv[1])
store = table.metadata().configuration["baton.store"]
print(json.dumps(table.transaction_version("baton/" + store)))`;
    expect(askDeltalake(program, join(lake, "entries"))).toBe(last);
  });

  test("puts small files together, and cleans the log up; the tables are verified and written on", async () => {
    const { folder, lake, runs, drain, hashes } = lakes;
    const compacted = join(folder, "compacted");
    cpSync(lake, compacted, { recursive: true });
    const optimize = `
table = DeltaTable(argv[1])
before = len(table.file_uris())
table.optimize.compact()
table.create_checkpoint()
table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
print(json.dumps([before, len(table.file_uris())]))`;
    for (const table of ["entries", "commits", "blobs"])
      expect(askDeltalake(optimize, join(compacted, table))).toEqual([expect.any(Number), 1]);
    const before = await verifyDelta(deltaFolder(compacted));
    expect(before).toEqual({ ...(await runs.baton.verify()), entriesAhead: 0, head: before.head });
    await runs.more(5);
    await drain(compacted, 20);
    await drain(lake, 20);
    expect(await verifyDelta(deltaFolder(compacted))).toMatchObject({
      ...(await runs.baton.verify()),
    });
    const rows = await rowsOf(deltaFolder(compacted), "entries");
    expect(rows.map(({ position, hash }) => [Number(position), hash])).toEqual(await hashes());
  });
});
