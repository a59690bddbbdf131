/** What is appended to a thread's stream for a checkpoint, and for writes: only what the thread does not have yet. */
import { sha256Hex } from "../../journal/hash.ts";
import type { Json } from "../../model/json.ts";
import type { Change } from "./folded.ts";
import {
  baseFor,
  contentKey,
  differenceOf,
  type Piece,
  type Place,
  type Serialized,
  SHORT_LENGTH_MAX,
  storedDifference,
  storedPlace,
  storedWhole,
  WHOLE_LENGTH_MAX,
} from "./piece.ts";
import type { Texts } from "./texts.ts";
import { checkpointKey, contentOf, type Thread, versionKey, writeKey } from "./thread.ts";

/** A difference may have this part of the text: a longer one would save less than it costs to put together. */
const DIFFERENCE_SHARE_MAX = 0.5;
/** So many differences at the most stand between a text and the whole one that it goes back to. */
const DIFFERENCES_MAX = 64;

/** A checkpoint as its serializer gave it, part by part. */
export interface NewCheckpoint {
  readonly ns: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly frame: Serialized;
  readonly metadata: Serialized;
  readonly channels: readonly NewChannel[];
}

export interface NewChannel {
  readonly name: string;
  readonly version: number | string | undefined;
  /** Whether LangGraph says that its version is new with this checkpoint. */
  readonly isNew: boolean;
  readonly value: Serialized;
}

export interface NewWrites {
  readonly ns: string;
  readonly id: string;
  readonly writer: string;
  readonly path: string;
  readonly writes: readonly NewWrite[];
}

export interface NewWrite {
  readonly index: number;
  readonly channel: string;
  readonly value: Serialized;
}

/** Where the pieces of one append are made: the thread as it is, and how to read what it has. */
export interface Keeping {
  readonly stream: string;
  readonly thread: Thread;
  readonly texts: Texts;
}

export async function checkpointChanges(
  at: Keeping,
  checkpoint: NewCheckpoint,
): Promise<readonly Change[]> {
  const { ns, id, parent } = checkpoint;
  const { thread } = at;
  const before =
    parent === undefined ? undefined : thread.checkpoints.get(checkpointKey(ns, parent));
  const keeper = pieceKeeper(at);
  const frame = await keeper.keep(checkpoint.frame, before?.frame);
  const metadata = await keeper.keep(checkpoint.metadata, before?.metadata);
  const gone = new Set(before?.channels.keys());
  const channels: [string, number | string | null, Json][] = [];
  for (const { name, version, isNew, value } of checkpoint.channels) {
    const isKept = version !== undefined && thread.versions.has(versionKey(ns, name, version));
    // What is neither new nor known by its version is none of the thread's: LangGraph says by `newVersions` what is.
    if (!isNew && !isKept) continue;
    gone.delete(name);
    const previous = before?.channels.get(name);
    const isSame = previous !== undefined && contentOf(previous) === contentKey(value);
    if (isSame && isKept) continue;
    channels.push([name, version ?? null, await keeper.keep(value, previous)]);
  }
  return [
    ...keeper.apart,
    {
      kind: "thread.checkpointed",
      payload: {
        ns,
        id,
        ...(parent === undefined ? {} : { parent }),
        ...(before === undefined ? {} : { base: before.seq }),
      },
      value: { frame, metadata, channels, gone: [...gone] },
    },
  ];
}

export async function writesChanges(at: Keeping, written: NewWrites): Promise<readonly Change[]> {
  const { ns, id, writer, path } = written;
  const key = checkpointKey(ns, id);
  const known = at.thread.writes.get(key);
  const channels = at.thread.checkpoints.get(key)?.channels;
  const keeper = pieceKeeper(at);
  const value: [number, string, Json][] = [];
  for (const { index, channel, value: each } of written.writes) {
    // What a writer has written stands; only the special ones are replaced.
    if (index >= 0 && known?.has(writeKey(writer, index)) === true) continue;
    value.push([index, channel, await keeper.keep(each, channels?.get(channel))]);
  }
  if (value.length === 0) return [];
  return [...keeper.apart, { kind: "thread.written", payload: { ns, id, writer, path }, value }];
}

/** Makes the pieces of one append; `apart` has the entries that must come before the one which they are for. */
function pieceKeeper({ stream, thread, texts }: Keeping) {
  const apart: Change[] = [];
  const here = new Map<string, Place>();

  async function keep(value: Serialized, previous: Piece | undefined): Promise<Json> {
    const key = contentKey(value);
    const known = thread.byContent.get(key)?.place ?? here.get(key);
    if (known !== undefined) return storedPlace(known);
    if (value.text.length <= SHORT_LENGTH_MAX) return storedWhole(value);
    const difference = previous === undefined ? undefined : await keepDifference(value, previous);
    if (difference !== undefined) return difference;
    if (value.text.length <= WHOLE_LENGTH_MAX) return storedWhole(value);
    const place: Place = [thread.lastSeq + 1 + apart.length, 0];
    const { type, base64, text } = value;
    const payload = { type, sha256: sha256Hex(text), ...(base64 ? { base64 } : {}) };
    apart.push({ kind: "thread.valued", payload, value: text });
    here.set(key, place);
    return storedPlace(place);
  }

  async function keepDifference(value: Serialized, previous: Piece): Promise<Json | undefined> {
    if (value.base64 || previous.base64 || previous.type !== value.type) return undefined;
    for (const base of new Set([baseFor(previous), previous])) {
      if (base === previous && differencesOf(previous) >= DIFFERENCES_MAX) continue;
      const difference = differenceOf(await texts.of(stream, base), value.text);
      if (difference.text.length <= value.text.length * DIFFERENCE_SHARE_MAX)
        return storedDifference(base, previous.age + 1, difference, sha256Hex(value.text));
    }
    return undefined;
  }

  return { keep, apart };
}

function differencesOf(piece: Piece): number {
  let count = 0;
  for (let at = piece; at.body.kind === "difference"; at = at.body.of) count += 1;
  return count;
}
