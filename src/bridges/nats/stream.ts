/** The JetStream stream: made where it is not there, and checked where it is. */
import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import type { BusContext } from "../../ports/bus.ts";
import type { NatsSettings } from "./options.ts";

const NANOS = 1_000_000;

/** What of the stream reading relies on. */
export interface StreamState {
  /** When it was made: one that was deleted and made again is another log. */
  readonly log: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** @throws Error with what is wrong with the stream */
export async function ensureStream(
  jsm: JetStreamManager,
  settings: NatsSettings,
  topics: BusContext["topics"],
): Promise<void> {
  const info = (await streamInfo(jsm, settings.stream)) ?? (await make(jsm, settings, topics));
  const problem = problemWith(info, settings);
  if (problem !== undefined) throw new Error(`Stream ${settings.stream} can't be used: ${problem}`);
}

/** How the stream stands now. */
export async function streamState(jsm: JetStreamManager, name: string): Promise<StreamState> {
  const { created, state } = await jsm.streams.info(name);
  return { log: created, firstSeq: state.first_seq, lastSeq: state.last_seq };
}

async function streamInfo(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (error instanceof Error && /stream not found/i.test(error.message)) return undefined;
    throw error;
  }
}

async function make(
  jsm: JetStreamManager,
  settings: NatsSettings,
  topics: BusContext["topics"],
): Promise<StreamInfo> {
  const { stream, prefix, create, duplicateWindowMs, replicas } = settings;
  if (!create) throw new Error(`There is no stream ${stream}, and it is not to be made.`);
  const maxAgeMs = settings.maxAgeMs ?? longestRetention(topics);
  // No age may be shorter than the window in which duplicates are recognised.
  const windowMs = maxAgeMs === 0 ? duplicateWindowMs : Math.min(duplicateWindowMs, maxAgeMs);
  try {
    return await jsm.streams.add({
      name: stream,
      subjects: [`${prefix}.>`],
      retention: "limits",
      storage: "file",
      discard: "old",
      num_replicas: replicas,
      max_age: maxAgeMs * NANOS,
      duplicate_window: windowMs * NANOS,
    });
  } catch (error) {
    // Another deployment may have made it in between, with an age of its own.
    const there = await streamInfo(jsm, stream);
    if (there !== undefined) return there;
    throw error;
  }
}

/** 0 is for ever: where one topic is kept so, all are. */
function longestRetention(topics: BusContext["topics"]): number {
  const all = topics.map(({ retentionMs = 0 }) => retentionMs);
  return all.includes(0) ? 0 : Math.max(0, ...all);
}

function problemWith({ config }: StreamInfo, { prefix }: NatsSettings): string | undefined {
  const wanted = `${prefix}.>`;
  if (!config.subjects.includes(wanted) && !config.subjects.includes(">"))
    return `it takes ${config.subjects.join(", ")}, and not ${wanted}.`;
  if (config.retention !== "limits")
    return `its retention is ${config.retention}: events that one group took would be gone for the others. It must be limits.`;
  if (config.no_ack === true) return "it acknowledges nothing (no_ack).";
  return undefined;
}
