import { memory } from "baton";
import { deltaFolder, deltaSink, deltaVersion, verifyDelta } from "baton/delta";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { diceOf } from "../sim/dice.ts";
import {
  arrived,
  contents,
  exported,
  failingPlace,
  memoryPlace,
  type PlaceFault,
  rowsOf,
  TABLE_NAMES,
} from "../support/delta-places.ts";
import { sampleRuns } from "../support/sample-journal.ts";

async function sample(runs: number) {
  const store = memory();
  const { baton, more } = await sampleRuns(store);
  onTestFinished(() => baton.close());
  await more(runs);
  return { store, baton, more };
}

test("a journal becomes tables in a folder, and is verified from them alone", async () => {
  const { store, baton } = await sample(6);
  const folder = mkdtempSync(join(tmpdir(), "baton-delta-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const place = deltaFolder(join(folder, "lake"));
  const sink = await deltaSink({ store, to: place, batch: { rowsMax: 20 } });
  const { entries, position } = await sink.drain();
  await sink.close();
  const journal = await arrived(store);
  expect(entries).toBe(journal.length);
  expect(BigInt(position)).toBe(journal.at(-1)?.[0]);
  expect(await exported(place)).toEqual(journal);
  const verified = await baton.verify();
  expect(await verifyDelta(place)).toEqual({
    ...verified,
    entriesAhead: 0,
    head: { commitNo: verified.commits, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(readdirSync(join(folder, "lake"))).toEqual([...TABLE_NAMES].sort());
  // No file that was only a step on the way.
  const files = readdirSync(join(folder, "lake"), { recursive: true }).map(String);
  expect(files.filter((file) => file.endsWith(".tmp"))).toEqual([]);
});

test("rows say what the journal says: calls with tokens and cost, versions, events", async () => {
  const { store } = await sample(4);
  const place = memoryPlace();
  const sink = await deltaSink({ store, to: place });
  await sink.drain();
  await sink.close();
  const calls = await rowsOf(place, "agent_calls");
  expect(calls.filter(({ run, path }) => run === "r3" && path === "score")).toMatchObject([
    {
      workflow: "sample@1.0.0",
      agent: "scoring@1.0.0",
      attempt: 1n,
      purpose: "step",
      outcome: "failed",
      error_message: "the bureau is busy",
      retry_at: expect.any(Number),
      model: "large",
      input_tokens: 103n,
      output_tokens: 10n,
      cost: "0.0003585",
      currency: "EUR",
    },
    { attempt: 2n, outcome: "sealed", error_code: null, cost: "0.0003585" },
  ]);
  expect(calls.filter(({ purpose }) => purpose === "compensation")).toMatchObject([
    { run: "r0", path: "score", outcome: "sealed" },
  ]);
  const versions = await rowsOf(place, "versions");
  expect(versions.filter(({ run }) => run === "r1")).toMatchObject([
    { version: 0n, key: "input", value: '{"n":1,"note":"\u{FEFF}Ada 1 😀 "}', agent: null },
    { version: 1n, correlation: "r1" },
    { version: 2n },
  ]);
  const letter = versions.find(({ run, key }) => run === "r2" && key === "letter");
  expect(letter?.["value"]).toBe(JSON.stringify("\u{FEFF}Ada 2 😀 ".repeat(20)));
  expect(await rowsOf(place, "events")).toMatchObject(
    [0, 1, 2, 3].map((n) => ({
      topic: "counted",
      contract: "counted@1.0.0",
      id: `e${n}`,
      correlation: `e${n}`,
      hops: 0n,
      data: `{"n":${n}}`,
    })),
  );
  for (const { at, date } of await rowsOf(place, "entries"))
    expect(date).toBe(new Date(Number(at)).toISOString().slice(0, 10));
});

test("a sink goes on where the tables are, and writes nothing where there is nothing", async () => {
  const { store, more } = await sample(2);
  const place = memoryPlace();
  for (let round = 0; round < 15; round += 1) {
    const sink = await deltaSink({ store, to: place });
    await sink.drain();
    const before = place.files.size;
    expect(await sink.drain()).toMatchObject({ position: expect.any(Number) });
    expect(place.files.size).toBe(before);
    await sink.close();
    await more(1);
  }
  const sink = await deltaSink({ store, to: place });
  await sink.drain();
  await sink.close();
  expect(await exported(place)).toEqual(await arrived(store));
  expect((await verifyDelta(place)).problems).toEqual([]);
  // As it was after each commit, too: what came later is not in it.
  const newest = await deltaVersion(place, "entries");
  expect(newest).toBeGreaterThan(14);
  const all = await rowsOf(place, "entries");
  let last = 0;
  for (let version = 0; version <= newest; version += 1) {
    const then = await rowsOf(place, "entries", version);
    expect(then).toEqual(all.slice(0, then.length));
    expect(then.length).toBeGreaterThanOrEqual(last);
    last = then.length;
  }
  expect(last).toBe(all.length);
  await expect(rowsOf(place, "entries", newest + 1)).rejects.toMatchObject({
    code: "TABLE_NOT_FOUND",
  });
});

test("whatever call of the storage fails, before or after it was done, the tables have each row once", async () => {
  const { store } = await sample(3);
  const expected = memoryPlace();
  const counted = failingPlace(expected, () => "none");
  const batch = { rowsMax: 12 };
  const drain = async (to: ReturnType<typeof failingPlace>) => {
    const sink = await deltaSink({ store, to, batch });
    try {
      await sink.drain();
    } finally {
      await sink.close();
    }
  };
  await drain(counted);
  const wanted = await contents(expected);
  expect(counted.calls()).toBeGreaterThan(40);
  for (let at = 1; at <= counted.calls(); at += 1) {
    for (const fault of ["before", "after"] as const) {
      const place = memoryPlace();
      const failing = failingPlace(place, (call): PlaceFault => (call === at ? fault : "none"));
      await expect(drain(failing), `call ${at} ${fault}`).rejects.toThrow(/connection/);
      // The same sink would go on as well; another process knows less.
      await drain(failingPlace(place, () => "none"));
      expect(await contents(place), `call ${at} ${fault}`).toEqual(wanted);
    }
  }
}, 60_000);

test("the same sink goes on after a failure", async () => {
  const { store } = await sample(3);
  const place = memoryPlace();
  const failing = failingPlace(place, (call) =>
    call % 7 === 0 ? "after" : call % 5 === 0 ? "before" : "none",
  );
  const sink = await deltaSink({ store, to: failing, batch: { rowsMax: 10 } });
  for (let tries = 0; ; tries += 1) {
    try {
      await sink.drain();
      break;
    } catch (error) {
      expect(String(error)).toMatch(/connection/);
      expect(tries).toBeLessThan(500);
    }
  }
  await sink.close();
  expect(await exported(place)).toEqual(await arrived(store));
  expect((await verifyDelta(place)).problems).toEqual([]);
});

test.each([1, 2, 3, 4, 5, 6])(
  "sinks that write at the same time write each row once (seed %i)",
  async (seed) => {
    const { store, more } = await sample(4);
    const dice = diceOf(seed);
    const place = memoryPlace(async () => {
      for (let turns = dice(6); turns > 0; turns -= 1) await Promise.resolve();
    });
    const sinks = await Promise.all(
      [3, 7, 20].map((rowsMax) => deltaSink({ store, to: place, batch: { rowsMax } })),
    );
    await Promise.all([...sinks.map((sink) => sink.drain()), more(3)]);
    await Promise.all(sinks.map((sink) => sink.drain()));
    for (const sink of sinks) await sink.close();
    expect(await exported(place)).toEqual(await arrived(store));
    expect((await verifyDelta(place)).problems).toEqual([]);
    const single = memoryPlace();
    const alone = await deltaSink({ store, to: single });
    await alone.drain();
    await alone.close();
    expect(await contents(place)).toEqual(await contents(single));
    // Files of batches that lost their race are gone.
    const named = new Set<string>();
    for (const [path, bytes] of place.files)
      if (path.endsWith(".json"))
        for (const [, file] of new TextDecoder().decode(bytes).matchAll(/"path":"([^"]+)"/g))
          named.add(`${path.slice(0, path.indexOf("/"))}/${file ?? ""}`);
    const data = [...place.files.keys()].filter((path) => path.includes("/date="));
    expect(data.filter((path) => !named.has(path))).toEqual([]);
  },
);
