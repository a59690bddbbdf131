/**
 * The stream of one breaker: transitions, appended one after the other.
 *
 * Owns the stream's head.
 */
import type { Transition } from "../../decide/breaker.ts";
import { breakerStream } from "../../model/breaker.ts";
import type { Author, Fact } from "../../model/entry.ts";
import type { StreamName } from "../../ports/journal-store.ts";
import type { Core } from "./core.ts";
import { extendStream, NO_ENTRY, placeAfter, type StreamEnd } from "./stream-journal.ts";

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
  const { seq, at } = newest?.fact ?? NO_ENTRY;
  let end: StreamEnd = { hash: newest?.hash ?? NO_ENTRY.hash, seq, at };
  let last: Promise<void> = Promise.resolve();

  const write = async (transition: Transition, by: Author, nowMs: number): Promise<void> => {
    // A transition is a draft without its author; with both, and its place, it is a fact of the same kind.
    const fact = { ...transition, by, ...placeAfter(end, nowMs) } as Fact;
    const index = { status: STATUS[transition.kind], open: false, type: name };
    end = await extendStream(core, stream, end, [fact], index);
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
