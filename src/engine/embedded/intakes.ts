/**
 * Intakes: each choreography takes the events of the topic that it starts with, and begins a run for each.
 *
 * Owns: where each intake stands, and what people do to it. Does not own: the events, which are in the journal; the runs, which
 * are the engine's; how events are taken, which is in intake.ts.
 *
 * N1. The run's id follows from the event's: an event that is taken twice begins one run.
 * N2. The place that is kept is never beyond an event whose run has not begun; where the order matters, has not ended.
 * N3. Events of one key begin a run one after the other. One that can't end holds up those of its key, and nothing else.
 * N4. No event is passed over because the process is busy: it is waited for.
 */
import { ENGINE } from "../../decide/turn.ts";
import { BatonError } from "../../model/errors.ts";
import type { ChoreographyPart, WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { IntakeChange, IntakeSnapshot } from "../baton.ts";
import { HELD_UP_MAX, LAG_MAX, newestChoreographies } from "../subscriptions.ts";
import { eventsAfter } from "../topic-events.ts";
import type { Core } from "./core.ts";
import { beginFirsts, type Intake, move, pump, readFrom, say, settledPosition } from "./intake.ts";
import { placeOf } from "./places.ts";
import { changeRecorded, recordedSnapshots } from "./recorded-intakes.ts";
import { watchTopic } from "./topic-reader.ts";

export interface Intakes {
  /** Finds where each stands, and begins to take events. */
  open(): Promise<void>;
  all(): Iterable<Intake>;
  snapshots(): Promise<readonly IntakeSnapshot[]>;
  /** @throws BatonError SUBSCRIPTION_NOT_FOUND */
  change(name: string, change: IntakeChange): Promise<void>;
  /** Writes down where each stands. */
  stop(): Promise<void>;
}

export function intakes(core: () => Core): Intakes {
  const all = new Map<string, Intake>();
  /** The newest change of a subscription that is not among them: one is made after the other. */
  let changing: Promise<unknown> = Promise.resolve();
  return {
    open: async () => {
      for (const definition of newestChoreographies(core().catalogue.workflows.values())) {
        const intake = await openIntake(core(), definition);
        all.set(intake.name, intake);
      }
      for (const intake of all.values()) pump(intake);
    },
    all: () => all.values(),
    snapshots: async () => [
      ...(await Promise.all([...all.values()].map(snapshotOf))),
      ...(await recordedSnapshots(core(), all)),
    ],
    change: async (name, change) => {
      const intake = all.get(name);
      if (intake !== undefined) return await changed(intake, change);
      const recorded = changing.then(() => changeRecorded(core(), name, change));
      changing = recorded.catch(() => {});
      if (await recorded) return;
      throw new BatonError("SUBSCRIPTION_NOT_FOUND", `There is no subscription ${name}.`, {
        details: { subscription: name, known: [...all.keys()] },
      });
    },
    stop: async () => {
      for (const intake of all.values()) {
        intake.stopped = true;
        intake.leave();
        intake.wake();
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
    record: { position: 0, generation: 0, paused: false, ...known, topic },
    read: known?.position ?? 0,
    turn: 0,
    underWay: new Set(),
    counted: 0,
    lines: new Map(),
    waitingInLine: 0,
    taken: 0,
    pumping: false,
    awaitsPlace: false,
    again: false,
    stopped: false,
    wake: () => {},
    changing: Promise.resolve(),
    leave: () => {},
  };
  if (known === undefined) {
    const position = await beginning(core, part);
    intake.read = position;
    await say(intake, "subscription.opened", { ...intake.record, position }, ENGINE);
  }
  intake.leave = watchTopic(core, topic, () => pump(intake));
  return intake;
}

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

/** What people do is done one after the other: each from where the one before it has left the intake. */
async function changed(intake: Intake, change: IntakeChange): Promise<void> {
  const made = intake.changing.then(() => makeChange(intake, change));
  intake.changing = made.catch(() => {});
  await made;
}

async function makeChange(intake: Intake, { to, by, reason }: IntakeChange): Promise<void> {
  const { core, part } = intake;
  switch (to.kind) {
    case "paused": {
      const position = settledPosition(intake);
      const record = { ...intake.record, position, paused: true, reason };
      return await say(intake, "subscription.paused", record, by);
    }
    case "resumed": {
      const position = settledPosition(intake);
      const record = { ...intake.record, position, paused: false, reason };
      await say(intake, "subscription.resumed", record, by);
      beginFirsts(intake);
      return pump(intake);
    }
    case "rewound": {
      const { name, retentionMs } = part.starts;
      const position = to.position ?? (await oldestKept(core, name, retentionMs));
      const generation = intake.record.generation + 1;
      const record = { ...intake.record, position, generation, reason };
      // Nothing is read in between: what was taken before belongs to the generation before.
      readFrom(intake, position);
      await say(intake, "subscription.rewound", record, by);
      return pump(intake);
    }
  }
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
    heldUp: heldUp(intake),
  });
}

/** Keys of which events wait, with the run that they wait for. */
function heldUp({ lines }: Intake): IntakeSnapshot["heldUp"] {
  const found: IntakeSnapshot["heldUp"][number][] = [];
  for (const [key, [first, ...waiting]] of lines) {
    if (first?.run === undefined || waiting.length === 0) continue;
    found.push({ key, run: first.run, events: waiting.length });
    if (found.length === HELD_UP_MAX) break;
  }
  return found;
}
