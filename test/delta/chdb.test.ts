/**
 * Our tables, read by the Delta kernel (delta-kernel-rs, as ClickHouse has it): all of npm, but half a gigabyte, so that it is
 * installed once for a machine.
 */
import { join } from "node:path";
import { deltaFolder, deltaVersion } from "baton/delta";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askChdb, installChdb } from "../interop/delta-readers.ts";
import { type Lakes, deltaLakes } from "../support/delta-lakes.ts";
import { arrived, rowsOf, TABLE_NAMES } from "../support/delta-places.ts";

const noChdb = installChdb();
let lakes: Lakes;

beforeAll(async () => {
  lakes = await deltaLakes();
}, 60_000);
afterAll(() => lakes.close());

test("our own reader has the journal", async () => {
  const { lake, store, hashes } = lakes;
  const journal = await arrived(store);
  expect(await hashes()).toEqual(journal.map(([position, , , hash]) => [Number(position), hash]));
  expect(await deltaVersion(deltaFolder(lake), "entries")).toBeGreaterThan(20);
});

describe.skipIf(noChdb !== undefined)("chdb (delta-kernel-rs)", { timeout: 120_000 }, () => {
  test.each(["lake", "cleaned"] as const)(
    "reads every table of the %s, row for row",
    async (which) => {
      const { [which]: place, lake, hashes } = lakes;
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
    },
  );

  test("reads types as they were written", async () => {
    const { lake } = lakes;
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
    const { lake, hashes } = lakes;
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
