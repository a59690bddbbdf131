/**
 * What rows say of the stream that their entry is in: the workflow, the correlation id, how many versions there are. It is
 * derived from the stream alone, so that nothing has to be kept between two processes; what was derived is remembered for a while.
 */
import { type Entry, type EntryKind } from "../../model/entry.ts";
import { SEALING_KINDS } from "../../model/entry-kinds.ts";
import type { JournalStore, StreamName } from "../../ports/journal-store.ts";

export interface StreamFacts {
  readonly workflow: string | undefined;
  /** Undefined for a stream that is neither a run nor an event. */
  readonly correlation: string | undefined;
  /** Versions that were sealed up to and with the entry; 0 for what is no run. */
  readonly versions: number;
}

export interface StreamBook {
  /** The facts as of `entry`. Cheap where entries of a stream come in their order. */
  at(name: StreamName, entry: Entry): Promise<StreamFacts>;
}

interface Remembered {
  readonly seq: number;
  readonly facts: StreamFacts;
}

/** Streams that are remembered; those that were asked for longest ago go first. */
const REMEMBERED_MAX = 20_000;
const ENTRIES_AT_ONCE = 1_000;

export function streamBook(store: JournalStore): StreamBook {
  const remembered = new Map<string, Remembered>();

  /** Reads the stream from `from` up to before an entry. */
  async function upTo(
    name: StreamName,
    seq: number,
    from: Remembered | undefined,
  ): Promise<StreamFacts> {
    let facts = from?.facts ?? NOTHING;
    let next = (from?.seq ?? -1) + 1;
    while (next < seq) {
      const page = await store.read(name, next, Math.min(ENTRIES_AT_ONCE, seq - next));
      if (page.length === 0) break;
      // What is read here was looked at when it was exported.
      for (const { text } of page) facts = after(facts, name, JSON.parse(text) as Entry);
      next += page.length;
    }
    return facts;
  }

  return {
    async at(name, entry) {
      if (!HAS_FACTS.test(name.stream)) return NOTHING;
      const key = `${name.namespace}\n${name.stream}`;
      const last = remembered.get(key);
      const from = last !== undefined && last.seq < entry.seq ? last : undefined;
      const facts = after(await upTo(name, entry.seq, from), name, entry);
      remembered.delete(key);
      remembered.set(key, { seq: entry.seq, facts });
      if (remembered.size > REMEMBERED_MAX) {
        const [oldest] = remembered.keys();
        if (oldest !== undefined) remembered.delete(oldest);
      }
      return facts;
    },
  };
}

/** Streams of runs and of events. Of others no row says anything, and they may be long. */
const HAS_FACTS = /^(run|event)\//;
const NOTHING: StreamFacts = { workflow: undefined, correlation: undefined, versions: 0 };
const BEGINNINGS: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "run.started",
  "run.refused",
  "event.published",
]);

function after(
  facts: StreamFacts,
  { stream }: StreamName,
  { seq, kind, payload }: Entry,
): StreamFacts {
  const sealed = SEALING_KINDS.has(kind) ? 1 : 0;
  if (seq > 0 || !BEGINNINGS.has(kind))
    return sealed === 0 ? facts : { ...facts, versions: facts.versions + 1 };
  const { workflow, correlation } = payload;
  return {
    workflow: typeof workflow === "string" ? workflow : undefined,
    // Absent where it is the run's, or the event's, own id.
    correlation:
      typeof correlation === "string" ? correlation : stream.slice(stream.indexOf("/") + 1),
    versions: sealed,
  };
}
