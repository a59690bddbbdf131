/**
 * Appends to the streams that this process alone writes and that are no run's: of breakers and budgets.
 *
 * A store that can't commit now is tried again until the engine stops; an append whose answer was lost is recognised as its own.
 */
import type { Sealed } from "../../journal/seal.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { StreamIndex, StreamName } from "../../ports/journal-store.ts";
import { fence } from "./actors.ts";
import type { Core } from "./core.ts";

/** Pause before an append that the store could not do is tried again. */
const APPEND_RETRY_MS = 1_000;

/** What is appended to a stream besides its entries. */
interface StreamPlace {
  readonly expectedSeq: number;
  readonly index: StreamIndex;
}

/** Resolves once the entries are in the journal. @throws BatonError what the engine stopped with */
export async function commitStream(
  core: Core,
  stream: StreamName,
  sealed: Sealed,
  place: StreamPlace,
): Promise<void> {
  if (await tryCommit(core, stream, sealed, place)) return;
  throw core.stopped ?? writtenByOthers(stream);
}

function writtenByOthers({ stream }: StreamName): BatonError {
  return new BatonError("INVARIANT_BROKEN", `${stream} was written by somebody else.`);
}

/** Whether the entries are in the journal; if not, the stream has others there. @throws BatonError what the engine stopped with */
export async function tryCommit(
  core: Core,
  stream: StreamName,
  sealed: Sealed,
  { expectedSeq, index }: StreamPlace,
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
      fence(core);
      throw core.stopped ?? writtenByOthers(stream);
    } catch (error) {
      const stopped: BatonError | undefined = core.stopped;
      if (stopped !== undefined || !isBatonError(error, "STORE_FAILED")) throw stopped ?? error;
      const message = `${stream.stream} could not be written: ${error.message} Tried again in ${APPEND_RETRY_MS} ms.`;
      core.log({ level: "error", message, at: core.clock.now() });
      await new Promise<void>((resolve) => core.clock.after(APPEND_RETRY_MS, resolve));
    }
  }
}

/** Whether the stream ends with this very entry: it was committed, and the answer was lost. */
async function isOurs(core: Core, stream: StreamName, { entries }: Sealed): Promise<boolean> {
  const stored = await core.store.read(stream, entries[0]?.stored.seq ?? 0, entries.length + 1);
  return (
    stored.length === entries.length &&
    stored.every(({ hash }, i) => hash === entries[i]?.stored.hash)
  );
}
