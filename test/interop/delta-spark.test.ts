/** Our tables in Spark, with the Delta that comes with it: read, travelled, optimized, and defended. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "baton";
import { deltaFolder, deltaSink, deltaVersion, verifyDelta } from "baton/delta";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rowsOf, TABLE_NAMES } from "../support/delta-places.ts";
import { type SampleRuns, sampleRuns } from "../support/sample-journal.ts";
import { askSpark, installSpark } from "./spark.ts";

const missing = installSpark();

/** Everything in one session: to start one takes ten seconds. */
const PROGRAM = `
from pyspark.sql import functions as F
lake, version, tables = argv[1], int(argv[2]), argv[3:]

def read(table, **options):
    return spark.read.format("delta").options(**options).load(lake + "/" + table)

def hashes(rows):
    return [[row["position"], row["hash"]] for row in rows.select("position", "hash").orderBy("position").collect()]

def refused(statement):
    try:
        spark.sql(statement)
        return ""
    except Exception as error:
        return str(error)

entries = read("entries")
sealed = F.concat(F.lit("baton/entry/v1\\n"), "namespace", F.lit("\\n"), "stream", F.lit("\\n"), "text")
before = {
    "counts": {table: read(table).count() for table in tables},
    "hashes": hashes(entries),
    "wrong": [row["position"] for row in entries.where(F.sha2(F.encode(sealed, "utf-8"), 256) != F.col("hash")).collect()],
    "earlier": hashes(read("entries", versionAsOf=version)),
    "types": {field.name: field.dataType.simpleString() for field in read("agent_calls").schema},
}
path = "delta.\`" + lake + "/entries\`"
before["update"] = refused("UPDATE " + path + " SET text = 'forged'")
before["delete"] = refused("DELETE FROM " + path + " WHERE position = 1")
for table in tables:
    spark.sql("OPTIMIZE delta.\`" + lake + "/" + table + "\`")
before["files"] = spark.sql("DESCRIBE DETAIL " + path).collect()[0]["numFiles"]
before["days"] = entries.select("date").distinct().count()
answer(before)
`;

describe.skipIf(missing !== undefined)("Spark", () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-interop-spark-"));
  const lake = join(folder, "lake");
  const place = deltaFolder(lake);
  const store = memory();
  let runs: SampleRuns;

  async function drain(): Promise<void> {
    const sink = await deltaSink({ store, to: place, batch: { rowsMax: 20 } });
    await sink.drain();
    await sink.close();
  }

  async function hashes(version?: number): Promise<readonly unknown[]> {
    const rows = await rowsOf(place, "entries", version);
    return rows.map(({ position, hash }) => [Number(position), hash]);
  }

  beforeAll(async () => {
    runs = await sampleRuns(store);
    for (let round = 0; round < 8; round += 1) {
      await runs.more(5);
      await Promise.all([drain(), drain()]);
    }
  });
  afterAll(async () => {
    await runs.baton.close();
    rmSync(folder, { recursive: true });
  });

  test("reads every table and travels in time; may not change a row; puts files together, and the tables are verified and written on", async () => {
    const version = Math.floor((await deltaVersion(place, "entries")) / 2);
    const [now, earlier] = [await hashes(), await hashes(version)];
    const counts = await Promise.all(
      TABLE_NAMES.map(async (table) => [table, (await rowsOf(place, table)).length]),
    );
    const seen = askSpark(PROGRAM, lake, String(version), ...TABLE_NAMES);
    expect(seen).toMatchObject({
      counts: Object.fromEntries(counts),
      hashes: now,
      wrong: [],
      earlier,
      types: { at: "timestamp", cost: "decimal(38,18)", input_tokens: "bigint", date: "date" },
      update: expect.stringContaining("DELTA_CANNOT_MODIFY_APPEND_ONLY"),
      delete: expect.stringContaining("DELTA_CANNOT_MODIFY_APPEND_ONLY"),
    });
    const { files, days } = seen as { readonly files: number; readonly days: number };
    expect(files).toBe(days);
    await runs.more(5);
    await drain();
    expect(await verifyDelta(place)).toMatchObject({
      ...(await runs.baton.verify()),
      entriesAhead: 0,
    });
    expect((await hashes()).length).toBeGreaterThan(now.length);
  });
});
