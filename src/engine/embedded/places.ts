/**
 * Places: how far a reader of a topic has come, kept in the stream `subscription/<name>`. Each entry has the whole of it, so that
 * the newest says all.
 */
import { type Author, type Fact } from "../../model/entry.ts";
import { type IntakeRecord, subscriptionStream } from "../../model/event-facts.ts";
import type { Core } from "./core.ts";
import { extendStream, newestIn, NO_ENTRY, placeAfter } from "./stream-journal.ts";

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
  const newest = await newestIn(core, stream);
  let end = newest?.end ?? NO_ENTRY;
  // The stream has entries of these kinds only, each with the whole record.
  let record = newest?.entry.payload as unknown as IntakeRecord | undefined;
  const write = async (kind: PlaceKind, told: IntakeRecord, by: Author) => {
    const fact: Fact = { kind, by, payload: told, ...placeAfter(end, core.clock.now()) };
    const index = { status: told.paused ? "paused" : "open", open: false, type: told.topic };
    end = await extendStream(core, stream, end, [fact], index);
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
