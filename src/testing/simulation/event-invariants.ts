/**
 * What events are promised, as checks on the journal of one run.
 *
 * `outbox`: no event without its cause and no cause without its events, each in the append of the other.
 * `deliveries`: each event makes one delivery for each subscription, and none is missing once the run has completed.
 * `order`: of one subscription and key, deliveries are handled in the order of their events.
 * `bounds`: hops are counted, and neither they nor the events of a run are more than there may be.
 */
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { RecordedEntry } from "../../history/read.ts";
import { check } from "../../model/check.ts";
import type { Json } from "../../model/json.ts";
import { sameJson } from "../../model/json-pointer.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import {
  type DeliverySeen,
  type EventReading,
  newReading,
  readEntry,
  viewOfDelivery,
} from "./event-reading.ts";

export type EventPromise = "outbox" | "deliveries" | "order" | "bounds";

/** Says that a promise was broken. */
type Complain = (promise: EventPromise, message: string) => void;

interface Checking {
  readonly reading: EventReading;
  readonly complain: Complain;
  /** The number of the append that an entry came with; undefined where nobody has seen it. */
  readonly appendOf: (seq: number) => number | undefined;
  /** By path, where a delivery was sealed or skipped. */
  readonly settled: Map<string, number>;
  /** What a result that was sealed must be followed by. */
  due: Due | undefined;
}

interface Due {
  readonly path: string;
  readonly seq: number;
  readonly hops: number;
  readonly events: { readonly topic: string; readonly data: Json; readonly key?: string }[];
}

export function checkEvents(
  { entries }: { readonly entries: readonly RecordedEntry[] },
  definition: WorkflowDefinition,
  appendOf: Checking["appendOf"],
  complain: Complain,
): void {
  const reading = newReading(definition);
  const checking: Checking = { reading, complain, appendOf, settled: new Map(), due: undefined };
  for (const [i, recorded] of entries.entries()) {
    checkDue(checking, recorded);
    checkDelivery(checking, recorded);
    readEntry(reading, recorded);
    if (recorded.entry.kind === "event.published")
      checkCause(checking, recorded, entries[i - 1], entries[i + 1]);
    if (recorded.entry.kind === "step.sealed") announce(checking, recorded, entries[i - 1]);
    if (recorded.entry.kind === "run.completed") checkConclusion(checking, recorded);
  }
  checkDue(checking, undefined);
  for (const id of reading.doubles) complain("deliveries", `has the event ${id} more than once.`);
  checkBounds(checking);
}

/** What a result publishes is what the entries after it say, and all of that. */
function checkDue(checking: Checking, next: RecordedEntry | undefined): void {
  const { due, complain } = checking;
  if (due === undefined) return;
  const { path, seq, hops, events } = due;
  const [event] = events;
  const { entry } = next ?? {};
  const isPublished = entry?.kind === "event.published" && entry.path === path;
  if (event === undefined) {
    checking.due = undefined;
    if (isPublished)
      complain("outbox", `entry ${entry.seq} publishes what does not follow from ${path}.`);
    return;
  }
  const isRefused = entry?.kind === "event.refused" && entry.path === path;
  if (!isPublished && !isRefused) {
    checking.due = undefined;
    return complain("outbox", `has the result of ${path}, and not its event of ${event.topic}.`);
  }
  if (isTogether(checking, seq, entry.seq) === false)
    complain("outbox", `entry ${entry.seq} was appended apart from its cause, entry ${seq}.`);
  const { topic, key, hops: counted } = entry.payload;
  if (topic !== event.topic) complain("outbox", `entry ${entry.seq} should be of ${event.topic}.`);
  if (isRefused) {
    checking.due = undefined;
    return;
  }
  if (counted !== hops)
    complain(
      "bounds",
      `entry ${entry.seq} counts ${JSON.stringify(counted)} hops and not ${hops}.`,
    );
  if (!sameJson(next?.value ?? null, event.data) || key !== event.key)
    complain("outbox", `entry ${entry.seq} has other data than ${path} gives.`);
  events.shift();
}

/** Undefined where the observer has not seen both. */
function isTogether({ appendOf }: Checking, one: number, other: number): boolean | undefined {
  const [a, b] = [appendOf(one), appendOf(other)];
  return a === undefined || b === undefined ? undefined : a === b;
}

/** An event without a delivery before it is a run's first, or that of a step that emits, which is sealed with it. */
function checkCause(
  checking: Checking,
  { entry }: RecordedEntry,
  before: RecordedEntry | undefined,
  after: RecordedEntry | undefined,
): void {
  const { reading, complain } = checking;
  const { path = "", seq, payload } = entry;
  if (reading.deliveries.has(path)) {
    const cause = entry.causation?.seq;
    if (cause === undefined || checking.settled.get(path) !== cause)
      complain("outbox", `entry ${seq} names a cause that is not the result of ${path}.`);
    return;
  }
  const isFirst = path === "input" && before?.entry.kind === "run.started";
  const emits = reading.definition.stepByName.get(path)?.kind === "emit";
  const isEmitted = emits && after?.entry.kind === "step.sealed" && after.entry.path === path;
  if (!isFirst && !isEmitted) return complain("outbox", `entry ${seq} publishes without a cause.`);
  const other = isFirst ? before : after;
  if (other !== undefined && isTogether(checking, seq, other.entry.seq) === false)
    complain("outbox", `entry ${seq} was appended apart from its cause, ${other.entry.kind}.`);
  const hops = reading.farthest === undefined ? 0 : reading.farthest + 1;
  if (payload["hops"] !== hops)
    complain(
      "bounds",
      `entry ${seq} counts ${JSON.stringify(payload["hops"])} hops and not ${hops}.`,
    );
}

/** An entry of a delivery must be of one that there is, and whose turn has come. */
function checkDelivery(checking: Checking, { entry, value }: RecordedEntry): void {
  const { reading, settled, complain } = checking;
  const { kind, path = "", seq, payload } = entry;
  const step = reading.definition.stepByName.get(path.slice(0, path.lastIndexOf("#")));
  if (step?.kind !== "subscription" || payload["step"] === "gathering") return;
  const delivery = reading.deliveries.get(path);
  if (delivery === undefined)
    return complain("deliveries", `entry ${seq} is of ${path}, which no event leads to.`);
  // What a run that ends was about to deliver fails with it.
  if (delivery.line !== undefined && kind !== "step.failed" && !kind.startsWith("compensation.")) {
    for (const [other, { line }] of reading.deliveries) {
      if (other === path) break;
      if (line === delivery.line && !settled.has(other))
        complain("order", `entry ${seq}: ${path} came before ${other}, which is of the same key.`);
    }
  }
  if (kind !== "step.sealed" && kind !== "step.skipped") return;
  if (settled.has(path)) complain("deliveries", `entry ${seq}: ${path} was handled twice.`);
  settled.set(path, seq);
  if (kind === "step.sealed" && value !== undefined) checkInput(checking, entry, delivery);
}

/** An agent was given what today's subscription makes of the events. */
function checkInput(
  { reading, complain }: Checking,
  { path, seq, inputHash }: RecordedEntry["entry"],
  delivery: DeliverySeen,
): void {
  const { target, input } = delivery.step;
  if (target.kind !== "agent" || inputHash === undefined) return;
  const given = input(viewOfDelivery(reading, delivery));
  const checked = check(target.agent.input, given, `input of ${path ?? ""}`, "handoff");
  if (checked.kind !== "ok" || sha256Hex(canonicalJson(checked.value)) !== inputHash)
    complain("deliveries", `entry ${seq}: ${path ?? ""} was given something else than its events.`);
}

/** What must follow a result: its events, or none where they can't be published. */
function announce(
  checking: Checking,
  { entry, value = null }: RecordedEntry,
  before: RecordedEntry | undefined,
): void {
  const { reading, complain } = checking;
  const { path = "", seq } = entry;
  const delivery = reading.deliveries.get(path);
  if (delivery === undefined) {
    const step = reading.definition.stepByName.get(path);
    const isThere = before?.entry.kind === "event.published" && before.entry.path === path;
    if (step?.kind === "emit" && !isThere)
      complain("outbox", `entry ${seq}: ${path} was sealed without its event.`);
    return;
  }
  const hops = Math.max(
    ...Object.values(delivery.events).map((each) => reading.events.get(each)?.hops ?? 0),
  );
  checking.due = { path, seq, hops: hops + 1, events: eventsOf(reading, delivery, value) };
}

function eventsOf(reading: EventReading, delivery: DeliverySeen, output: Json): Due["events"] {
  const view = viewOfDelivery(reading, delivery);
  const events: Due["events"] = [];
  try {
    for (const { topic, data } of delivery.step.publishes) {
      const given = data(output, view);
      if (given === undefined) continue;
      const checked = check(topic.contract, given, `event of ${topic.name}`, "handoff");
      if (checked.kind !== "ok") return [];
      const key = topic.key?.(checked.value);
      const keyed = key === undefined ? {} : { key };
      events.push({ topic: topic.name, data: checked.value, ...keyed });
    }
  } catch {
    return [];
  }
  return events;
}

/** A run completes when all is delivered, and its end, where it has one, was published. */
function checkConclusion(
  { reading, settled, complain }: Checking,
  { value = null }: RecordedEntry,
): void {
  const { choreography } = reading.definition;
  if (choreography === undefined) return;
  for (const path of reading.deliveries.keys())
    if (!settled.has(path)) complain("deliveries", `completed without ${path}.`);
  const { ends } = choreography;
  if (ends !== undefined) {
    const end = [...reading.events.values()].find(({ topic }) => topic === ends.name);
    if (end === undefined || !sameJson(end.data, value))
      complain("deliveries", `completed with something else than its first event of ${ends.name}.`);
    return;
  }
  for (const [name, { settled: isOver }] of reading.gatherings) {
    const step = reading.definition.stepByName.get(name);
    if (!isOver && step?.kind === "subscription" && step.withinMs !== undefined)
      complain("deliveries", `completed though ${name} had time to wait for what is missing.`);
  }
}

function checkBounds({ reading, complain }: Checking): void {
  const { choreography } = reading.definition;
  if (choreography === undefined) return;
  const { hopsMax, eventsMax } = choreography;
  if (reading.events.size > eventsMax)
    complain("bounds", `has ${reading.events.size} events, and may have ${eventsMax}.`);
  for (const { id, hops } of reading.events.values())
    if (hops > hopsMax)
      complain("bounds", `has ${id} after ${hops} hops, and may have ${hopsMax}.`);
}
