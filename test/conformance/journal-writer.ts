/** Writes believable journals into a store, for the tests that verify them: chained entries, as src/model/entry.ts describes them. */
import { canonicalJson } from "../../src/journal/canonical.ts";
import { hashEntry, NO_HASH, sha256Hex } from "../../src/journal/hash.ts";
import type { Json } from "../../src/model/json.ts";
import type {
  AppendResult,
  Blob,
  JournalStore,
  StreamIndex,
} from "../../src/ports/journal-store.ts";

export interface JournalWriter {
  /** Appends one entry to the run; its kind decides the index. A blob is referred to from the payload. */
  write(run: string, kind: string, blob?: string): Promise<AppendResult>;
}

/** A writer under the lease of `epoch`, which keeps the heads of the runs that it writes. */
export function journalWriter(
  store: JournalStore,
  epoch: number,
  namespace = "default",
): JournalWriter {
  const heads = new Map<string, { readonly seq: number; readonly hash: string }>();
  return {
    write(run, kind, blobText) {
      const stream = `run/${run}`;
      const last = heads.get(run) ?? { seq: -1, hash: NO_HASH };
      const seq = last.seq + 1;
      const blobs: Blob[] =
        blobText === undefined ? [] : [{ sha256: sha256Hex(blobText), text: blobText }];
      const references = blobs.map(
        ({ sha256, text }) => ["outputBlob", { bytes: Buffer.byteLength(text), sha256 }] as const,
      );
      const payload: Json = {
        note: `entry ${seq} of ${run}, with some words`,
        ...Object.fromEntries(references),
      };
      const text = entryText({ namespace, stream, seq, kind, prev: last.hash, payload });
      const hash = hashEntry(namespace, stream, text);
      heads.set(run, { seq, hash });
      const part = {
        namespace,
        stream,
        expectedSeq: last.seq,
        entries: [{ seq, text, hash }],
        index: indexAfter(kind),
      };
      return store.append({ streams: [part], blobs, epoch });
    },
  };
}

/** The canonical text of an entry with these fields, and believable ones beside them. */
export function entryText(fields: { readonly [field: string]: Json }): string {
  const beside = {
    at: 1_900_000_000_000,
    by: { id: "test", kind: "engine" },
    entryId: "5f2b1c",
    path: "score",
    v: 1,
  };
  return canonicalJson({ ...beside, ...fields });
}

function indexAfter(kind: string): StreamIndex {
  const type = "credit@1.0.0";
  if (kind === "run.completed") return { status: "completed", open: false, type };
  if (kind === "run.failed") return { status: "failed", open: false, type };
  return { status: "running", open: true, type };
}
