/**
 * Places: how far a reader of a topic has come, kept in the stream `subscription/<name>`. Each entry has the whole of it, so that
 * the newest says all.
 */
import { readStream } from "../../history/read.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { seal } from "../../journal/seal.ts";
import { type Author, type Fact } from "../../model/entry.ts";
import { type IntakeRecord, subscriptionStream } from "../../model/event-facts.ts";
import type { Core } from "./core.ts";
import { commitStream } from "./stream-journal.ts";

/** The kinds of entries in the stream of a subscription. */
export type PlaceKind =
  | "subscription.opened"
  | "subscription.moved"
  | "subscription.paused"
  | "subscription.resumed"
  | "subscription.rewound";

export interface Place {
  /** Undefined before the first entry. */
  readonly record: () => IntakeRecord | undefined;
  /** Appends, one after the other; resolves once it is in the journal. @throws BatonError what the engine stopped with */
  readonly say: (kind: PlaceKind, record: IntakeRecord, by: Author) => Promise<void>;
}

/** The place of the reader `name`, as the journal has it. */
export async function placeOf(core: Core, name: string): Promise<Place> {
  const { namespace } = core;
  const stream = { namespace, stream: subscriptionStream(name) };
  let end = { hash: NO_HASH, seq: -1, at: 0 };
  let record: IntakeRecord | undefined;
  const head = await core.store.head(stream);
  if (head !== undefined) {
    for await (const { entry, hash } of readStream(core.store, stream, head.lastSeq)) {
      // The stream has entries of these kinds only, each with the whole record.
      record = entry.payload as unknown as IntakeRecord;
      end = { hash, seq: entry.seq, at: entry.at };
    }
  }
  const write = async (kind: PlaceKind, told: IntakeRecord, by: Author) => {
    const { hash, seq } = end;
    const { epoch, limits, clock } = core;
    const { inlinePayloadBytesMax } = limits;
    const at = Math.max(end.at, clock.now());
    const fact: Fact = { kind, by, payload: told, seq: seq + 1, at };
    const context = { namespace, stream: stream.stream, epoch, prev: hash, inlinePayloadBytesMax };
    const sealed = seal(context, [fact]);
    const index = { status: told.paused ? "paused" : "open", open: false, type: told.topic };
    await commitStream(core, stream, sealed, { expectedSeq: seq, index });
    end = { hash: sealed.head, seq: seq + 1, at };
  };
  let last: Promise<void> = Promise.resolve();
  return {
    record: () => record,
    say: (kind, told, by) => {
      record = told;
      const written = last.then(() => write(kind, told, by));
      last = written.catch(() => {});
      return written;
    },
  };
}
