/** Bytes that change on the disk of a closed store: whatever is told of a run is the truth, or an error, and `verify` finds it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import SqliteDatabase from "better-sqlite3";
import { type Baton, isBatonError, open } from "baton";
import { sqlite } from "baton/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seeded } from "./seeded.ts";
import { fillStore, isAsked, letters, runId, tell, type Told } from "./told-runs.ts";

const RUNS = 24;
/** What may be said of a damaged file, when it is opened or read. `STORE_NEWER` is what a damaged format number looks like. */
const DAMAGE_CODES: ReadonlySet<string> = new Set([
  "STORE_CORRUPT",
  "JOURNAL_BROKEN",
  "STORE_NEWER",
  "ENTRY_UNKNOWN",
]);

let folder: string;
let file: string;
let whole: Buffer;
let truth: Told;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-damage-"));
  file = join(folder, "damaged.db");
  await fillStore(file, RUNS);
  whole = readFileSync(file);
  truth = await reading(async (baton) => tell(baton, RUNS));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function reading<X>(act: (baton: Baton) => Promise<X>): Promise<X> {
  const baton = await open({ store: sqlite(file), workflows: [letters], readOnly: true });
  try {
    return await act(baton);
  } finally {
    await baton.close();
  }
}

/** Changes one to eight bytes from `at` on, so that each is another than before. */
function damage(at: number, random: () => number): void {
  const copy = Buffer.from(whole);
  const length = 1 + Math.floor(random() * 8);
  for (let i = at; i < Math.min(at + length, copy.length); i += 1)
    copy.writeUInt8(copy.readUInt8(i) ^ (1 + Math.floor(random() * 255)), i);
  writeFileSync(file, copy);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What is wrong with how the damage was told: nothing, if all is well. */
async function mistakes(): Promise<readonly string[]> {
  try {
    return await reading(async (baton) => {
      const told = await tell(baton, RUNS);
      const wrong = [...truth.keys()].filter((what) => !same(told.get(what), truth.get(what)));
      const silent = wrong.filter((what) => codeIn(told.get(what)) === undefined);
      const verdict = await baton.verify().then(
        ({ problems }) => (problems.length > 0 ? "found" : "ok"),
        (error: unknown) => (isBatonError(error) ? error.code : String(error)),
      );
      const codes = new Set(wrong.map((what) => codeIn(told.get(what)) ?? ""));
      const odd = [...codes].filter((code) => !DAMAGE_CODES.has(code) && code !== "RUN_NOT_FOUND");
      return [
        ...silent.filter(hasEnded).map((what) => `${what} is wrong, and nobody says so`),
        ...odd.filter((code) => code !== "").map((code) => `told as ${code}`),
        ...(verdict === "ok" && wrong.length > 0 ? [`verify does not find ${wrong.join()}`] : []),
        ...(["ok", "found"].includes(verdict) || DAMAGE_CODES.has(verdict)
          ? []
          : [`verify ends with ${verdict}`]),
      ];
    });
  } catch (error) {
    if (isBatonError(error) && DAMAGE_CODES.has(error.code)) return [];
    return [`open ends with ${String(error)}`];
  }
}

/** Of a run that has not ended, an index that hides the newest entries shows an earlier state: that `verify` alone finds. */
function hasEnded(what: string): boolean {
  return !isAsked(Number(/\d+/.exec(what)?.[0]));
}

function codeIn(told: unknown): string | undefined {
  if (typeof told !== "object" || told === null || !("code" in told)) return undefined;
  return String(told.code);
}

const PAGE_BYTES = 4_096;

test.each([
  ["the header", 40, () => 100],
  ["the first pages: schema, lease, names and indexes", 80, () => 10 * PAGE_BYTES],
  ["any page", 80, (size: number) => size],
])(
  "bytes that change in %s are told, and never give a wrong answer",
  {
    timeout: 60_000,
  },
  async (where, places, sizeOf) => {
    const random = seeded(where.length);
    const found: string[] = [];
    for (let place = 0; place < places; place += 1) {
      const at = Math.floor(random() * sizeOf(whole.length));
      damage(at, random);
      for (const mistake of await mistakes()) found.push(`offset ${at}: ${mistake}`);
    }
    expect(found).toEqual([]);
  },
);

test("a finished run whose end is gone is told to be broken, not to be running", async () => {
  writeFileSync(file, whole);
  const database = new SqliteDatabase(file);
  database.exec(`DROP TRIGGER entries_are_not_deleted;
    DELETE FROM entries WHERE text LIKE '%"kind":"run.completed"%"stream":"run/${runId(2)}"%'`);
  database.close();
  const told = await reading((baton) => tell(baton, RUNS));
  const wrong = [...truth.keys()].filter((what) => !same(told.get(what), truth.get(what)));
  expect(wrong).toEqual([`${runId(2)} report`, `${runId(2)} state`]);
  expect(told.get(`${runId(2)} report`)).toEqual({ code: "JOURNAL_BROKEN" });
});

test("a process that opens a damaged file for writing ends, without an unhandled error", {
  timeout: 60_000,
}, async () => {
  const random = seeded(5);
  const refused = new Set<string>();
  const crashed: string[] = [];
  for (let place = 0; place < 60; place += 1) {
    const at = Math.floor(random() * whole.length);
    damage(at, random);
    try {
      const baton = await open({ store: sqlite(file), workflows: [letters] });
      try {
        const by = { kind: "person", id: "ada" } as const;
        await baton.approve(runId(1), "asked", { approved: true, by });
        await (await baton.run(runId(1))).result();
      } finally {
        await baton.close();
      }
    } catch (error) {
      if (isBatonError(error)) refused.add(error.code);
      else crashed.push(`offset ${at}: ${String(error)}`);
    }
    for (const suffix of ["-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
  }
  expect(crashed).toEqual([]);
  expect(refused.size).toBeGreaterThan(0);
});
