/**
 * The stream of one breaker: transitions, appended one after the other.
 *
 * Owns the stream's head. A store that can't commit now is tried again until the engine stops; an append whose answer was
 * lost is recognised as its own.
 */
import type { Transition } from "../../decide/breaker.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { seal, type Sealed } from "../../journal/seal.ts";
import { breakerStream } from "../../model/breaker.ts";
import type { Author, Fact } from "../../model/entry.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { StreamName } from "../../ports/journal-store.ts";
import { fence } from "./actors.ts";
import type { Core } from "./core.ts";

/** Pause before an append that the store could not do is tried again. */
const APPEND_RETRY_MS = 1_000;

export interface BreakerJournal {
  /** Resolves once the transition is in the journal. @throws BatonError what the engine stopped with */
  append(transition: Transition, by: Author): Promise<void>;
}

/** The stream of the breaker `name`, which ends with `newest`. */
export function breakerJournal(
  core: Core,
  name: string,
  newest: { readonly fact: Fact; readonly hash: string } | undefined,
): BreakerJournal {
  const stream: StreamName = { namespace: core.namespace, stream: breakerStream(name) };
  let head = newest?.hash ?? NO_HASH;
  let lastSeq = newest?.fact.seq ?? -1;
  let lastAt = newest?.fact.at ?? 0;
  let last: Promise<void> = Promise.resolve();

  const write = async (transition: Transition, by: Author, nowMs: number): Promise<void> => {
    lastAt = Math.max(lastAt, nowMs);
    // A transition is a draft without its author; with both, and its place, it is a fact of the same kind.
    const fact = { ...transition, by, seq: lastSeq + 1, at: lastAt } as Fact;
    const { namespace, epoch, limits } = core;
    const { inlinePayloadBytesMax } = limits;
    const context = { namespace, stream: stream.stream, epoch, prev: head, inlinePayloadBytesMax };
    const sealed = seal(context, [fact]);
    await committed(core, stream, sealed, {
      expectedSeq: lastSeq,
      status: STATUS[transition.kind],
      name,
    });
    head = sealed.head;
    lastSeq += 1;
  };
  return {
    append: (transition, by) => {
      const nowMs = core.clock.now();
      const written = last.then(() => write(transition, by, nowMs));
      last = written;
      // Whoever waits for it is told; the next one finds the engine stopped by itself.
      written.catch(() => {});
      return written;
    },
  };
}

/** What the store's index says of the stream: the state that the transition led to. */
const STATUS: Readonly<Record<Transition["kind"], string>> = {
  "breaker.opened": "open",
  "breaker.halfOpened": "halfOpen",
  "breaker.closed": "closed",
};

interface Place {
  readonly expectedSeq: number;
  readonly status: string;
  readonly name: string;
}

async function committed(
  core: Core,
  stream: StreamName,
  sealed: Sealed,
  { expectedSeq, status, name }: Place,
): Promise<void> {
  const entries = sealed.entries.map((entry) => entry.stored);
  const index = { status, open: false, type: name };
  for (;;) {
    if (core.stopped !== undefined) throw core.stopped;
    try {
      const result = await core.store.append({
        streams: [{ ...stream, expectedSeq, entries, index }],
        blobs: sealed.blobs,
        epoch: core.epoch,
      });
      if (result.kind === "appended" || (await isOurs(core, stream, sealed))) return;
      if (result.kind === "fenced") fence(core);
      throw (
        core.stopped ??
        new BatonError("INVARIANT_BROKEN", `${stream.stream} was written by somebody else.`)
      );
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
