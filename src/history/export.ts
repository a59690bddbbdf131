/**
 * Export: a run's journal as one file that another program can verify offline (docs/journal.md says how).
 *
 * Lines of canonical JSON, each ended by a line feed: a header, then the stored entries in order, each blob directly before
 * the first entry that refers to it, then an end line that counts them, so that a cut-off file is recognised.
 */
import { canonicalJson } from "../journal/canonical.ts";
import { NO_HASH } from "../journal/hash.ts";
import { runStream } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import type { Json } from "../model/json.ts";
import type { StreamName } from "../ports/journal-store.ts";
import { type EntrySource, readStored } from "./read.ts";

/** The version of the file's own form; entries carry theirs. */
export const EXPORT_FORMAT = 1;

/**
 * The lines of a run's export, line feeds included. What is there is given as it is stored, whether it verifies or not.
 * @throws BatonError RUN_NOT_FOUND; JOURNAL_BROKEN where a seq or a blob is missing
 */
export async function* exportRun(
  store: EntrySource,
  namespace: string,
  runId: string,
): AsyncGenerator<string, void, undefined> {
  const stream: StreamName = { namespace, stream: runStream(runId) };
  yield line({ format: "baton-journal", v: EXPORT_FORMAT, ...stream });
  const written = new Set<string>();
  let entries = 0;
  let head: string = NO_HASH;
  for await (const { text, hash, seq } of readStored(store, stream)) {
    for (const sha256 of blobsOf(text)) {
      if (written.has(sha256)) continue;
      written.add(sha256);
      const blob = await store.blob(sha256);
      if (blob === undefined) {
        throw new BatonError(
          "JOURNAL_BROKEN",
          `The blob ${sha256} of entry ${seq} of ${stream.stream} is missing.`,
          {
            details: { ...stream, seq, sha256 },
          },
        );
      }
      yield line({ sha256, text: blob });
    }
    yield line({ hash, text });
    entries += 1;
    head = hash;
  }
  yield line({ blobs: written.size, entries, head });
}

function line(value: Json): string {
  return `${canonicalJson(value)}\n`;
}

/** The blobs that an entry refers to: payload fields named `<field>Blob`, in the order of their names. */
function blobsOf(text: string): readonly string[] {
  let payload: unknown;
  try {
    // An entry is an object with a payload; whether this one is, is looked at next.
    payload = (JSON.parse(text) as { readonly payload?: unknown } | null)?.payload;
  } catch {
    // It was changed: whoever verifies the file will say so.
    return [];
  }
  if (typeof payload !== "object" || payload === null) return [];
  const fields: readonly (readonly [string, unknown])[] = Object.entries(payload);
  return fields.flatMap(([field, value]) => {
    if (!field.endsWith("Blob") || typeof value !== "object" || value === null) return [];
    return "sha256" in value && typeof value.sha256 === "string" ? [value.sha256] : [];
  });
}
