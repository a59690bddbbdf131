/** `baton export delta` and `baton verify --delta`, on a store without a project. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqlite } from "baton/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { sampleRuns } from "../support/sample-journal.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-cli-delta-"));

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

beforeAll(async () => {
  const { baton: opened, more } = await sampleRuns(sqlite(join(folder, "baton.db")));
  await more(3);
  await opened.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the journal is exported, once, and verified from the tables alone", async () => {
  const first = await baton("export", "delta", "--store", "baton.db", "--to", "lake");
  expect(first).toMatchObject({ code: 0, err: "" });
  expect(first.out).toMatch(/^ok {2}\d+ entries to .*lake, which is now at commit \d+\n$/);
  const again = await baton("export", "delta", "--store", "baton.db", "--to", "lake", "--json");
  expect(JSON.parse(again.out)).toMatchObject({
    entries: 0,
    commitNo: expect.any(Number),
    to: join(folder, "lake"),
  });
  const verified = await baton("verify", "--delta", "lake");
  expect(verified).toMatchObject({ code: 0, err: "" });
  expect(verified.out).toMatch(
    /^ok {2}3 runs, \d+ entries, \d+ commits, \d+ blobs: nothing was changed/,
  );
  expect(verified.out).toMatch(/the last commit is \d+, [0-9a-f]{64}\n$/);
  const { out } = await baton("verify", "--store", "baton.db", "--json");
  const { out: ofTables } = await baton("verify", "--delta", "lake", "--json");
  expect(JSON.parse(ofTables)).toMatchObject(JSON.parse(out));
});

test("one that follows tells of each batch, and ends when it is interrupted", async () => {
  const terminal = recordingTerminal({
    cwd: folder,
    onWrite: () => setImmediate(() => terminal.interrupt()),
  });
  const code = await runProgram(
    [
      "export",
      "delta",
      "--store",
      "baton.db",
      "--to",
      "followed",
      "--follow",
      "--every",
      "1h",
      "--json",
    ],
    terminal,
  );
  expect(code).toBe(130);
  const [batch, end] = terminal
    .out()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  expect(batch).toMatchObject({ entries: expect.any(Number), position: expect.any(Number) });
  expect(end).toMatchObject({ ...batch });
});

test("what is not there, or makes no sense, is refused", async () => {
  expect(await baton("verify", "--delta", "nowhere")).toMatchObject({
    code: 3,
    err: expect.stringContaining("TABLE_NOT_FOUND"),
  });
  expect(await baton("export", "delta", "--store", "none.db", "--to", "x")).toMatchObject({
    code: 3,
    err: expect.stringContaining("STORE_NOT_FOUND"),
  });
  expect((await baton("export", "traces", "--store", "baton.db", "--to", "x")).code).toBe(2);
  expect((await baton("export", "delta", "--store", "baton.db")).code).toBe(2);
  expect((await baton("export", "delta", "--store", "baton.db", "--to", "gs://x")).code).toBe(2);
  expect(
    (await baton("export", "delta", "--store", "baton.db", "--to", "x", "--namespace", "a")).code,
  ).toBe(2);
  expect(
    (await baton("export", "delta", "--store", "baton.db", "--to", "x", "--every", "soon")).code,
  ).toBe(2);
  expect((await baton("verify", "r1", "--delta", "lake")).code).toBe(2);
});
