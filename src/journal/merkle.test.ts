import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "./canonical.ts";
import { readCommit, sealCommit } from "./commit.ts";
import { hashEntry, NO_HASH, sha256Hex } from "./hash.ts";
import { merkleRoot } from "./merkle.ts";

/** RFC 6962, section 2.1, word for word: split at the largest power of two below the length. */
function rootByDefinition(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only !== undefined && leaves.length === 1) return only;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const left = rootByDefinition(leaves.slice(0, split));
  const right = rootByDefinition(leaves.slice(split));
  return createHash("sha256")
    .update(Buffer.concat([Buffer.of(1), left, right]))
    .digest();
}

const hashHex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString("hex"));

describe("merkleRoot", () => {
  test("is the tree of RFC 6962 over any number of hashes", () => {
    fc.assert(
      fc.property(fc.array(hashHex, { minLength: 1, maxLength: 70 }), (hashes) => {
        expect(merkleRoot(hashes)).toBe(
          rootByDefinition(hashes.map((hex) => Buffer.from(hex, "hex"))).toString("hex"),
        );
      }),
    );
  });

  test("of one entry is that entry's hash", () => {
    expect(merkleRoot([sha256Hex("a")])).toBe(sha256Hex("a"));
  });

  test("changes when two hashes change places", () => {
    const [a, b, c] = [sha256Hex("a"), sha256Hex("b"), sha256Hex("c")];
    expect(merkleRoot([a, b, c])).not.toBe(merkleRoot([b, a, c]));
  });
});

describe("hashes", () => {
  test("of an entry cover its place and its UTF-8 bytes", () => {
    const bytes = Buffer.from('baton/entry/v1\ndefault\nrun/é\n{"a":"ü"}', "utf8");
    expect(hashEntry("default", "run/é", '{"a":"ü"}')).toBe(
      createHash("sha256").update(bytes).digest("hex"),
    );
    expect(hashEntry("default", "run/1", "{}")).not.toBe(hashEntry("default", "run/2", "{}"));
  });
});

describe("commit rows", () => {
  const row = { at: 5, commitNo: 1, count: 2, epoch: 3, prev: NO_HASH, root: sha256Hex("root") };

  test("are canonical JSON and read back as they were", () => {
    const { text, hash } = sealCommit(row);
    expect(text).toBe(canonicalJson({ ...row, v: 1 }));
    expect(hash).toBe(sha256Hex(`baton/commit/v1\n${text}`));
    expect(readCommit(text)).toEqual(row);
  });

  test.each(["", "null", "[]", '{"v":1}', sealCommit(row).text.replace('"count":2', '"count":-2')])(
    "that are damaged are refused: %s",
    (text) => {
      expect(() => readCommit(text)).toThrow(expect.objectContaining({ code: "JOURNAL_BROKEN" }));
    },
  );

  test("of a later format are refused as unknown", () => {
    expect(() => readCommit(sealCommit(row).text.replace('"v":1', '"v":2'))).toThrow(
      expect.objectContaining({ code: "ENTRY_UNKNOWN" }),
    );
  });
});
