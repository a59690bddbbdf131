/**
 * The stream of one breaker: transitions, appended one after the other.
 *
 * Owns the stream's head.
 */
import type { Transition } from "../../decide/breaker.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { seal } from "../../journal/seal.ts";
import { breakerStream } from "../../model/breaker.ts";
import type { Author, Fact } from "../../model/entry.ts";
import type { StreamName } from "../../ports/journal-store.ts";
import type { Core } from "./core.ts";
import { commitStream } from "./stream-journal.ts";

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
    const index = { status: STATUS[transition.kind], open: false, type: name };
    await commitStream(core, stream, sealed, { expectedSeq: lastSeq, index });
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
