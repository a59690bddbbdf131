/** Lines to a bus outside of the store, as every engine and every reader sees them; and what was refused at them. */
import { readStream } from "../history/read.ts";
import {
  type IntakeRecord,
  type RefusedMessage,
  refusedStream,
  subscriptionStream,
} from "../model/event-facts.ts";
import { headPages } from "./head-pages.ts";
import { LAG_MAX } from "./subscriptions.ts";
import { eventsAfter, type TopicSource } from "./topic-events.ts";

/** How one topic crosses between this store and a bus outside. */
export interface BusLine {
  /** `out`: what is published here goes to the bus; `in`: what others have published comes from it. */
  readonly direction: "out" | "in";
  readonly topic: string;
  /** Kind and place of the bus; empty where only the store is read. */
  readonly bus: string;
  /** Events that are still to cross, counted up to 10,000; absent where that can't be told now. */
  readonly lag?: number;
  /** Events that are crossing now. */
  readonly underWay: number;
  /** Why the bus can't be reached now, or this topic not be read from it. */
  readonly trouble?: string;
}

/** A message that was not taken: recorded with its evidence, and settled. */
export interface RefusedLetter extends RefusedMessage {
  /** Of its stream, `refused/<ref>`. */
  readonly ref: string;
  /** When it was refused; milliseconds since 1970. */
  readonly at: number;
}

/** The group under which the place of a line is kept. */
export function lineName(direction: BusLine["direction"]): string {
  return direction === "out" ? "to-bus" : "from-bus";
}

/** Lines as the journal knows them: for a process that does not execute. */
export async function readBusLines(source: TopicSource): Promise<readonly BusLine[]> {
  const lines: BusLine[] = [];
  for (const direction of ["out", "in"] as const) {
    const prefix = subscriptionStream(`${lineName(direction)}.`);
    const filter = { namespace: source.namespace, prefix };
    for await (const heads of headPages(source.store, filter)) {
      for (const { stream, type: topic, lastSeq } of heads) {
        const base = { direction, topic, bus: "", underWay: 0 };
        const place = { namespace: source.namespace, stream };
        // How much waits on the bus, the bus alone knows.
        const lag =
          direction === "out" ? { lag: await leaving(source, topic, place, lastSeq) } : {};
        lines.push(Object.freeze({ ...base, ...lag }));
      }
    }
  }
  return lines;
}

/** Events of the journal's own that were not seen to have left it: the place is written down now and then. */
async function leaving(
  source: TopicSource,
  topic: string,
  place: { readonly namespace: string; readonly stream: string },
  lastSeq: number,
): Promise<number> {
  let after = 0;
  for await (const { entry } of readStream(source.store, place, lastSeq)) {
    // The stream has entries of places only, each with the whole record.
    after = (entry.payload as unknown as IntakeRecord).position;
  }
  let count = 0;
  while (count < LAG_MAX) {
    const page = await eventsAfter(source, topic, after);
    const last = page.at(-1);
    if (last === undefined) break;
    count += page.filter(({ facts }) => facts.origin === undefined).length;
    after = last.position;
  }
  return Math.min(count, LAG_MAX);
}

/** The newest messages that were refused, the newest first. */
export async function readRefused(
  { store, namespace }: TopicSource,
  limit: number,
): Promise<readonly RefusedLetter[]> {
  const prefix = refusedStream("");
  const heads = await store.heads({ namespace, prefix, order: "newest", limit });
  return await Promise.all(
    heads.map(async ({ stream }) => {
      const letters: RefusedLetter[] = [];
      for await (const { entry } of readStream(store, { namespace, stream })) {
        // The stream has one entry, which recordRefused wrote.
        const refused = entry.payload as unknown as RefusedMessage;
        letters.push({ ...refused, ref: stream.slice(prefix.length), at: entry.at });
      }
      return letters;
    }),
  ).then((all) => all.flat());
}
