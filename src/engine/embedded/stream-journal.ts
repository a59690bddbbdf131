/**
 * Appends to the streams that this process alone writes and that are no run's: of breakers, budgets, subscriptions and projections.
 *
 * A store that can't commit now is tried again until the engine stops; an append whose answer was lost is recognised as its own.
 */
import { readStream } from "../../history/read.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { seal, type Sealed } from "../../journal/seal.ts";
import type { Entry, Fact } from "../../model/entry.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { StreamIndex, StreamName } from "../../ports/journal-store.ts";
import { fence } from "./actors.ts";
import type { Core } from "./core.ts";

/** Pause before an append that the store could not do is tried again. */
const APPEND_RETRY_MS = 1_000;

/** Where a stream ends: the hash, place and time of its newest entry. */
export interface StreamEnd {
  readonly hash: string;
  readonly seq: number;
  readonly at: number;
}

/** The end of a stream that has no entry yet. */
export const NO_ENTRY: StreamEnd = { hash: NO_HASH, seq: -1, at: 0 };

/** Where the next entry of a stream stands: never before the one that it follows, whatever the clock says. */
export function placeAfter(end: StreamEnd, nowMs: number): Pick<Fact, "seq" | "at"> {
  return { seq: end.seq + 1, at: Math.max(end.at, nowMs) };
}

/**
 * Adds facts to a stream: gives its new end once they are in the journal.
 * @param index what the store's index is to say of the stream
 * @throws BatonError what the engine stopped with
 */
export async function extendStream(
  core: Core,
  stream: StreamName,
  end: StreamEnd,
  facts: readonly Fact[],
  index: StreamIndex,
): Promise<StreamEnd> {
  const { epoch, limits } = core;
  const { inlinePayloadBytesMax } = limits;
  const sealed = seal({ ...stream, epoch, prev: end.hash, inlinePayloadBytesMax }, facts);
  if (!(await tryCommitStream(core, stream, sealed, { expectedSeq: end.seq, index }))) {
    const message = `${stream.stream} was written by somebody else.`;
    throw core.stopped ?? new BatonError("INVARIANT_BROKEN", message);
  }
  const { seq, at } = facts.at(-1) ?? end;
  return { hash: sealed.head, seq, at };
}

/** The newest entry of a stream; undefined where it has none. */
export async function newestIn(
  { store }: Pick<Core, "store">,
  stream: StreamName,
): Promise<{ readonly end: StreamEnd; readonly entry: Entry } | undefined> {
  const head = await store.head(stream);
  if (head === undefined) return undefined;
  for await (const { entry, hash } of readStream(store, stream, head.lastSeq))
    return { end: { hash, seq: entry.seq, at: entry.at }, entry };
  return undefined;
}

/** Whether the entries are in the journal: false where the stream does not end as expected, nor with them. */
async function tryCommitStream(
  core: Core,
  stream: StreamName,
  sealed: Sealed,
  { expectedSeq, index }: { readonly expectedSeq: number; readonly index: StreamIndex },
): Promise<boolean> {
  const entries = sealed.entries.map((entry) => entry.stored);
  for (;;) {
    if (core.stopped !== undefined) throw core.stopped;
    try {
      const result = await core.store.append({
        streams: [{ ...stream, expectedSeq, entries, index }],
        blobs: sealed.blobs,
        epoch: core.epoch,
      });
      if (result.kind === "appended" || (await isOurs(core, stream, sealed))) return true;
      if (result.kind === "conflict") return false;
      // Which stops the engine, and so ends this as well.
      fence(core);
    } catch (error) {
      const stopped: BatonError | undefined = core.stopped;
      if (stopped !== undefined || !isBatonError(error, "STORE_FAILED")) throw stopped ?? error;
      const message = `${stream.stream} could not be written: ${error.message} Tried again in ${APPEND_RETRY_MS} ms.`;
      core.log({ level: "error", message, at: core.clock.now() });
      await new Promise<void>((resolve) => core.clock.after(APPEND_RETRY_MS, resolve));
    }
  }
}

/** A stream of one entry: whether it is this one; false where another was there first. @throws BatonError what the engine stopped with */
export async function commitAlone(
  core: Core,
  stream: string,
  fact: Fact,
  index: StreamIndex,
): Promise<boolean> {
  const { namespace, epoch, limits } = core;
  const { inlinePayloadBytesMax } = limits;
  const sealed = seal({ namespace, stream, epoch, prev: NO_HASH, inlinePayloadBytesMax }, [fact]);
  return await tryCommitStream(core, { namespace, stream }, sealed, { expectedSeq: -1, index });
}

/** Whether the stream ends with this very entry: it was committed, and the answer was lost. */
async function isOurs(core: Core, stream: StreamName, { entries }: Sealed): Promise<boolean> {
  const stored = await core.store.read(stream, entries[0]?.stored.seq ?? 0, entries.length + 1);
  return (
    stored.length === entries.length &&
    stored.every(({ hash }, i) => hash === entries[i]?.stored.hash)
  );
}
