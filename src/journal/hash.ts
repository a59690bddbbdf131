/** Hashes of the journal: SHA-256, in lower-case hex, each over bytes that say what they are the hash of. */
import { hash } from "node:crypto";

/** What stands where there is nothing before: the `prev` of a first entry and of a first commit. */
export const NO_HASH = "0".repeat(64);

/** SHA-256 of the text's UTF-8 bytes, as 64 lower-case hex digits. */
export function sha256Hex(text: string): string {
  return hash("sha256", text, "hex");
}

/**
 * The hash of an entry: over its exact stored text with its place as domain, so that an entry moved to another stream no
 * longer has the hash that it says. Names must not contain a line feed (streams are made of ids, which cannot).
 */
export function hashEntry(namespace: string, stream: string, text: string): string {
  return hash("sha256", `baton/entry/v1\n${namespace}\n${stream}\n${text}`, "hex");
}
