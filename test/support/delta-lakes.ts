/** Tables that three sinks have written at once, for readers of other houses: as they are, and as they are after a clean-up of the log. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory, type StoreFactory } from "baton";
import { deltaFolder, deltaSink } from "baton/delta";
import { rowsOf, TABLE_NAMES } from "./delta-places.ts";
import { type SampleRuns, sampleRuns } from "./sample-journal.ts";

export interface Lakes {
  readonly folder: string;
  readonly lake: string;
  /** Of each table the newest checkpoint and what came after it. */
  readonly cleaned: string;
  readonly store: StoreFactory;
  readonly runs: SampleRuns;
  readonly drain: (to: string, rowsMax: number) => Promise<void>;
  /** What our own reader says of the lake's entries, as JSON of other languages has it: position and hash. */
  readonly hashes: (version?: number) => Promise<readonly unknown[]>;
  readonly close: () => Promise<void>;
}

export async function deltaLakes(): Promise<Lakes> {
  const folder = mkdtempSync(join(tmpdir(), "baton-delta-lakes-"));
  const [lake, cleaned] = [join(folder, "lake"), join(folder, "cleaned")];
  const store = memory();
  const runs = await sampleRuns(store);
  const drain = async (to: string, rowsMax: number): Promise<void> => {
    const sink = await deltaSink({ store, to: deltaFolder(to), batch: { rowsMax } });
    await sink.drain();
    await sink.close();
  };
  for (let round = 0; round < 12; round += 1) {
    await runs.more(5);
    // Three at once, each with batches of its own.
    await Promise.all([drain(lake, 7), drain(lake, 20), drain(lake, 60)]);
  }
  cpSync(lake, cleaned, { recursive: true });
  for (const table of TABLE_NAMES) cleanUp(join(cleaned, table, "_delta_log"));
  return {
    folder,
    lake,
    cleaned,
    store,
    runs,
    drain,
    hashes: async (version) => {
      const rows = await rowsOf(deltaFolder(lake), "entries", version);
      return rows.map(({ position, hash }) => [Number(position), hash]);
    },
    close: async () => {
      await runs.baton.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function cleanUp(log: string): void {
  const names = readdirSync(log);
  const checkpoint = names
    .filter((name) => name.endsWith(".checkpoint.parquet"))
    .sort()
    .at(-1);
  if (checkpoint === undefined) return;
  for (const name of names)
    if (name.endsWith(".json") && name.slice(0, 20) <= checkpoint.slice(0, 20))
      rmSync(join(log, name));
}
