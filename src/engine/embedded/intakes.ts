/**
 * Intakes: each choreography takes the events of the topic that it starts with, and begins a run for each.
 *
 * Owns: where each intake stands, and which of its runs are under way. Does not own: the events, which are in the journal; the
 * runs, which are the engine's.
 *
 * N1. The run's id follows from the event's: an event that is taken twice begins one run.
 * N2. The place that is kept is never beyond an event whose run has not begun; where the order matters, has not ended.
 * N3. Events of one key begin a run one after the other.
 */
import type { Author, IntakeRecord } from "../../model/entry.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { ChoreographyPart, WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { IntakeChange, IntakeSnapshot } from "../baton.ts";
import { isOwn, LAG_MAX, newestChoreographies, runIdFor } from "../subscriptions.ts";
import { eventsAfter, type TopicEvent } from "../topic-events.ts";
import type { Core } from "./core.ts";
import { endOf } from "./run-end.ts";
import { type Place, type PlaceKind, placeOf } from "./places.ts";
import { startRun } from "./runs.ts";
import { watchTopic } from "./topic-reader.ts";

/** Pause before a store that could not give events, or begin a run, is asked again. */
const RETRY_MS = 1_000;
/** The place is written down after so many events: what was taken since is taken again after a crash, and recognised (N1). */
const PLACE_EVERY = 500;

export interface Intakes {
  /** Finds where each stands, and begins to take events. */
  open(): Promise<void>;
  snapshots(): Promise<readonly IntakeSnapshot[]>;
  /** @throws BatonError SUBSCRIPTION_NOT_FOUND */
  change(name: string, change: IntakeChange): Promise<void>;
  /** Writes down where each stands. */
  stop(): Promise<void>;
}

interface Intake {
  readonly core: Core;
  readonly definition: WorkflowDefinition;
  readonly part: ChoreographyPart;
  readonly name: string;
  readonly place: Place;
  record: IntakeRecord;
  /** The last event that was read. */
  read: number;
  /** Positions of events that were read, and whose run is still waited for. */
  readonly underWay: Set<number>;
  /** By key, the events that wait for the one before them. */
  readonly lines: Map<string, TopicEvent[]>;
  taken: number;
  pumping: boolean;
  again: boolean;
  stopped: boolean;
  /** Whoever waits for a place among those under way. */
  readonly waiting: (() => void)[];
  leave: () => void;
}

export function intakes(core: () => Core): Intakes {
  const all = new Map<string, Intake>();
  return {
    open: async () => {
      for (const definition of newestChoreographies(core().catalogue.workflows.values())) {
        const intake = await openIntake(core(), definition);
        all.set(intake.name, intake);
      }
      for (const intake of all.values()) pump(intake);
    },
    snapshots: () => Promise.all([...all.values()].map(snapshotOf)),
    change: async (name, change) => {
      const intake = all.get(name);
      if (intake === undefined) {
        throw new BatonError("SUBSCRIPTION_NOT_FOUND", `There is no subscription ${name}.`, {
          details: { subscription: name, known: [...all.keys()] },
        });
      }
      await changed(intake, change);
    },
    stop: async () => {
      for (const intake of all.values()) {
        intake.stopped = true;
        intake.leave();
        for (const go of intake.waiting.splice(0)) go();
      }
      await Promise.all([...all.values()].map((intake) => move(intake).catch(() => {})));
    },
  };
}

async function openIntake(core: Core, definition: WorkflowDefinition): Promise<Intake> {
  const { choreography: part, name } = definition;
  if (part === undefined) throw new BatonError("INVARIANT_BROKEN", `${name} is no choreography.`);
  const place = await placeOf(core, name);
  const known = place.record();
  const topic = part.starts.name;
  const intake: Intake = {
    core,
    definition,
    part,
    name,
    place,
    record: known ?? { topic, position: 0, generation: 0, paused: false },
    read: known?.position ?? 0,
    underWay: new Set(),
    lines: new Map(),
    taken: 0,
    pumping: false,
    again: false,
    stopped: false,
    waiting: [],
    leave: () => {},
  };
  if (known === undefined) {
    const position = await beginning(core, part);
    intake.read = position;
    await say(intake, "subscription.opened", { ...intake.record, position }, BY_ENGINE);
  }
  intake.leave = watchTopic(core, topic, () => pump(intake));
  return intake;
}

const BY_ENGINE: Author = { kind: "engine", id: "baton" };

/** Where a new intake begins: at the beginning, at a time, or after all that is there now. */
async function beginning(core: Core, { starts, from }: ChoreographyPart): Promise<number> {
  if (from === "beginning") return oldestKept(core, starts.name, starts.retentionMs);
  let position = 0;
  for (;;) {
    const page = await eventsAfter(core, starts.name, position);
    const late = page.find(({ at }) => from !== "now" && at >= from);
    if (late !== undefined) return late.position - 1;
    const last = page.at(-1);
    if (last === undefined) return position;
    position = last.position;
  }
}

/** The position before the first event that the topic's retention still gives out. */
async function oldestKept(
  core: Core,
  topic: string,
  retentionMs: number | undefined,
): Promise<number> {
  if (retentionMs === undefined) return 0;
  const sinceMs = core.clock.now() - retentionMs;
  let position = 0;
  for (;;) {
    const page = await eventsAfter(core, topic, position);
    for (const event of page) {
      if (event.at >= sinceMs) return position;
      position = event.position;
    }
    if (page.length === 0) return position;
  }
}

/** Reads on, and begins what can begin, until there is nothing more to read. */
function pump(intake: Intake): void {
  if (intake.pumping) {
    intake.again = true;
    return;
  }
  intake.pumping = true;
  void pumpAll(intake).finally(() => {
    intake.pumping = false;
    if (intake.again && !isIdle(intake)) pump(intake);
  });
}

function isIdle({ core, record, stopped }: Intake): boolean {
  return stopped || record.paused || core.closing || core.stopped !== undefined;
}

async function pumpAll(intake: Intake): Promise<void> {
  const { core, part } = intake;
  while (!isIdle(intake)) {
    intake.again = false;
    let page: readonly TopicEvent[];
    try {
      page = await eventsAfter(core, part.starts.name, intake.read);
    } catch (error) {
      complain(intake, `could not read its topic: ${String(error)}`);
      later(intake);
      return;
    }
    if (page.length === 0) return;
    for (const event of page) {
      if (isIdle(intake)) return;
      await placeFree(intake);
      if (isIdle(intake)) return;
      intake.read = event.position;
      if (await isOwn(core, intake.name, event)) continue;
      take(intake, event);
    }
  }
}

/** Resolves once another run may be under way. */
async function placeFree(intake: Intake): Promise<void> {
  while (intake.underWay.size >= intake.part.concurrency && !isIdle(intake))
    await new Promise<void>((go) => intake.waiting.push(go));
}

function take(intake: Intake, event: TopicEvent): void {
  intake.underWay.add(event.position);
  const { key } = event.facts;
  if (key === undefined) {
    void begin(intake, event);
    return;
  }
  const line = intake.lines.get(key);
  if (line !== undefined) {
    line.push(event);
    return;
  }
  intake.lines.set(key, []);
  void begin(intake, event);
}

async function begin(intake: Intake, event: TopicEvent): Promise<void> {
  const { core, definition } = intake;
  const id = runIdFor(intake.name, intake.record.generation, event);
  try {
    await startRun(core, {
      id,
      definition,
      input: event.data,
      by: { kind: "engine", id: `subscription/${intake.name}` },
      correlation: event.correlation,
      event: { facts: event.facts, from: { stream: event.stream, seq: event.seq } },
    });
    if (event.facts.key !== undefined) await endOf(core, id);
  } catch (error) {
    if (core.closing || core.stopped !== undefined) return;
    if (isBatonError(error, "STORE_FAILED")) {
      complain(intake, `could not begin run ${id}: ${error.message}`);
      core.clock.after(RETRY_MS, () => void begin(intake, event));
      return;
    }
    complain(intake, `did not begin run ${id}: ${String(error)}`);
  }
  done(intake, event);
}

/** The event has been dealt with; the next of its key may begin. */
function done(intake: Intake, { position, facts }: TopicEvent): void {
  intake.underWay.delete(position);
  intake.taken += 1;
  const line = facts.key === undefined ? undefined : intake.lines.get(facts.key);
  const next = line?.shift();
  if (next !== undefined) void begin(intake, next);
  else if (facts.key !== undefined) intake.lines.delete(facts.key);
  intake.waiting.shift()?.();
  if (intake.taken % PLACE_EVERY === 0) move(intake).catch(() => {});
}

/** The last position before which everything has been dealt with (N2). */
function settledPosition({ read, underWay }: Intake): number {
  let position = read;
  for (const each of underWay) position = Math.min(position, each - 1);
  return position;
}

async function move(intake: Intake): Promise<void> {
  const position = settledPosition(intake);
  if (position === intake.record.position) return;
  await say(intake, "subscription.moved", { ...intake.record, position }, BY_ENGINE);
}

async function changed(intake: Intake, { to, by, reason }: IntakeChange): Promise<void> {
  const { record } = intake;
  switch (to.kind) {
    case "paused":
      return say(
        intake,
        "subscription.paused",
        { ...record, position: settledPosition(intake), paused: true, reason },
        by,
      );
    case "resumed":
      await say(
        intake,
        "subscription.resumed",
        { ...record, position: settledPosition(intake), paused: false, reason },
        by,
      );
      return pump(intake);
    case "rewound": {
      const position =
        to.position ??
        (await oldestKept(intake.core, intake.part.starts.name, intake.part.starts.retentionMs));
      const generation = record.generation + 1;
      await say(intake, "subscription.rewound", { ...record, position, generation, reason }, by);
      intake.read = position;
      return pump(intake);
    }
  }
}

function say(intake: Intake, kind: PlaceKind, record: IntakeRecord, by: Author): Promise<void> {
  intake.record = record;
  return intake.place.say(kind, record, by);
}

async function snapshotOf(intake: Intake): Promise<IntakeSnapshot> {
  const { core, name, record, underWay, part } = intake;
  const position = settledPosition(intake);
  let lag = underWay.size;
  let after = intake.read;
  while (lag < LAG_MAX) {
    const page = await eventsAfter(core, part.starts.name, after);
    lag += page.length;
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.position;
  }
  return Object.freeze({
    name,
    topic: part.starts.name,
    position,
    lag: Math.min(lag, LAG_MAX),
    paused: record.paused,
    generation: record.generation,
    underWay: underWay.size,
  });
}

function later(intake: Intake): void {
  intake.core.clock.after(RETRY_MS, () => pump(intake), true);
}

function complain({ core, name }: Intake, what: string): void {
  core.log({
    level: "error",
    message: `Subscription ${name} ${what}`,
    at: core.clock.now(),
    data: { subscription: name },
  });
}
