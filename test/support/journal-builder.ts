/**
 * Journals for tests: facts sealed into a chain by the real sealing, kept in memory, with no engine and no store around them.
 */
import type { EntrySource, RecordedEntry } from "../../src/history/read.ts";
import { NO_HASH } from "../../src/journal/hash.ts";
import { seal } from "../../src/journal/seal.ts";
import type { Draft, Fact } from "../../src/model/entry.ts";
import { runStream } from "../../src/model/entry.ts";
import type { Json } from "../../src/model/json.ts";
import type { StoredEntry } from "../../src/ports/journal-store.ts";

export const NAMESPACE = "default";
export const BEGAN_AT = 1_790_000_000_000;
const ENGINE = { kind: "engine", id: "baton" } as const;

export interface BuiltJournal {
  readonly run: string;
  readonly facts: readonly Fact[];
  readonly entries: readonly RecordedEntry[];
  readonly stored: readonly StoredEntry[];
  readonly blobs: ReadonlyMap<string, string>;
  readonly source: EntrySource;
}

/** Seals facts that have their place and time already. */
export function journalOfFacts(
  run: string,
  facts: readonly Fact[],
  inlinePayloadBytesMax = 32_768,
): BuiltJournal {
  const context = {
    namespace: NAMESPACE,
    stream: runStream(run),
    epoch: 1,
    prev: NO_HASH,
    inlinePayloadBytesMax,
  };
  const sealed = seal(context, facts);
  const stored = sealed.entries.map((each) => each.stored);
  const blobs = new Map(sealed.blobs.map(({ sha256, text }) => [sha256, text]));
  const entries = sealed.entries.map(({ entry, stored: { hash }, value }) => ({
    entry,
    hash,
    ...(value === undefined ? {} : { value }),
  }));
  return { run, facts, entries, stored, blobs, source: sourceOf(stored, blobs) };
}

/** Seals drafts, one millisecond apart. */
export function journalOf(
  drafts: readonly Draft[],
  run = "r1",
  inlinePayloadBytesMax = 32_768,
): BuiltJournal {
  // A draft with its place and time is the fact of the same kind.
  const facts = drafts.map((draft, seq) => ({ ...draft, seq, at: BEGAN_AT + seq }) as Fact);
  return journalOfFacts(run, facts, inlinePayloadBytesMax);
}

/** Stored entries and blobs as a store gives them, two entries to a page, so that paging is always exercised. */
export function sourceOf(
  stored: readonly StoredEntry[],
  blobs: ReadonlyMap<string, string>,
): EntrySource {
  return {
    read: (stream, fromSeq, limit = 1_000) =>
      Promise.resolve(
        stream.stream.startsWith("run/")
          ? stored.filter(({ seq }) => seq >= fromSeq).slice(0, limit)
          : [],
      ),
    blob: (sha256) => Promise.resolve(blobs.get(sha256)),
  };
}

export function started(
  input: Json,
  payload: {
    readonly workflow?: string;
    readonly fork?: {
      readonly stream: string;
      readonly seq: number;
      readonly hash: string;
      readonly version: number;
    };
  } = {},
): Draft {
  const { workflow = "credit@1.0.0", fork } = payload;
  return {
    kind: "run.started",
    by: { kind: "program", id: "test" },
    payload: {
      workflow,
      manifest: "m",
      engine: "baton@0.1.0",
      ...(fork === undefined ? {} : { fork }),
    },
    value: input,
  };
}

type SealedMore = Partial<Extract<Draft, { kind: "step.sealed" }>>;

export function sealed(
  path: string,
  value: Json,
  reads: Readonly<Record<string, number>> = {},
  more: SealedMore = {},
): Draft {
  const by = { kind: "agent", id: path } as const;
  return {
    kind: "step.sealed",
    path,
    turn: 0,
    attempt: 1,
    by,
    agent: `${path}@1.0.0`,
    reads,
    payload: {},
    value,
    ...more,
  };
}

export function skipped(path: string): Draft {
  return { kind: "step.skipped", path, by: ENGINE, reads: {}, payload: { reason: "when" } };
}

export function sentBack(path: string, to: string, turn: number): Draft {
  const violations = [{ contract: "requires", path: "", rule: "good", message: "It is not good." }];
  return {
    kind: "handoff.refused",
    path,
    turn: 0,
    by: ENGINE,
    payload: { violations, then: { kind: "sendBack", to, turn } },
  };
}

export function completed(output: Json): Draft {
  return { kind: "run.completed", by: ENGINE, payload: {}, value: output };
}
