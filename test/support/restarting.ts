/** Baton on a real SQLite file, closed and opened again between the moments of a test, as processes come and go. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Baton, LogLine, OpenOptions, StoreFactory } from "baton";
import { sqlite } from "baton/sqlite";
import { type VirtualClock, virtualClock } from "baton/testing";
import { onTestFinished } from "vitest";
import { opened } from "./opened.ts";

export interface Place {
  readonly path: string;
  readonly store: StoreFactory;
}

/** A SQLite file of its own; removed when the test is over. */
export function sqlitePlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), "baton-peers-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "baton.db");
  // A kill is survived; that power is lost is tested elsewhere, and costs a flush for each commit.
  return { path, store: sqlite(path, { durability: "process-crash" }) };
}

export interface Restarting {
  readonly clock: VirtualClock;
  readonly path: string;
  /** The process that is there now. */
  readonly baton: () => Baton;
  /** The process ends, with whatever is under way, and another takes its place. */
  readonly restart: () => Promise<void>;
  /** Lines of all processes. */
  readonly log: readonly LogLine[];
}

export async function restarting(
  options: Omit<Partial<OpenOptions>, "store"> & Pick<OpenOptions, "workflows">,
): Promise<Restarting> {
  const clock = virtualClock();
  const { path, store } = sqlitePlace();
  const log: LogLine[] = [];
  const begin = async () =>
    await opened({ ...options, store, log: (line) => log.push(line) }, clock);
  let here = await begin();
  return {
    clock,
    path,
    log,
    baton: () => here.baton,
    restart: async () => {
      await clock.until(here.baton.close({ graceMs: 0 }));
      here = await begin();
    },
  };
}
