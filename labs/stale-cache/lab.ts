/** The lab: one seed over all variants, and what of (a) changes when its assumptions do. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type Lineage, memory, type StoreFactory } from "baton";
import { sqlite } from "baton/sqlite";
import type { Application } from "../../examples/credit-decision/application.ts";
import { runOnBaton } from "./on-baton.ts";
import { judge, type Verdict } from "./outcome.ts";
import { PARAMETERS, type Parameters } from "./parameters.ts";
import { type Fate, planOf, storyOf } from "./plan.ts";
import { runSharedDocument } from "./shared-document.ts";
import { type Moment, runSharedRow } from "./shared-row.ts";

export const VARIANTS = ["row", "document", "documentEarly", "baton"] as const;
export type Variant = (typeof VARIANTS)[number];

/** One application told in full, in (a) and in (c). */
export interface Story {
  readonly fate: Fate;
  readonly moments: readonly Moment[];
  readonly lineage: Lineage;
}

export interface SeedResult {
  readonly seed: number;
  readonly verdicts: Readonly<Record<Variant, Verdict>>;
  /** What the journals say of themselves, and what was done to Baton. */
  readonly baton: {
    readonly problems: number;
    readonly entries: number;
    readonly kills: number;
    readonly answersLost: number;
  };
  readonly story?: Story;
}

/** Where the variants keep their data. */
export interface Places {
  /** The path of a database for better-sqlite3, by name. */
  readonly database: (name: string) => string;
  readonly store: StoreFactory;
  /** Size of `store` when all is done. */
  readonly storeBytes: () => number;
}

/** Nothing reaches a disk: for tests, and for whatever is run many times. */
export function inMemory(): Places {
  return { database: () => ":memory:", store: memory(), storeBytes: () => 0 };
}

/** Real files in an empty folder. */
export function inFolder(folder: string): Places {
  const path = join(folder, "baton.db");
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return {
    database: (name) => join(folder, `${name}.db`),
    // Times are virtual: syncing would cost minutes and change no figure. The naive databases are not synced either.
    store: sqlite(path, { durability: "process-crash" }),
    storeBytes: () => size(path) + size(`${path}-wal`),
  };
}

/** All variants, under the plan of one seed. The same seed and parameters give the same result, sizes of files aside. */
export async function runSeed(
  applications: readonly Application[],
  seed: number,
  places: Places,
  parameters: Parameters = PARAMETERS,
): Promise<SeedResult> {
  const plan = planOf(applications, seed, parameters);
  const fate = storyOf(plan);
  const told = fate?.application.id;
  const row = await runSharedRow(plan, places.database("row"), told);
  const document = await runSharedDocument(plan, places.database("document"), "late");
  const early = await runSharedDocument(plan, places.database("document-early"), "early");
  const baton = await runOnBaton(plan, places.store, places.storeBytes, told);
  const { problems, entries, processes, answersLost, lineage } = baton;
  return {
    seed,
    verdicts: {
      row: judge(plan, row),
      document: judge(plan, document),
      documentEarly: judge(plan, early),
      baton: judge(plan, baton),
    },
    baton: { problems, entries, kills: processes - 1, answersLost },
    ...(fate === undefined || lineage === undefined
      ? {}
      : { story: { fate, moments: row.moments, lineage } }),
  };
}

export interface WhatIf {
  readonly label: string;
  readonly verdict: Verdict;
}

/** (a) again, with one assumption changed at a time: one deaf replica among more of them, and shorter times to live. */
export async function whatIf(
  applications: readonly Application[],
  seed: number,
): Promise<{ readonly replicas: readonly WhatIf[]; readonly ttl: readonly WhatIf[] }> {
  const run = async (label: string, changed: Partial<Parameters>): Promise<WhatIf> => {
    const plan = planOf(applications, seed, { ...PARAMETERS, ...changed });
    return { label, verdict: judge(plan, await runSharedRow(plan, ":memory:")) };
  };
  const replicas: WhatIf[] = [];
  for (const riskReplicas of [2, 3, 5, 10, 50]) {
    replicas.push(await run(`1 of ${riskReplicas}`, { riskReplicas }));
  }
  const ttl: WhatIf[] = [];
  for (const seconds of [300, 60, 30, 10, 2]) {
    ttl.push(await run(`${seconds} s`, { cacheTtlMs: seconds * 1_000 }));
  }
  return { replicas, ttl };
}
