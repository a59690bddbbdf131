import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { verifyText } from "../../tools/verify-journal.mjs";
import { VALUE_FIELD } from "../model/entry.ts";
import { KNOWN_KINDS } from "./read.ts";

const page = readFileSync("docs/journal.md", "utf8");

/** The text of the page's code blocks of a language. */
function blocks(language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(
    ([, text]) => text ?? "",
  );
}

const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");

describe("docs/journal.md", () => {
  const example = blocks("jsonl")[0] ?? "";
  const lines: readonly Record<string, string>[] = example
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const entries = lines.filter((line) => "hash" in line);

  it("shows an export that verifies", () => {
    expect(verifyText(example)).toMatchObject({
      entries: 4,
      blobs: 1,
      versions: 3,
      final: "run.completed",
      problems: [],
    });
  });

  it("shows hashes that follow from its words alone", () => {
    for (const { text, hash } of entries)
      expect(sha256(`baton/entry/v1\ndefault\nrun/r1\n${text}`)).toBe(hash);
    const blob = lines.find((line) => "sha256" in line);
    expect(sha256(blob?.["text"] ?? "")).toBe(blob?.["sha256"]);
    const commits = blocks("json").map((text) => text.trimEnd());
    const shown = [...page.matchAll(/has the hash `([0-9a-f]{64})`/g)].map(([, hash]) => hash);
    expect(commits.map((text) => sha256(`baton/commit/v1\n${text}`))).toEqual(shown);
  });

  it("shows Merkle roots that follow from its words alone", () => {
    const [one, two] = blocks("json").map((text) => JSON.parse(text));
    const [a, b, c, d] = entries.map(({ hash }) => Buffer.from(hash ?? "", "hex"));
    const inner = (left: Buffer | undefined, right: Buffer | undefined): Buffer =>
      Buffer.from(
        sha256(Buffer.concat([Buffer.of(1), left ?? Buffer.of(), right ?? Buffer.of()])),
        "hex",
      );
    expect(one.root).toBe(inner(inner(a, b), c).toString("hex"));
    expect(two.root).toBe(d?.toString("hex"));
    expect(two.prev).toBe(sha256(`baton/commit/v1\n${blocks("json")[0]?.trimEnd()}`));
  });

  it("lists every kind of entry, with the field of its value", () => {
    const rows = [...page.matchAll(/^\| `([a-z]+\.[a-zA-Z]+)` \| (?:`([a-z]+)`)? ?\|/gm)].map(
      ([, kind, field]) => [kind, field],
    );
    const fields: Readonly<Record<string, string>> = VALUE_FIELD;
    expect(rows).toEqual(Object.keys(KNOWN_KINDS).map((kind) => [kind, fields[kind]]));
  });
});
