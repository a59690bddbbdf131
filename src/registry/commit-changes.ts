/** Writes changes of registered names to their streams, in one append: all of them or none. */
import { seal } from "../journal/seal.ts";
import type { Author, Fact, FactOf } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import type { JsonObject } from "../model/json.ts";
import { DEFAULT_LIMITS } from "../model/limits.ts";
import type { Blob, StreamAppend } from "../ports/journal-store.ts";
import type { RegistryHost } from "../ports/registry.ts";
import { type NameRecord, registryStream } from "./name-record.ts";

type RegistryKind =
  | "registry.published"
  | "registry.aliased"
  | "registry.granted"
  | "registry.revoked"
  | "registry.owned";

/** What is to be said of a name. */
export type Change = {
  readonly [K in RegistryKind]: {
    readonly record: NameRecord;
    readonly kind: K;
    readonly payload: FactOf<K>["payload"];
    readonly value?: JsonObject;
  };
}[RegistryKind];

/** @throws BatonError STORE_READ_ONLY, STORE_FENCED, and what the store throws */
export async function commitChanges(
  { store, namespace, now, epoch }: RegistryHost,
  changes: readonly Change[],
  by: string,
): Promise<void> {
  if (changes.length === 0) return;
  if (epoch === undefined)
    throw new BatonError("STORE_READ_ONLY", `${store.label} was opened for reading only.`);
  const author: Author = { kind: "person", id: by };
  const streams: StreamAppend[] = [];
  const blobs: Blob[] = [];
  for (const [stream, told] of byStream(changes)) {
    const [{ record }] = told;
    const facts = told.map(({ kind, payload, value }, i) => {
      const at = Math.max(record.at, now());
      const valued = value === undefined ? {} : { value };
      // Change pairs each kind with its own payload; the correlation is lost when it is taken apart.
      return { kind, payload, by: author, seq: record.seq + 1 + i, at, ...valued } as Fact;
    });
    const { inlinePayloadBytesMax } = DEFAULT_LIMITS;
    const context = { namespace, stream, epoch, prev: record.hash, inlinePayloadBytesMax };
    const sealed = seal(context, facts);
    const entries = sealed.entries.map((entry) => entry.stored);
    const index = { status: "registered", open: false, type: record.fullName };
    streams.push({ namespace, stream, expectedSeq: record.seq, entries, index });
    blobs.push(...sealed.blobs);
  }
  const result = await store.append({ streams, blobs, epoch });
  if (result.kind === "fenced")
    throw new BatonError("STORE_FENCED", `${store.label} was taken over by another process.`);
  if (result.kind === "conflict")
    throw new BatonError("INVARIANT_BROKEN", `${result.stream} was written by somebody else.`);
}

/** Several versions of one name may be published at once. */
function byStream(changes: readonly Change[]): ReadonlyMap<string, [Change, ...Change[]]> {
  const grouped = new Map<string, [Change, ...Change[]]>();
  for (const change of changes) {
    const { kind, fullName } = change.record;
    const stream = registryStream(kind, fullName);
    const told = grouped.get(stream);
    if (told === undefined) grouped.set(stream, [change]);
    else told.push(change);
  }
  return grouped;
}
