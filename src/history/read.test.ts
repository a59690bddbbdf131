import { describe, expect, it } from "vitest";
import {
  journalOf,
  NAMESPACE,
  sealed,
  sourceOf,
  started,
} from "../../test/support/journal-builder.ts";
import { hashEntry } from "../journal/hash.ts";
import { runStream } from "../model/entry.ts";
import type { JsonObject } from "../model/json.ts";
import { parseEntry, runEntries } from "./read.ts";

const STREAM = { namespace: NAMESPACE, stream: runStream("r1") };
const built = journalOf(
  [started({ a: 1 }), sealed("score", { big: "x".repeat(400) }, { input: 0 })],
  "r1",
  300,
);
const read = (fromSeq?: number) => runEntries(built.source, NAMESPACE, "r1", fromSeq);

/** The journal with the text of its entry 0 replaced, and its hash made to fit. */
function withFirst(change: (entry: JsonObject) => JsonObject) {
  const text = JSON.stringify(change(JSON.parse(built.stored[0]?.text ?? "")));
  const hash = hashEntry(STREAM.namespace, STREAM.stream, text);
  return sourceOf([{ seq: 0, text, hash }], built.blobs);
}

describe("readRun", () => {
  it("gives parsed entries with their values, inline or from blobs", async () => {
    expect(built.blobs.size).toBe(1);
    const entries = await read();
    expect(entries.map(({ value }) => value)).toEqual([{ a: 1 }, { big: "x".repeat(400) }]);
    expect(entries.map(({ hash }) => hash)).toEqual(built.stored.map(({ hash }) => hash));
    expect(await read(1)).toEqual([entries[1]]);
    expect(await read(2)).toEqual([]);
  });

  it("gives values that can't be changed", async () => {
    const [first, second] = await read();
    expect(Object.isFrozen(first?.entry.payload["input"])).toBe(true);
    expect(Object.isFrozen(second?.value)).toBe(true);
  });

  it("keeps fields that it does not know", async () => {
    const [first] = await runEntries(
      withFirst((entry) => ({ ...entry, later: [1] })),
      NAMESPACE,
      "r1",
    );
    expect(first?.entry).toMatchObject({ later: [1], kind: "run.started" });
  });

  it("refuses a run that is not there", async () => {
    await expect(runEntries(sourceOf([], new Map()), NAMESPACE, "r1")).rejects.toMatchObject({
      code: "RUN_NOT_FOUND",
    });
  });

  it.each([
    ["kind", "run.teleported"],
    ["v", 2],
    ["v", "1"],
  ])("stops at an unknown %s", async (field, value) => {
    const source = withFirst((entry) => ({ ...entry, [field]: value }));
    await expect(runEntries(source, NAMESPACE, "r1")).rejects.toMatchObject({
      code: "ENTRY_UNKNOWN",
    });
  });

  it.each([
    [
      "a changed byte",
      built.stored.map((each) => ({ ...each, text: each.text.replace('"a":1', '"a":2') })),
    ],
    ["a missing entry", built.stored.slice(1)],
    ["an entry that follows another", [built.stored[0], { ...built.stored[0], seq: 1 }]],
  ])("stops at %s", async (_what, stored) => {
    const source = sourceOf(stored as typeof built.stored, built.blobs);
    await expect(runEntries(source, NAMESPACE, "r1")).rejects.toMatchObject({
      code: "JOURNAL_BROKEN",
    });
  });

  it.each([
    ["missing", new Map<string, string>()],
    [
      "changed",
      new Map([...built.blobs].map(([sha256, text]) => [sha256, text.replace("x", "y")])),
    ],
  ])("stops at a blob that is %s", async (_what, blobs) => {
    const source = sourceOf(built.stored, blobs);
    await expect(runEntries(source, NAMESPACE, "r1")).rejects.toMatchObject({
      code: "JOURNAL_BROKEN",
    });
  });
});

describe("parseEntry", () => {
  it("brings an older format to today's, one step after another", () => {
    const today: JsonObject = JSON.parse(built.stored[0]?.text ?? "");
    const upcasters = {
      [-1]: (entry: JsonObject) => ({ ...entry, v: 0, kind: "run.began" }),
      0: (entry: JsonObject) => ({
        ...entry,
        v: 1,
        kind: entry["kind"] === "run.began" ? "run.started" : "?",
      }),
    };
    const old = { ...today, v: -1, kind: "begin" };
    expect(parseEntry(old, { seq: 0 }, STREAM, upcasters)).toEqual(today);
  });
});
