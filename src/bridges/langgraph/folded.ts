/**
 * Streams and what they fold to: read once, kept in memory, and brought up to date before each use.
 *
 * F1. A change is appended first, and in the state only after it.
 * F2. The changes of one stream are made one after the other, each from a state that has all before it.
 */
import { factOf, readStream } from "../../history/read.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { seal } from "../../journal/seal.ts";
import type { Draft, Fact } from "../../model/entry.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import { DEFAULT_LIMITS } from "../../model/limits.ts";
import type { StreamIndex, StreamName } from "../../ports/journal-store.ts";
import type { Opened } from "./opened.ts";

/** Where a stream's fold has come to. */
export interface FoldedState {
  lastSeq: number;
  lastHash: string | undefined;
  lastAt: number;
}

/** What a stream folds to, and how its index shows it. */
export interface Fold<S extends FoldedState> {
  readonly fresh: () => S;
  readonly apply: (state: S, fact: Fact, hash: string) => void;
  /** The status that the store's index shows after the last of these. */
  readonly status: (last: Draft) => string;
}

/** A draft without its author, which is the same for all. */
export type Change = Draft extends infer D ? (D extends Draft ? Omit<D, "by"> : never) : never;

export interface FoldedStreams<S> {
  /** The state of a stream, with all that is in the journal now. Not to be changed. */
  read(stream: string): Promise<S>;
  /** Appends what `changes` makes of the state; nothing if there are none. */
  change(
    stream: string,
    changes: (state: S) => readonly Change[] | Promise<readonly Change[]>,
  ): Promise<void>;
}

/** Streams whose fold is in memory; the one that was used longest ago is read again when it is asked for. */
const FOLDED_MAX = 100;
/** Another writer of the same store in this process has come first so often: then something is wrong. */
const CONFLICTS_MAX = 20;
const AUTHOR = { kind: "program", id: "langgraph" } as const;
export const STREAM_TYPE = "langgraph";

interface Kept<S> {
  readonly state: S;
  /** Ends when the last use of it has. */
  last: Promise<unknown>;
}

export function foldedStreams<S extends FoldedState>(
  opened: () => Opened,
  fold: Fold<S>,
): FoldedStreams<S> {
  const kept = new Map<string, Kept<S>>();

  /** One use after the other: reading the rest of a stream and appending to it are both in several turns. */
  function inTurn<X>(stream: string, use: (state: S) => Promise<X>): Promise<X> {
    const known = kept.get(stream) ?? { state: fold.fresh(), last: Promise.resolve() };
    kept.delete(stream);
    kept.set(stream, known);
    const oldest = kept.keys().next().value;
    if (kept.size > FOLDED_MAX && oldest !== undefined) kept.delete(oldest);
    const used = known.last.then(() => use(known.state));
    known.last = used.catch(() => {
      // A state that was left half-way is read again from the beginning.
      if (kept.get(stream) === known) kept.delete(stream);
    });
    return used;
  }

  return {
    read: (stream) =>
      inTurn(stream, (state) => {
        const { namespace } = opened();
        return catchUp(opened(), fold, { namespace, stream }, state);
      }),
    change: (stream, changes) =>
      inTurn(stream, async (state) => {
        const name = { namespace: opened().namespace, stream };
        for (let i = 0; i < CONFLICTS_MAX; i += 1) {
          await catchUp(opened(), fold, name, state);
          if (await append(opened(), fold, name, state, await changes(state))) return;
        }
        throw new BatonError("STORE_FAILED", `${stream} is written by others all the time.`);
      }),
  };
}

/** Brings the state up to what is in the journal. */
async function catchUp<S extends FoldedState>(
  { store }: Opened,
  fold: Fold<S>,
  stream: StreamName,
  state: S,
): Promise<S> {
  try {
    for await (const recorded of readStream(store, stream, state.lastSeq + 1))
      fold.apply(state, factOf(recorded), recorded.hash);
  } catch (error) {
    // A stream that nobody has written to is empty.
    if (!isBatonError(error, "RUN_NOT_FOUND")) throw error;
  }
  return state;
}

/** Whether the changes are in the journal, and in the state; if not, the stream has more than the state knew. */
async function append<S extends FoldedState>(
  { store, epoch, now }: Opened,
  fold: Fold<S>,
  name: StreamName,
  state: S,
  changes: readonly Change[],
): Promise<boolean> {
  const at = Math.max(now(), state.lastAt);
  // A change with its author, its place and its time is a fact of the same kind.
  const facts = changes.map(
    (change, i) => ({ ...change, by: AUTHOR, seq: state.lastSeq + 1 + i, at }) as Fact,
  );
  const last = facts.at(-1);
  if (last === undefined) return true;
  const { inlinePayloadBytesMax } = DEFAULT_LIMITS;
  const prev = state.lastHash ?? NO_HASH;
  const { namespace, stream } = name;
  const sealed = seal({ namespace, stream, epoch: epoch(), prev, inlinePayloadBytesMax }, facts);
  const result = await store.append({
    streams: [
      {
        ...name,
        expectedSeq: state.lastSeq,
        entries: sealed.entries.map(({ stored }) => stored),
        index: {
          status: fold.status(last),
          open: false,
          type: STREAM_TYPE,
        } satisfies StreamIndex,
      },
    ],
    blobs: sealed.blobs,
    epoch: epoch(),
  });
  if (result.kind === "conflict") return false;
  if (result.kind === "fenced") {
    throw new BatonError(
      "STORE_FENCED",
      `${store.label} was taken over: its epoch is ${result.currentEpoch}, not ${result.epoch}.`,
    );
  }
  for (const [i, fact] of facts.entries()) {
    const hash = sealed.entries[i]?.stored.hash ?? NO_HASH;
    fold.apply(state, fact, hash);
  }
  return true;
}
