import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  type JsonLine,
  type JsonSource,
  readJson,
  readJsonLines,
} from "../../src/cli/json-input.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-json-input-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function linesOf(bytes: string | Uint8Array): Promise<readonly JsonLine[]> {
  writeFileSync(join(folder, "lines.jsonl"), bytes);
  const lines: JsonLine[] = [];
  for await (const line of readJsonLines(recordingTerminal({ cwd: folder }), "lines.jsonl"))
    lines.push(line);
  return lines;
}

test("lines are counted as an editor counts them; blank ones are passed over", async () => {
  const lines = await linesOf('{"a":1}\r\n\n  \n[2]\n"last"');
  expect(lines.map((line) => [line.line, line.kind === "value" ? line.value : line.error])).toEqual(
    [
      [1, { a: 1 }],
      [4, [2]],
      [5, "last"],
    ],
  );
});

test("a malformed line is named and the rest is read", async () => {
  const lines = await linesOf(
    Buffer.concat([Buffer.from('{"a":\n'), Buffer.from([0xff, 0x0a]), Buffer.from("{}\n")]),
  );
  expect(lines.map((line) => [line.line, line.kind])).toEqual([
    [1, "malformed"],
    [2, "malformed"],
    [3, "value"],
  ]);
  expect(lines.map((line) => (line.kind === "malformed" ? line.error : ""))).toEqual([
    expect.stringContaining("is not JSON"),
    expect.stringContaining("not UTF-8"),
    "",
  ]);
});

test("a line over 16 MiB is refused without being kept", async () => {
  const lines = await linesOf(`"${"x".repeat(17 * 1024 * 1024)}"\n{}\n`);
  expect(lines.map((line) => [line.line, line.kind])).toEqual([
    [1, "malformed"],
    [2, "value"],
  ]);
});

test("a multi-byte character that falls between two reads stays whole", async () => {
  const text = JSON.stringify("東京".repeat(50_000));
  const [line] = await linesOf(text);
  expect(line?.kind === "value" && JSON.stringify(line.value)).toBe(text);
});

test("one value comes from text, a file or stdin", async () => {
  const terminal = recordingTerminal({ cwd: folder, stdin: '{"from":"stdin"}' });
  writeFileSync(join(folder, "one.json"), '\ufeff{"from":"file"}');
  expect(await readJson(terminal, { kind: "text", text: "[1]" }, "input")).toEqual([1]);
  expect(await readJson(terminal, { kind: "file", path: "-" }, "input")).toEqual({ from: "stdin" });
  expect(await readJson(terminal, { kind: "file", path: "one.json" }, "input")).toEqual({
    from: "file",
  });
});

const UNREADABLE: readonly { readonly source: JsonSource; readonly says: string }[] = [
  {
    source: { kind: "file", path: "missing.json" },
    says: "missing.json can't be read: there is no such file.",
  },
  { source: { kind: "file", path: "." }, says: ". can't be read: it is a folder." },
  { source: { kind: "text", text: "{" }, says: "The payload is not JSON" },
];

test.for(UNREADABLE)("$source is refused with its reason", async ({ source, says }) => {
  const reading = readJson(recordingTerminal({ cwd: folder }), source, "payload");
  const message = expect.stringContaining(says);
  await expect(reading).rejects.toMatchObject({ code: "ARGUMENT_INVALID", message });
});
