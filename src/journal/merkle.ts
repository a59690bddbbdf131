/**
 * The Merkle root of a commit: the tree of RFC 6962 over the hashes of its entries.
 *
 * The leaves are the entry hashes themselves (they are hashes over a domain of their own already); an inner node is
 * SHA-256(0x01 || left || right); a list is split at the largest power of two below its length. Pairing neighbours level by
 * level, with an odd one carried up unchanged, makes the same tree.
 */
import { hash } from "node:crypto";
import { invariant } from "../model/errors.ts";

const HASH_BYTES = 32;

/** The root (hex) over at least one hash (hex, 64 digits each). Costs one SHA-256 less than there are hashes. */
export function merkleRoot(hashes: readonly string[]): string {
  invariant(hashes.length > 0, "A Merkle tree needs a leaf.");
  const nodes = Buffer.allocUnsafe(hashes.length * HASH_BYTES);
  for (let i = 0; i < hashes.length; i += 1) nodes.write(hashes[i] ?? "", i * HASH_BYTES, "hex");
  const pair = Buffer.allocUnsafe(1 + 2 * HASH_BYTES);
  pair[0] = 1;
  for (let width = hashes.length; width > 1; width = Math.ceil(width / 2)) {
    for (let left = 0; left < width; left += 2) {
      const to = (left / 2) * HASH_BYTES;
      const from = left * HASH_BYTES;
      if (left + 1 === width) {
        nodes.copy(nodes, to, from, from + HASH_BYTES);
      } else {
        nodes.copy(pair, 1, from, from + 2 * HASH_BYTES);
        nodes.write(hash("sha256", pair, "binary"), to, "latin1");
      }
    }
  }
  return nodes.toString("hex", 0, HASH_BYTES);
}
