/**
 * The lineage of a value: which agents, in which order, from which versions, led to it, up to the input.
 * Every sealing entry names the entries that it read; the lineage follows them back.
 */
import { parsePath } from "../decide/evolve.ts";
import type { FallbackMark } from "../model/breaker.ts";
import type { Author, FactOf, Opening, Position, UsageRecord } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import type { Json } from "../model/json.ts";
import { factOf, type RecordedEntry, runIdOf } from "./read.ts";
import { isSealing, keysAt, type Sealing } from "./state.ts";

/** One call within a step of several: an item of a map, a round of a repeat. */
export interface LineageItem {
  readonly path: string;
  readonly agent?: string;
  readonly seq: number;
  readonly attempt?: number;
  /** Set where a fallback agent gave it. */
  readonly fallback?: FallbackMark;
}

/** An event that a delivery took. */
export interface LineageEvent {
  readonly topic: string;
  readonly id: string;
  /** Of its entry in this run. */
  readonly seq: number;
  readonly at: number;
  /** What it was published because of, in this run: a key with its version. */
  readonly after?: { readonly key: string; readonly version: number };
  /** Where it was published, if not in this run. */
  readonly from?: Position;
}

/** One version in the ancestry of a value. */
export interface LineageNode {
  readonly key: string;
  readonly version: number;
  readonly seq: number;
  readonly turn: number;
  /** Absent for the input, and for steps that are not one call of an agent. */
  readonly agent?: string;
  /** Who sealed it: the agent, the person who approved or sent the signal, the engine. */
  readonly by: Author;
  readonly at: number;
  readonly hash: string;
  readonly inputHash?: string;
  /** Keys that were read, with the version of each. */
  readonly reads: readonly {
    readonly key: string;
    readonly version: number;
    readonly seq: number;
  }[];
  readonly value: Json;
  /** The events that a delivery was made of, in the order of the topics' names. */
  readonly events?: readonly LineageEvent[];
  readonly usage?: readonly UsageRecord[];
  /** Set where `agent` is a fallback: the agent that should have been called, and the breaker that was open. */
  readonly fallback?: FallbackMark;
  /** Set where a fork carried the value over from its parent. */
  readonly carriedFrom?: { readonly stream: string; readonly seq: number };
  /** The entry with which what gave this value was undone, by its agent or by hand. */
  readonly undone?: { readonly seq: number; readonly at: number };
  /** The case that a branch took. */
  readonly case?: string;
  /** The child run that gave the value. */
  readonly run?: string;
  /** The sealed items of a map or rounds of a repeat: how many, and the first {@link LINEAGE_ITEMS_MAX}. */
  readonly items?: { readonly count: number; readonly first: readonly LineageItem[] };
}

/** From the value back to the input: `nodes` in order of sealing, the asked one last. */
export interface Lineage {
  readonly run: string;
  readonly key: string;
  /** The place within the key's value that was asked for, as a JSON pointer. The whole value has one lineage. */
  readonly pointer?: string;
  readonly nodes: readonly LineageNode[];
}

/** A map can have 100,000 items; a person reads the first hundred, a program reads the entries. */
export const LINEAGE_ITEMS_MAX = 100;

/**
 * The lineage of a key as it was at a version (the newest if left out).
 * @param place a key, or a place within its value: `approval`, `approval/decision`; of a choreography also a topic, for what
 *   published the newest event of it.
 * @throws BatonError VERSION_NOT_FOUND, RUN_NOT_FOUND; ARGUMENT_INVALID for a key that is not there at that version
 */
export function lineageOf(
  entries: readonly RecordedEntry[],
  place: string,
  version?: number,
): Lineage {
  const run = runIdOf(entries);
  const { keys, version: at } = keysAt(entries, version);
  const asked = place.startsWith("/") ? place.slice(1) : place;
  const slash = asked.indexOf("/");
  const key = slash < 0 ? asked : asked.slice(0, slash);
  const sealing = keys.get(key) ?? publisherOf(entries, keys, key, at);
  if (sealing === undefined) {
    const present = [...keys.keys()].join(", ");
    throw new BatonError(
      "ARGUMENT_INVALID",
      `Version ${at} of run ${run} has no key "${key}"; it has: ${present}.`,
      {
        hint: "Name a key that `baton state <run>` shows at that version.",
        details: { run, version: at, key },
      },
    );
  }
  return {
    run,
    key,
    ...(slash < 0 ? {} : { pointer: asked.slice(slash) }),
    nodes: ancestors(entries, sealing),
  };
}

/** What published the newest event of a topic, up to a version. */
function publisherOf(
  entries: readonly RecordedEntry[],
  keys: ReadonlyMap<string, Sealing>,
  topic: string,
  version: number,
): Sealing | undefined {
  for (const recorded of entries.toReversed()) {
    const fact = factOf(recorded);
    if (fact.kind !== "event.published" || fact.payload.topic !== topic) continue;
    const sealing = keys.get(fact.path ?? "");
    if (sealing !== undefined && sealing.version <= version) return sealing;
  }
  return undefined;
}

/** A sealing, with what its step recorded between its opening and it. */
interface Act extends Sealing {
  readonly opened?: FactOf<"step.opened">;
  readonly items?: NonNullable<LineageNode["items"]>;
}

/** What is known of a step that is open. */
interface OpenStep {
  readonly opened: FactOf<"step.opened">;
  readonly first: LineageItem[];
  count: number;
}

/** Every sealing of the run by its seq, in one pass. */
function actsBySeq(entries: readonly RecordedEntry[]): ReadonlyMap<number, Act> {
  const acts = new Map<number, Act>();
  const open = new Map<string, OpenStep>();
  for (const recorded of entries) {
    const fact = factOf(recorded);
    const isItem = fact.kind === "item.sealed";
    const step = isItem ? parsePath(fact.path ?? "").step : (fact.path ?? "input");
    if (fact.kind === "run.restored") open.clear();
    if (fact.kind === "step.opened") open.set(step, { opened: fact, first: [], count: 0 });
    if (fact.kind === "item.sealed") noteItem(open.get(step), fact);
    if (!isSealing(fact.kind)) continue;
    acts.set(fact.seq, { key: step, version: acts.size, recorded, ...opening(open.get(step)) });
    open.delete(step);
  }
  return acts;
}

function noteItem(
  step: OpenStep | undefined,
  { path = "", seq, agent, attempt, payload }: FactOf<"item.sealed">,
): void {
  if (step === undefined) return;
  step.count += 1;
  if (step.first.length >= LINEAGE_ITEMS_MAX) return;
  step.first.push({
    path,
    seq,
    ...(agent === undefined ? {} : { agent }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(payload.fallback === undefined ? {} : { fallback: payload.fallback }),
  });
}

function opening(step: OpenStep | undefined): Pick<Act, "opened" | "items"> {
  if (step === undefined) return {};
  const { opened, count, first } = step;
  const hasItems = opened.payload.step === "map" || opened.payload.step === "repeat";
  return { opened, ...(hasItems ? { items: { count, first } } : {}) };
}

function ancestors(entries: readonly RecordedEntry[], asked: Sealing): readonly LineageNode[] {
  const acts = actsBySeq(entries);
  const undone = undoneBy(entries);
  const events = eventsBySeq(entries);
  const found = new Set<Act>();
  const ahead = [asked.recorded.entry.seq];
  for (let seq = ahead.pop(); seq !== undefined; seq = ahead.pop()) {
    const act = acts.get(causeOf(events, seq) ?? seq);
    if (act === undefined || found.has(act)) continue;
    found.add(act);
    ahead.push(...Object.values(readsOf(act)));
  }
  return [...found]
    .sort((a, b) => a.version - b.version)
    .map((act) => node(act, acts, undone, events));
}

type EventsBySeq = ReadonlyMap<number, FactOf<"event.published" | "event.received">>;

function eventsBySeq(entries: readonly RecordedEntry[]): EventsBySeq {
  const events = new Map<number, FactOf<"event.published" | "event.received">>();
  for (const recorded of entries) {
    const fact = factOf(recorded);
    if (fact.kind === "event.published" || fact.kind === "event.received")
      events.set(fact.seq, fact);
  }
  return events;
}

/** The entry of this run because of which an event was published in it. */
function causeOf(events: EventsBySeq, seq: number): number | undefined {
  const event = events.get(seq);
  // What begins a run with an event from elsewhere is that event: its input.
  if (event?.kind === "event.received") return seq === 1 ? 0 : undefined;
  return event?.causation?.seq;
}

function eventOf(
  event: FactOf<"event.published" | "event.received">,
  events: EventsBySeq,
  acts: ReadonlyMap<number, Act>,
): LineageEvent {
  const { seq, at, payload, kind } = event;
  const cause = kind === "event.published" ? acts.get(causeOf(events, seq) ?? -1) : undefined;
  return {
    topic: payload.topic,
    id: payload.id,
    seq,
    at,
    ...(cause === undefined ? {} : { after: { key: cause.key, version: cause.version } }),
    ...(event.kind === "event.received" ? { from: event.payload.from } : {}),
  };
}

/** What a value was computed from; steps of several entries say it where they were opened. */
function readsOf({ recorded, opened }: Act): Readonly<Record<string, number>> {
  return recorded.entry.reads ?? opened?.reads ?? {};
}

type Undone = ReadonlyMap<string, NonNullable<LineageNode["undone"]>>;

/** By `path:turn`, what has been undone of a run that went back. Items and rounds have paths of their own. */
function undoneBy(entries: readonly RecordedEntry[]): Undone {
  const undone = new Map<string, NonNullable<LineageNode["undone"]>>();
  for (const recorded of entries) {
    const fact = factOf(recorded);
    const isUndone =
      fact.kind === "compensation.sealed" ||
      (fact.kind === "compensation.resolved" && fact.payload.action === "done");
    if (isUndone) undone.set(`${fact.path}:${fact.turn ?? 0}`, { seq: fact.seq, at: fact.at });
  }
  return undone;
}

function node(
  act: Act,
  acts: ReadonlyMap<number, Act>,
  undoneAt: Undone,
  events: EventsBySeq,
): LineageNode {
  const { key, version, recorded, items, opened } = act;
  const { entry, hash, value = null } = recorded;
  const fact = factOf(recorded);
  const reads = Object.entries(readsOf(act)).flatMap(([read, seq]) => {
    const from = acts.get(seq);
    return from === undefined ? [] : [{ key: read, version: from.version, seq }];
  });
  const taken = Object.values(readsOf(act)).flatMap((seq) => {
    const event = events.get(seq);
    return event === undefined ? [] : [eventOf(event, events, acts)];
  });
  const usage = fact.kind === "step.sealed" ? fact.payload.usage : undefined;
  const undone = undoneAt.get(`${key}:${entry.turn ?? 0}`);
  const fallback = fact.kind === "step.sealed" ? fact.payload.fallback : undefined;
  const from = fact.kind === "step.carried" ? fact.payload.from : undefined;
  return {
    key,
    version,
    seq: entry.seq,
    turn: entry.turn ?? 0,
    ...(entry.agent === undefined ? {} : { agent: entry.agent }),
    by: entry.by,
    at: entry.at,
    hash,
    ...(entry.inputHash === undefined ? {} : { inputHash: entry.inputHash }),
    reads,
    value,
    ...(taken.length === 0 ? {} : { events: taken }),
    ...(usage === undefined ? {} : { usage }),
    ...(undone === undefined ? {} : { undone }),
    ...(fallback === undefined ? {} : { fallback }),
    ...(from === undefined ? {} : { carriedFrom: { stream: from.stream, seq: from.seq } }),
    ...(opened === undefined ? {} : ledBy(opened.payload)),
    ...(items === undefined ? {} : { items }),
  };
}

function ledBy(payload: Opening): Pick<LineageNode, "case" | "run"> {
  if (payload.step === "subflow") return { run: payload.run };
  if (payload.step !== "branch") return {};
  return { case: payload.case, ...(payload.run === undefined ? {} : { run: payload.run }) };
}
