/** Our tables, read by others; and theirs, read by us. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deltaFolder, deltaSink, deltaVersion, verifyDelta } from "baton/delta";
import { memory, type StoreFactory } from "baton";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { arrived, rowsOf, TABLE_NAMES } from "../support/delta-places.ts";
import { type SampleRuns, sampleRuns } from "../support/sample-journal.ts";
import { askChdb, askDeltalake, installChdb, installDeltalake } from "./delta-readers.ts";

const noChdb = installChdb();
const noDeltalake = installDeltalake();
const folder = mkdtempSync(join(tmpdir(), "baton-interop-delta-"));
const lake = join(folder, "lake");
/** Of each table the newest checkpoint and what came after it: the log as it is after a clean-up. */
const cleaned = join(folder, "cleaned");
let store: StoreFactory;
let runs: SampleRuns;

async function drain(to: string, rowsMax: number): Promise<void> {
  const sink = await deltaSink({ store, to: deltaFolder(to), batch: { rowsMax } });
  await sink.drain();
  await sink.close();
}

beforeAll(async () => {
  store = memory();
  runs = await sampleRuns(store);
  for (let round = 0; round < 12; round += 1) {
    await runs.more(5);
    // Three at once, each with batches of its own.
    await Promise.all([drain(lake, 7), drain(lake, 20), drain(lake, 60)]);
  }
  cpSync(lake, cleaned, { recursive: true });
  for (const table of TABLE_NAMES) {
    const log = join(cleaned, table, "_delta_log");
    const checkpoint = readdirSync(log)
      .filter((name) => name.endsWith(".checkpoint.parquet"))
      .sort()
      .at(-1);
    for (const name of readdirSync(log))
      if (
        checkpoint !== undefined &&
        name.endsWith(".json") &&
        name.slice(0, 20) <= checkpoint.slice(0, 20)
      )
        rmSync(join(log, name));
  }
});
afterAll(async () => {
  await runs.baton.close();
  rmSync(folder, { recursive: true });
});

/** What our own reader says, as JSON of other languages has it. */
async function hashes(version?: number): Promise<readonly unknown[]> {
  const rows = await rowsOf(deltaFolder(lake), "entries", version);
  return rows.map(({ position, hash }) => [Number(position), hash]);
}

test("our own reader has the journal", async () => {
  const journal = await arrived(store);
  expect(await hashes()).toEqual(journal.map(([position, , , hash]) => [Number(position), hash]));
  expect(await deltaVersion(deltaFolder(lake), "entries")).toBeGreaterThan(20);
});

describe.skipIf(noChdb !== undefined)("chdb (delta-kernel-rs)", () => {
  test.each([lake, cleaned])("reads every table of %s, row for row", async (place) => {
    for (const table of TABLE_NAMES) {
      const [counted] = askChdb(
        join(place, table),
        "SELECT count() AS n, uniqExact(position) AS positions FROM TABLE",
      );
      expect(Number(counted?.["n"]), table).toBe((await rowsOf(deltaFolder(lake), table)).length);
    }
    const entries = askChdb(
      join(place, "entries"),
      "SELECT position, hash, lower(hex(SHA256(concat('baton/entry/v1\\n', namespace, '\\n', stream, '\\n', text)))) AS own FROM TABLE ORDER BY position",
    );
    expect(entries.map(({ position, hash }) => [Number(position), hash])).toEqual(await hashes());
    expect(entries.filter(({ hash, own }) => hash !== own)).toEqual([]);
  });

  test("reads types as they were written", async () => {
    const [call] = askChdb(
      join(lake, "agent_calls"),
      "SELECT toTypeName(at) AS time, toTypeName(cost) AS money, toString(sum(cost)) AS total FROM TABLE WHERE path = 'score' GROUP BY ALL",
    );
    const costs = (await rowsOf(deltaFolder(lake), "agent_calls")).flatMap(({ cost }) =>
      typeof cost === "string" ? [BigInt(Math.round(Number(cost) * 1e7))] : [],
    );
    const total = Number(costs.reduce((sum, cost) => sum + cost, 0n)) / 1e7;
    expect(call).toMatchObject({ time: "DateTime64(6)", money: "Nullable(Decimal(38, 18))" });
    expect(Number(call?.["total"])).toBeCloseTo(total, 7);
  });

  test("travels in time to each tenth version", async () => {
    const newest = await deltaVersion(deltaFolder(lake), "entries");
    for (let version = 1; version <= newest; version += 10) {
      const rows = askChdb(
        join(lake, "entries"),
        "SELECT position, hash FROM TABLE ORDER BY position",
        version,
      );
      expect(rows.map(({ position, hash }) => [Number(position), hash])).toEqual(
        await hashes(version),
      );
    }
  });
});

describe.skipIf(noDeltalake !== undefined)("deltalake (delta-rs)", () => {
  const READ = `
rows = DeltaTable(argv[1], version=int(argv[2]) if len(argv) > 2 else None).to_pyarrow_table(columns=["position", "namespace", "stream", "hash", "text"]).to_pylist()
rows.sort(key=lambda row: row["position"])
own = lambda row: hashlib.sha256(("baton/entry/v1\\n" + row["namespace"] + "\\n" + row["stream"] + "\\n" + row["text"]).encode()).hexdigest()
print(json.dumps({"hashes": [[row["position"], row["hash"]] for row in rows], "wrong": [row["position"] for row in rows if own(row) != row["hash"]]}))`;

  test.each([lake, cleaned])("reads every table of %s, row for row", async (place) => {
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
  });

  test("travels in time", async () => {
    const version = Math.floor((await deltaVersion(deltaFolder(lake), "entries")) / 2);
    expect(askDeltalake(READ, join(lake, "entries"), String(version))).toEqual({
      hashes: await hashes(version),
      wrong: [],
    });
  });

  test("sees how far a table is", async () => {
    const rows = await rowsOf(deltaFolder(lake), "entries");
    const last = Number(rows.at(-1)?.["position"]);
    const program = `
table = DeltaTable(argv[1])
store = table.metadata().configuration["baton.store"]
print(json.dumps(table.transaction_version("baton/" + store)))`;
    expect(askDeltalake(program, join(lake, "entries"))).toBe(last);
  });

  test("puts small files together, and cleans the log up; the tables are verified and written on", async () => {
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
