/**
 * Appends to the streams that this process alone writes and that are no run's: of breakers and budgets.
 *
 * A store that can't commit now is tried again until the engine stops; an append whose answer was lost is recognised as its own.
 */
import { NO_HASH } from "../../journal/hash.ts";
import { seal, type Sealed } from "../../journal/seal.ts";
import type { Fact } from "../../model/entry.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { StreamIndex, StreamName } from "../../ports/journal-store.ts";
import { fence } from "./actors.ts";
import type { Core } from "./core.ts";

/** Pause before an append that the store could not do is tried again. */
const APPEND_RETRY_MS = 1_000;

/** Where a stream is expected to end, and what the store's index is to say of it. */
interface StreamEnd {
  readonly expectedSeq: number;
  readonly index: StreamIndex;
}

/** Resolves once the entries are in the journal. @throws BatonError what the engine stopped with */
export async function commitStream(
  core: Core,
  stream: StreamName,
  sealed: Sealed,
  end: StreamEnd,
): Promise<void> {
  if (await tryCommitStream(core, stream, sealed, end)) return;
  const message = `${stream.stream} was written by somebody else.`;
  throw core.stopped ?? new BatonError("INVARIANT_BROKEN", message);
}

/** The same of a stream that others may have written: false where it does not end as expected, nor with these entries. */
export async function tryCommitStream(
  core: Core,
  stream: StreamName,
  sealed: Sealed,
  { expectedSeq, index }: StreamEnd,
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
