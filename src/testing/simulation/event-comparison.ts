/**
 * Promises 4 and 10 where runs publish and take events: with the same answers from outside, all that follows from one
 * beginning comes to the same events, deliveries and ends, in whatever order.
 *
 * Which event comes first is a matter of time: where another was gathered, awaited, or taken from elsewhere, nothing is compared.
 */
import type { Json } from "../../model/json.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { partsOf } from "../../model/workflow-parts.ts";
import { endOf, isSpent, outsideOf, rootOf, sleepsOf, succeeded } from "./comparison.ts";
import {
  type DeliverySeen,
  type EventReading,
  readEvents,
  viewOfDelivery,
} from "./event-reading.ts";
import type { BrokenPromise, RunJournal } from "./invariants.ts";
import { tagOf, timeless, textIn } from "./timeless.ts";

type Read = (journal: RunJournal) => EventReading | undefined;

/** What differs between a life with faults and one without, by beginning. */
export function compareEventfulLives(
  workflows: readonly WorkflowDefinition[],
  smooth: readonly RunJournal[],
  faulty: readonly RunJournal[],
): readonly BrokenPromise[] {
  const all = workflows.flatMap((each) => [...partsOf(each).workflows]);
  const byId = new Map(all.map((each) => [each.id, each]));
  const readings = new Map<RunJournal, EventReading | undefined>();
  const read: Read = (journal) => {
    if (!readings.has(journal)) {
      const definition = byId.get(journal.workflow);
      readings.set(
        journal,
        definition === undefined ? undefined : readEvents(journal.entries, definition),
      );
    }
    return readings.get(journal);
  };
  const told = (journal: RunJournal) => whatCameFirst(journal, read(journal));
  const before = outsideOf(smooth, timeless, told);
  const after = outsideOf(faulty, timeless, told);
  const unsure = unsureOf(workflows, byId);
  const broken: BrokenPromise[] = [];
  const isHeldUp = [...smooth, ...faulty].some(({ end }) => end === undefined);
  const [ours, theirs] = [byRoot(faulty), byRoot(smooth)];
  for (const [root, runs] of ours) {
    const others = theirs.get(root) ?? [];
    if (before.get(root) !== after.get(root) || wasGoneOver([...runs, ...others])) continue;
    // What waits for a person may hold up those of its key: then others have not begun in one of the two.
    if (isHeldUp && begunIn(runs) !== begunIn(others)) continue;
    const isWhole = others.every(({ end }) => succeeded(end));
    const isAlone = rootsIn(runs).length === 1 && rootsIn(others).length === 1;
    if (!isWhole && !isAlone) continue;
    const [here, there] = isWhole
      ? [runs, others].map((each) => each.map((one) => summaryOf(one, read(one), unsure)))
      : [runs, others].map(endOfAlone);
    for (const line of difference(here ?? [], there ?? []))
      broken.push({ promise: isWhole ? 10 : 4, message: `${root}: ${line}` });
  }
  return broken;
}

function byRoot(journals: readonly RunJournal[]): ReadonlyMap<string, readonly RunJournal[]> {
  const found = new Map<string, RunJournal[]>();
  for (const journal of journals) {
    const root = rootOf(journal.run);
    const runs = found.get(root);
    if (runs === undefined) found.set(root, [journal]);
    else runs.push(journal);
  }
  return found;
}

/** The runs that are nobody's children. */
function begunIn(journals: readonly RunJournal[]): string {
  return rootsIn(journals)
    .map(({ run }) => timeless(run))
    .sort()
    .join(" ");
}

function rootsIn(journals: readonly RunJournal[]): readonly RunJournal[] {
  return journals.filter(({ entries }) => entries[0]?.entry.payload["parent"] === undefined);
}

/** Only in one of the two lives everything was gone over again. */
function wasGoneOver(journals: readonly RunJournal[]): boolean {
  return rootsIn(journals).some(({ run }) => run.includes("~"));
}

/** How a run ended that failed: what others have made of its events by then is a matter of time, and it alone is told. */
function endOfAlone(journals: readonly RunJournal[]): readonly string[] {
  const roots = rootsIn(journals);
  const [only] = roots;
  if (only === undefined) return [];
  // What is open waits for a person, in one life or in both.
  const end = endOf(only);
  return end === "open" ? [] : [`${timeless(only.run)} ended as ${end}`];
}

/** Keys of a state that are a matter of time: when a sleep was over, and which entry an event is. */
function unsureOf(
  workflows: readonly WorkflowDefinition[],
  byId: ReadonlyMap<string, WorkflowDefinition>,
): ReadonlySet<string> {
  const unsure = new Set(sleepsOf(workflows));
  for (const { id, steps } of byId.values())
    for (const { kind, name } of steps) if (kind === "emit") unsure.add(`${id} ${name}`);
  return unsure;
}

/** What was there first, where several could have been: a matter of time. */
function whatCameFirst(
  { entries }: RunJournal,
  reading: EventReading | undefined,
): readonly string[] {
  const told: string[] = [];
  for (const [i, { entry, value = null }] of entries.entries()) {
    const { kind, path = "", payload } = entry;
    const topic = textIn(payload, "topic");
    // That with which a choreography begins is no surprise; one that a workflow has next may have come early.
    const isFirst = i === 1 && reading?.definition.choreography !== undefined;
    if (kind === "event.received" && !isFirst) told.push(`received ${topic} ${tagOf(value)}`);
    if (kind === "event.refused") told.push(`refused ${topic}`);
    if (kind === "step.opened" && payload["step"] === "gathering") told.push("gathering late");
    const step = reading?.definition.stepByName.get(path);
    if (kind === "step.sealed" && step?.kind === "event")
      told.push(`awaited ${path} ${tagOf(value)}`);
    // The paths of deliveries have no names that both lives know: what is told of a budget is told with what was delivered.
    const delivery = reading?.deliveries.get(path);
    if (reading !== undefined && delivery !== undefined && isSpent(payload["error"]))
      told.push(`spent ${delivery.step.name} ${tagOfDelivery(reading, delivery)}`);
  }
  if (reading === undefined) return told;
  for (const delivery of reading.deliveries.values()) {
    if (delivery.step.topics.size > 1)
      told.push(`gathered ${delivery.step.name} ${tagOfDelivery(reading, delivery)}`);
  }
  const { ends } = reading.definition.choreography ?? {};
  const end = [...reading.events.values()].find(({ topic }) => topic === ends?.name);
  if (end !== undefined) told.push(`ended with ${tagOf(end.data)}`);
  return told;
}

function tagOfDelivery(reading: EventReading, delivery: DeliverySeen): string {
  const there: Record<string, Json> = {};
  for (const [name, data] of Object.entries(viewOfDelivery(reading, delivery)))
    if (data !== undefined) there[name] = data;
  return tagOf(there);
}

/** All that a run came to, without what is a matter of time. */
function summaryOf(
  { run, workflow, entries, end, state, output }: RunJournal,
  reading: EventReading | undefined,
  unsure: ReadonlySet<string>,
): string {
  const lines: string[] = [];
  for (const [key, value] of Object.entries(state)) {
    const delivery = reading?.deliveries.get(key);
    if (delivery === undefined && !unsure.has(`${workflow} ${key}`))
      lines.push(`${key}=${tagOf(value)}`);
  }
  const outcomes = new Map<string, string>();
  for (const { entry, value = null } of entries) {
    const { kind, path = "", payload } = entry;
    if (kind === "step.sealed") outcomes.set(path, tagOf(value));
    if (kind === "step.skipped") outcomes.set(path, textIn(payload, "reason"));
  }
  if (reading !== undefined) {
    // What had been received when a step published decides how far its event has come.
    for (const { topic, data, key } of reading.events.values())
      lines.push(`${topic}(${tagOf(data)},${key ?? ""})`);
    for (const [path, delivery] of reading.deliveries) {
      const of = tagOfDelivery(reading, delivery);
      lines.push(`${delivery.step.name}(${of})=${outcomes.get(path) ?? "nothing"}`);
    }
  }
  const gave = output === undefined ? "" : ` gave ${tagOf(output)}`;
  return `${timeless(run)} ${end ?? "open"}${gave}: ${lines.sort().join(" ")}`;
}

/** What only one of the two has, each as often as it has it. */
function difference(here: readonly string[], there: readonly string[]): readonly string[] {
  const missing = [...there];
  const more: string[] = [];
  for (const each of here) {
    const at = missing.indexOf(each);
    if (at >= 0) missing.splice(at, 1);
    else more.push(each);
  }
  return [
    ...more.map((each) => `only with faults: ${each}`),
    ...missing.map((each) => `only without faults: ${each}`),
  ];
}
