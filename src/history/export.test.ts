import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { verifyText } from "../../tools/verify-journal.mjs";
import { type BuiltJournal, NAMESPACE, sourceOf } from "../../test/support/journal-builder.ts";
import { kitchenSink, SINK_INPUT, SINK_PLAY } from "../../test/support/kitchen-sink.ts";
import { play } from "../../test/support/played-run.ts";
import { journalOf, completed, sealed, started } from "../../test/support/journal-builder.ts";
import { exportRun } from "./export.ts";

async function exported({ source, run }: Pick<BuiltJournal, "source" | "run">): Promise<string> {
  let text = "";
  for await (const line of exportRun(source, NAMESPACE, run)) text += line;
  return text;
}

/** Whether the second verifier finds something wrong: it lists problems, or does not even know the form. */
function isFound(text: string): boolean {
  try {
    return verifyText(text).problems.length > 0;
  } catch {
    return true;
  }
}

const big = "€".repeat(150);
const built = journalOf(
  [
    started({ big }),
    sealed("score", 1, { input: 0 }),
    sealed("risk", { big: `${big}!` }, { score: 1 }),
    completed(2),
  ],
  "r1",
  300,
);

describe("an exported journal", () => {
  it("is a header, the stored entries with their blobs before them, and an end line", async () => {
    const lines = (await exported(built)).split("\n");
    expect(lines.pop()).toBe("");
    const parsed = lines.map((line) => JSON.parse(line));
    expect(parsed[0]).toEqual({
      format: "baton-journal",
      v: 1,
      namespace: "default",
      stream: "run/r1",
    });
    expect(parsed.slice(1).map((line) => Object.keys(line).join())).toEqual([
      "sha256,text",
      "hash,text",
      "hash,text",
      "sha256,text",
      "hash,text",
      "hash,text",
      "blobs,entries,head",
    ]);
    expect(parsed.filter(({ hash }) => hash)).toEqual(
      built.stored.map(({ hash, text }) => ({ hash, text })),
    );
    expect(parsed.at(-1)).toEqual({ blobs: 2, entries: 4, head: built.stored.at(-1)?.hash });
  });

  it("is refused where the run or a blob is missing", async () => {
    const nothing = { run: "r1", source: sourceOf([], new Map()) };
    await expect(exported(nothing)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    const blobless = { run: "r1", source: sourceOf(built.stored, new Map()) };
    await expect(exported(blobless)).rejects.toMatchObject({ code: "JOURNAL_BROKEN" });
  });

  it("of a run with every kind of step passes the second verifier, wherever the run stands", async () => {
    const whole = play(kitchenSink(), SINK_INPUT, { ...SINK_PLAY, inlinePayloadBytesMax: 200 });
    expect(verifyText(await exported(whole))).toMatchObject({
      problems: [],
      final: "run.completed",
      versions: 11,
    });
    for (let count = 1; count < whole.stored.length; count += 1) {
      const part = { run: "r1", source: sourceOf(whole.stored.slice(0, count), whole.blobs) };
      expect(verifyText(await exported(part))).toMatchObject({
        problems: [],
        entries: count,
        final: undefined,
      });
    }
  });

  it("shows every changed byte to the second verifier", async () => {
    const bytes = Buffer.from(await exported(built));
    const place = fc.record({
      at: fc.nat({ max: bytes.length - 1 }),
      flip: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(place, ({ at, flip }) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(isFound(changed.toString("utf8"))).toBe(true);
      }),
      { numRuns: 1_500 },
    );
  });

  it("shows every removed, repeated and swapped line, and every cut", async () => {
    const text = await exported(built);
    const lines = text.split("\n").slice(0, -1);
    const join = (all: readonly string[]) => all.map((line) => `${line}\n`).join("");
    expect(isFound(join(lines))).toBe(false);
    for (let i = 0; i < lines.length; i += 1) {
      expect(isFound(join(lines.toSpliced(i, 1)))).toBe(true);
      for (let j = 0; j <= lines.length; j += 1) {
        expect(isFound(join(lines.toSpliced(j, 0, lines[i] ?? "")))).toBe(true);
        if (j === i || j === lines.length) continue;
        expect(isFound(join(lines.with(i, lines[j] ?? "").with(j, lines[i] ?? "")))).toBe(true);
      }
    }
    for (let end = 0; end < text.length; end += 7) expect(isFound(text.slice(0, end))).toBe(true);
    expect(isFound(text.replaceAll("\n", "\r\n"))).toBe(true);
  });

  it("shows what a forger who can hash would still get wrong", async () => {
    const text = async (run: BuiltJournal) => verifyText(await exported(run)).problems.join("\n");
    expect(await text(journalOf([started(1), completed(1), sealed("late", 1)]))).toMatch(
      /after the end/,
    );
    expect(await text(journalOf([sealed("first", 1)]))).toMatch(/can't stand there/);
    expect(await text(journalOf([started(1), sealed("a", 1), sealed("a", 2)]))).toMatch(
      /second result of a, turn 0/,
    );
    expect(await text(journalOf([started(1), sealed("a", 1, { input: 1 })]))).toMatch(/not there/);
  });
});

describe("tools/verify-journal.mjs", () => {
  const verify = (file: string, input = "") =>
    spawnSync(process.execPath, ["tools/verify-journal.mjs", file], { input, encoding: "utf8" });

  it("is short enough to be read, and needs nothing but Node", () => {
    const source = readFileSync("tools/verify-journal.mjs", "utf8");
    expect(source.split("\n").length).toBeLessThanOrEqual(155);
    const imported = [...source.matchAll(/ from "([^"]+)"/g)].map(([, name]) => name);
    expect(imported.filter((name) => !name?.startsWith("node:"))).toEqual([]);
  });

  it("answers with exit code 0, 1 or 2", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "baton-export-"));
    try {
      const file = path.join(folder, "r1.jsonl");
      const text = await exported(built);
      writeFileSync(file, text);
      const good = verify(file);
      expect([good.status, good.stderr]).toEqual([0, ""]);
      expect(good.stdout).toContain(
        "default run/r1: 4 entries, 3 versions, 2 blobs, run.completed",
      );
      const bad = verify("-", text.replace("€", "$"));
      expect(bad.status).toBe(1);
      expect(bad.stderr).toMatch(/line 2: blob [0-9a-f]{64} was changed/);
      expect(verify("-", "{}\n").status).toBe(2);
      expect(verify(path.join(folder, "nothing")).status).toBe(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
