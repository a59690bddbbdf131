/**
 * One intake: reads a topic in order, and begins a run for each event.
 *
 * Invariants N1 to N3 stand in intakes.ts. What waits in memory is positions, never data: an event is read again when its
 * turn has come.
 */
import { ENGINE } from "../../decide/turn.ts";
import type { Author } from "../../model/entry.ts";
import type { IntakeRecord } from "../../model/event-facts.ts";
import { runStream } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import type { ChoreographyPart, WorkflowDefinition } from "../../model/workflow-definition.ts";
import { runIdFor } from "../run-id.ts";
import { eventsAfter, type TopicEvent } from "../topic-events.ts";
import type { Core } from "./core.ts";
import type { Place, PlaceKind } from "./places.ts";
import { endOf } from "./run-end.ts";
import { startRun } from "./runs.ts";

/** Pause before a store that could not give events, or begin a run, is asked again. */
const RETRY_MS = 1_000;
/** The place is written down after so many events: what was taken since is taken again after a crash, and recognised (N1). */
const PLACE_EVERY = 500;
/** Events that wait for one of their key; a further one holds up all that come after it. */
const WAITING_MAX = 100_000;

/** An event that was read, and is not dealt with. */
export interface Taken {
  readonly position: number;
  /** That of the intake when it was read. */
  readonly generation: number;
  readonly key: string | undefined;
  /** Whether it takes one of the places: not while it waits for another of its key, nor while its run waits for a person. */
  counts: boolean;
  /** The run that it has begun. */
  run: string | undefined;
}

export interface Intake {
  readonly core: Core;
  readonly definition: WorkflowDefinition;
  readonly part: ChoreographyPart;
  readonly name: string;
  readonly place: Place;
  record: IntakeRecord;
  /** The last event that was taken. */
  read: number;
  /** Changes whenever reading begins elsewhere: what was read before is not taken any more. */
  turn: number;
  readonly underWay: Set<Taken>;
  /** Of those, how many take a place. */
  counted: number;
  /** By key: the event that is being dealt with, if any is, and those that wait for it. */
  readonly lines: Map<string, Taken[]>;
  waitingInLine: number;
  taken: number;
  pumping: boolean;
  /** Whether the reading waits for a place, or for a line to get shorter. */
  awaitsPlace: boolean;
  again: boolean;
  stopped: boolean;
  /** Tells the reading that there may be a place. */
  wake: () => void;
  /** The change that came last: one is made after the other. */
  changing: Promise<unknown>;
  leave: () => void;
}

/** Reads on, and begins what can begin, until there is nothing more to read. */
export function pump(intake: Intake): void {
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
    const { turn } = intake;
    try {
      const page = await eventsAfter(core, part.starts.name, intake.read);
      if (turn !== intake.turn) continue;
      if (page.length === 0) return;
      await takePage(intake, page);
    } catch (error) {
      if (isIdle(intake)) return;
      complain(intake, `could not read its topic: ${String(error)}`);
      core.clock.after(RETRY_MS, () => pump(intake), true);
      return;
    }
  }
}

async function takePage(intake: Intake, page: readonly TopicEvent[]): Promise<void> {
  const { turn } = intake;
  for (const event of page) {
    await placeFor(intake, event, turn);
    const isOwn = isOfItself(intake, event);
    if (isIdle(intake) || turn !== intake.turn) return;
    if (!isOwn) take(intake, event);
    // After it is under way: a place that is written in between is never beyond it (N2).
    intake.read = event.position;
  }
}

/** Resolves once the event may be taken, or nothing is to be taken any more. */
async function placeFor(intake: Intake, { facts }: TopicEvent, turn: number): Promise<void> {
  const { core, part } = intake;
  const isFree = () =>
    facts.key !== undefined && intake.lines.has(facts.key)
      ? intake.waitingInLine < WAITING_MAX
      : intake.counted < part.concurrency;
  while (!isFree() && !isIdle(intake) && turn === intake.turn) {
    await passOverParked(intake);
    if (isFree() || isIdle(intake) || turn !== intake.turn) return;
    intake.awaitsPlace = true;
    await new Promise<void>((go) => {
      const cancel = core.clock.after(RETRY_MS, go, true);
      intake.wake = () => {
        cancel();
        go();
      };
    });
    intake.awaitsPlace = false;
  }
}

/** A run that waits for a person holds up those of its key, and nobody else. */
async function passOverParked(intake: Intake): Promise<void> {
  const { core } = intake;
  for (const taken of intake.underWay) {
    if (!taken.counts || taken.run === undefined) continue;
    const stream = { namespace: core.namespace, stream: runStream(taken.run) };
    if ((await core.store.head(stream))?.status === "parked") countOut(intake, taken);
  }
}

function countOut(intake: Intake, taken: Taken): void {
  if (!taken.counts) return;
  taken.counts = false;
  intake.counted -= 1;
}

/** What a run of this very choreography has published is delivered in that run. */
function isOfItself({ name }: Intake, { stream, type, facts }: TopicEvent): boolean {
  if (facts.origin !== undefined) return facts.origin.choreography === name;
  return stream.startsWith("run/") && type.startsWith(`${name}@`);
}

function take(intake: Intake, event: TopicEvent): void {
  const { key } = event.facts;
  const { generation } = intake.record;
  const taken: Taken = { position: event.position, generation, key, counts: false, run: undefined };
  intake.underWay.add(taken);
  const line = key === undefined ? undefined : intake.lines.get(key);
  if (line !== undefined) {
    line.push(taken);
    intake.waitingInLine += 1;
    return;
  }
  if (key !== undefined) intake.lines.set(key, [taken]);
  begin(intake, taken, event);
}

function begin(intake: Intake, taken: Taken, event?: TopicEvent): void {
  taken.counts = true;
  intake.counted += 1;
  void beginRun(intake, taken, event);
}

async function beginRun(intake: Intake, taken: Taken, known?: TopicEvent): Promise<void> {
  const { core, name } = intake;
  try {
    const event = known ?? (await eventAt(intake, taken.position));
    const id = runIdFor(name, taken, event);
    await startOnce(intake, id, event);
    taken.run = id;
    if (taken.key !== undefined) await endOf(core, id);
  } catch (error) {
    if (core.closing || core.stopped !== undefined) return;
    const run = taken.run ?? `for the event at ${taken.position}`;
    const isOverloaded = isBatonError(error, "OVERLOADED");
    if (isOverloaded || isBatonError(error, "STORE_FAILED")) {
      if (!isOverloaded) complain(intake, `could not begin run ${run}: ${String(error)}`);
      core.clock.after(RETRY_MS, () => void beginRun(intake, taken, known));
      return;
    }
    complain(intake, `did not begin run ${run}: ${String(error)}`);
  }
  done(intake, taken);
}

async function eventAt({ core, part }: Intake, position: number): Promise<TopicEvent> {
  const [event] = await eventsAfter(core, part.starts.name, position - 1, 1);
  if (event?.position === position) return event;
  throw new Error(`The topic has no event at ${position} any more.`);
}

/** Begins the run of an event. One that is there has been begun by it, perhaps by an earlier version of the choreography (N1). */
async function startOnce(
  { core, definition, name }: Intake,
  id: string,
  event: TopicEvent,
): Promise<void> {
  try {
    await startRun(core, {
      id,
      definition,
      input: event.data,
      by: { kind: "engine", id: `subscription/${name}` },
      correlation: event.correlation,
      event: { facts: event.facts, from: { stream: event.stream, seq: event.seq } },
    });
  } catch (error) {
    if (!isBatonError(error, "RUN_CONFLICT")) throw error;
  }
}

/** The event has been dealt with; the next of its key may begin. */
function done(intake: Intake, taken: Taken): void {
  const { key } = taken;
  countOut(intake, taken);
  intake.underWay.delete(taken);
  intake.taken += 1;
  const line = key === undefined ? undefined : intake.lines.get(key);
  if (key !== undefined && line?.[0] === taken) {
    line.shift();
    if (line.length === 0) intake.lines.delete(key);
    else beginNext(intake, line);
  }
  intake.wake();
  if (intake.taken % PLACE_EVERY === 0) move(intake).catch(() => {});
}

function beginNext(intake: Intake, line: readonly Taken[]): void {
  const [next] = line;
  if (next === undefined || isIdle(intake)) return;
  intake.waitingInLine -= 1;
  begin(intake, next);
}

/** What became first of its line while the intake was paused begins. */
export function beginFirsts(intake: Intake): void {
  for (const line of intake.lines.values()) {
    const [first] = line;
    if (first !== undefined && first.run === undefined && !first.counts) beginNext(intake, line);
  }
}

/** Reads from another place on. What was read and has not begun is forgotten: it comes again, or was to be passed over. */
export function readFrom(intake: Intake, position: number): void {
  intake.turn += 1;
  intake.read = position;
  for (const [key, line] of intake.lines) {
    const [first] = line;
    const begun = first !== undefined && (first.counts || first.run !== undefined) ? [first] : [];
    for (const each of line) if (!begun.includes(each)) intake.underWay.delete(each);
    if (begun.length === 0) intake.lines.delete(key);
    else intake.lines.set(key, begun);
  }
  intake.waitingInLine = 0;
  intake.wake();
}

/** The last position before which everything has been dealt with (N2). */
export function settledPosition({ read, underWay, record }: Intake): number {
  let at = read;
  for (const { position, generation } of underWay)
    if (generation === record.generation) at = Math.min(at, position - 1);
  return at;
}

/** Writes down where the intake stands. */
export async function move(intake: Intake): Promise<void> {
  const position = settledPosition(intake);
  if (position === intake.record.position) return;
  await say(intake, "subscription.moved", { ...intake.record, position }, ENGINE);
}

export function say(
  intake: Intake,
  kind: PlaceKind,
  record: IntakeRecord,
  by: Author,
): Promise<void> {
  intake.record = record;
  return intake.place.say(kind, record, by);
}

function complain({ core, name }: Intake, what: string): void {
  core.log({
    level: "error",
    message: `Subscription ${name} ${what}`,
    at: core.clock.now(),
    data: { subscription: name },
  });
}
