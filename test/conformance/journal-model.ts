/** The pieces of the journal store suite: parts of requests, the model that a store is compared with, and the check of its commits. */
import { expect } from "vitest";
import { hashCommit, readCommit } from "../../src/journal/commit.ts";
import { NO_HASH, sha256Hex } from "../../src/journal/hash.ts";
import { merkleRoot } from "../../src/journal/merkle.ts";
import type {
  AppendRequest,
  AppendResult,
  JournalStore,
  StoredEntry,
  StreamAppend,
  StreamIndex,
} from "../../src/ports/journal-store.ts";

export const INDEX: StreamIndex = { status: "running", open: true, type: "w@1" };

/** Entries of any text: a store does not look into them. */
export function entries(stream: string, fromSeq: number, count: number, mark = ""): StoredEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const text = `{"mark":"${mark}","seq":${fromSeq + i},"stream":"${stream}"}`;
    return { seq: fromSeq + i, text, hash: sha256Hex(text) };
  });
}

export function part(
  stream: string,
  expectedSeq: number,
  count = 1,
  more: Partial<StreamAppend> = {},
): StreamAppend {
  return {
    namespace: "default",
    stream,
    expectedSeq,
    entries: entries(stream, expectedSeq + 1, count),
    index: INDEX,
    ...more,
  };
}

export interface PlannedRequest {
  readonly parts: readonly {
    readonly stream: string;
    readonly off: number;
    readonly count: number;
  }[];
  readonly stale: boolean;
}

/** Sends the requests of each turn at once, and compares with lists that take them one by one. */
export async function followPlan(
  store: JournalStore,
  epoch: number,
  plan: readonly (readonly PlannedRequest[])[],
): Promise<void> {
  const model = new Map<string, string[]>();
  let commits = 0;
  for (const [turnNo, turn] of plan.entries()) {
    const sent: Promise<AppendResult>[] = [];
    const expected: unknown[] = [];
    let wrote = false;
    for (const [requestNo, { parts, stale }] of turn.entries()) {
      const streams = parts.map(({ stream, off, count }) => {
        const expectedSeq = Math.max(-1, (model.get(stream)?.length ?? 0) - 1 + off);
        const mark = `${turnNo}.${requestNo}`;
        return part(stream, expectedSeq, count, {
          entries: entries(stream, expectedSeq + 1, count, mark),
        });
      });
      const request: AppendRequest = { streams, epoch: stale ? epoch + 1 : epoch };
      sent.push(store.append(request));
      const conflict = streams.find(
        ({ stream, expectedSeq }) => expectedSeq !== (model.get(stream)?.length ?? 0) - 1,
      );
      if (stale) expected.push({ kind: "fenced", epoch: epoch + 1, currentEpoch: epoch });
      else if (conflict !== undefined)
        expected.push(expect.objectContaining({ kind: "conflict", stream: conflict.stream }));
      else {
        for (const { stream, entries: added } of streams) {
          model.set(stream, [...(model.get(stream) ?? []), ...added.map(({ text }) => text)]);
        }
        wrote = true;
        expected.push({ kind: "appended", commitNo: commits + 1 });
      }
    }
    expect(await Promise.all(sent)).toEqual(expected);
    if (wrote) commits += 1;
  }
  for (const [stream, texts] of model) {
    const stored = await store.read({ namespace: "default", stream }, 0);
    expect(stored.map(({ text }) => text)).toEqual(texts);
    expect(stored.map(({ seq }) => seq)).toEqual(texts.map((_, seq) => seq));
    expect((await store.head({ namespace: "default", stream }))?.lastSeq).toBe(texts.length - 1);
  }
  expect(await store.heads({})).toHaveLength(model.size);
  expect(await store.commits(0, 1_000)).toHaveLength(commits);
  await checkCommits(store);
}

/** Every commit has the next number, the hash of the one before, and the root over the entries that arrived in it. */
export async function checkCommits(store: JournalStore): Promise<void> {
  let prev = NO_HASH;
  let commitNo = 0;
  const arrived = [...(await store.arrivals(undefined, 100_000))];
  for (const commit of await store.commits(0, 10_000)) {
    commitNo += 1;
    const row = readCommit(commit.text);
    const hashes: string[] = [];
    for (const { stream, fromSeq, count } of commit.entries) {
      for (let i = 0; i < count; i += 1) {
        const entry = arrived.shift();
        expect([entry?.stream, entry?.seq]).toEqual([stream, fromSeq + i]);
        hashes.push(entry?.hash ?? "");
      }
    }
    expect(row).toMatchObject({ commitNo, prev, count: hashes.length, root: merkleRoot(hashes) });
    expect(commit).toMatchObject({ commitNo, hash: hashCommit(commit.text) });
    prev = commit.hash;
  }
  expect(arrived).toEqual([]);
}
