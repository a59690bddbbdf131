/**
 * What events are promised that come from elsewhere, as checks on all that a life left.
 *
 * `intake`: an event that was acknowledged is there, and begins exactly one run of each choreography that starts with it, each
 * time that its topic is gone over.
 * `routes`: an event reaches the runs of its correlation that take it; the first of a workflow also where it came before it.
 * `unwinds`: an event that fails runs takes back those of its correlation, the newest first.
 */
import { readStream, type RecordedEntry } from "../../history/read.ts";
import type { EventFacts } from "../../model/event-facts.ts";
import type { Json } from "../../model/json.ts";
import { sameJson } from "../../model/json-pointer.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { generationOf } from "./beginnings.ts";
import type { RunJournal } from "./invariants.ts";
import { NAMESPACE } from "./process.ts";
import type { Acknowledged } from "./world.ts";
import { textIn } from "./timeless.ts";

type Complain = (promise: "intake" | "routes" | "unwinds", message: string) => void;

/** An event, wherever it was published. */
interface Published {
  readonly facts: EventFacts;
  readonly stream: string;
  readonly seq: number;
  readonly at: number;
  readonly correlation: string;
  readonly data: Json;
  /** The name of the workflow of whose run it is; undefined for one from outside. */
  readonly publisher: string | undefined;
}

export interface Left {
  readonly store: JournalStore;
  readonly workflows: readonly WorkflowDefinition[];
  readonly journals: readonly RunJournal[];
  readonly published: ReadonlyMap<string, Acknowledged>;
  /** By `stream seq`, the number of the append that an entry came with. */
  readonly appendOf: ReadonlyMap<string, number>;
}

/** Checks what came from elsewhere. */
export async function checkIntakes(left: Left, complain: Complain): Promise<void> {
  const outside = await outsideEvents(left.store);
  for (const [id, { topic, data, correlation }] of left.published) {
    const event = outside.find(({ facts }) => facts.id === id);
    const isSame =
      event?.facts.topic === topic &&
      event.correlation === (correlation ?? id) &&
      sameJson(event.data, data as Json);
    if (!isSame) complain("intake", `The event ${id} was acknowledged, and is not in the journal.`);
  }
  const all = [...outside, ...left.journals.flatMap(publishedIn)];
  for (const definition of left.workflows) await checkBeginnings(left, definition, all, complain);
  checkRoutes(left, all, complain);
  checkUnwinding(left, all, complain);
}

async function outsideEvents(store: JournalStore): Promise<readonly Published[]> {
  const found: Published[] = [];
  const filter = { namespace: NAMESPACE, prefix: "event/", order: "oldest", limit: 1_000 } as const;
  for (const { stream } of await store.heads(filter)) {
    for await (const recorded of readStream(store, { namespace: NAMESPACE, stream }))
      found.push(eventOf(recorded, stream, undefined));
  }
  return found;
}

function eventOf(
  { entry, value = null }: RecordedEntry,
  stream: string,
  publisher: string | undefined,
  correlation = stream.slice(stream.indexOf("/") + 1),
): Published {
  // The engine wrote it, in this very form.
  const facts = entry.payload as unknown as EventFacts;
  const { at, seq } = entry;
  return {
    facts,
    stream,
    seq,
    at,
    correlation: facts.correlation ?? correlation,
    data: value,
    publisher,
  };
}

function publishedIn({ run, workflow, entries }: RunJournal): readonly Published[] {
  return entries
    .filter(({ entry }) => entry.kind === "event.published")
    .map((each) => eventOf(each, `run/${run}`, nameIn(workflow)));
}

function nameIn(id: string): string {
  return id.slice(0, id.lastIndexOf("@"));
}

/** Each event of the topic that a choreography starts with begins one run of it in each generation. */
async function checkBeginnings(
  { store, journals }: Left,
  { name, choreography }: WorkflowDefinition,
  all: readonly Published[],
  complain: Complain,
): Promise<void> {
  if (choreography === undefined) return;
  const topic = choreography.starts.name;
  const begun = new Map<string, number>();
  for (const { run, workflow, entries } of journals) {
    const first = entries[1]?.entry;
    if (nameIn(workflow) !== name || first?.payload["id"] === undefined) continue;
    if (first.kind !== "event.received" && first.kind !== "event.refused") continue;
    const by = `${textIn(first.payload, "id")} ${generationOf(run, name)}`;
    begun.set(by, (begun.get(by) ?? 0) + 1);
  }
  for (const [by, runs] of begun)
    if (runs > 1) complain("intake", `The event ${by} has begun ${runs} runs of ${name}.`);
  // A run that waits for a person may keep the place, or the turn, of others.
  const isHeldUp = journals.some(
    (each) => nameIn(each.workflow) === name && each.end === undefined,
  );
  if (isHeldUp) return;
  const newest = await newestGeneration(store, name);
  for (const { facts, publisher } of all) {
    if (facts.topic !== topic || publisher === name) continue;
    if (!begun.has(`${facts.id} ${newest}`))
      complain("intake", `The event ${facts.id} has begun no run of ${name}.`);
  }
}

async function newestGeneration(store: JournalStore, name: string): Promise<number> {
  let newest = 0;
  for await (const { entry } of readStream(store, {
    namespace: NAMESPACE,
    stream: `subscription/${name}`,
  }))
    newest = Number(entry.payload["generation"]);
  return newest;
}

/** What a simulation may hold up an event by: outages, and jumps of the wall clock. */
const LATE_MS = 5 * 3_600_000;

/** A run that was there when an event of its correlation was published, and for long after it, has heard of it. */
function checkRoutes(
  { workflows, journals, appendOf }: Left,
  all: readonly Published[],
  complain: Complain,
): void {
  const byId = new Map(workflows.map((each) => [each.id, each]));
  const firsts = firstRuns(journals, appendOf);
  for (const { run, workflow, entries } of journals) {
    const definition = byId.get(workflow);
    if (definition === undefined) continue;
    const topics = takenBy(definition);
    const first = entries[0]?.entry;
    const correlation = first?.payload["correlation"] ?? run;
    const until = goesOnUntil(entries);
    // A wall clock that is set back says nothing of what came first.
    const since = appendOf.get(`run/${run} 0`) ?? Number.POSITIVE_INFINITY;
    const known = new Set(entries.map(({ entry }) => entry.payload["id"]));
    for (const { facts, stream, seq, at, publisher, ...event } of all) {
      if (event.correlation !== correlation || !topics.has(facts.topic) || known.has(facts.id))
        continue;
      if (stream === `run/${run}`) continue;
      if (definition.choreography !== undefined && publisher === definition.name) continue;
      const isLater = (appendOf.get(`${stream} ${seq}`) ?? 0) > since;
      const from = Math.max(at, first?.at ?? 0);
      if ((isLater || firsts.has(run)) && from + LATE_MS < until)
        complain("routes", `${run} was not told of ${facts.id}, ${until - at} ms before its end.`);
    }
  }
}

/** The runs that were the first of their workflow and correlation. */
function firstRuns(
  journals: readonly RunJournal[],
  appendOf: Left["appendOf"],
): ReadonlySet<string> {
  const firsts = new Map<string, { readonly run: string; readonly at: number }>();
  for (const { run, workflow, entries } of journals) {
    const at = appendOf.get(`run/${run} 0`) ?? Number.POSITIVE_INFINITY;
    const name = `${correlationOf(run, entries)} ${workflow}`;
    if (at < (firsts.get(name)?.at ?? Number.POSITIVE_INFINITY)) firsts.set(name, { run, at });
  }
  return new Set([...firsts.values()].map(({ run }) => run));
}

function correlationOf(run: string, entries: readonly RecordedEntry[]): string {
  return textIn(entries[0]?.entry.payload ?? {}, "correlation") || run;
}

/** An event of `failsOn` takes back the runs that were there, completed or not, each after those that began after it. */
function checkUnwinding(
  { workflows, journals, appendOf }: Left,
  all: readonly Published[],
  complain: Complain,
): void {
  const appended = (stream: string, seq: number) => appendOf.get(`${stream} ${seq}`) ?? 0;
  for (const { id, name, choreography } of workflows) {
    const topic = choreography?.failsOn?.name;
    if (topic === undefined) continue;
    for (const event of all.filter(({ facts }) => facts.topic === topic)) {
      const back = journals.filter(
        ({ run, workflow, entries }) =>
          workflow === id &&
          correlationOf(run, entries) === event.correlation &&
          (event.publisher !== name || event.stream === `run/${run}`) &&
          appended(`run/${run}`, 0) < appended(event.stream, event.seq),
      );
      for (const { run, end } of back)
        if (end === "run.completed")
          complain("unwinds", `${run} was not taken back after ${event.facts.id}.`);
      checkOrderBack(back, event, appended, complain);
    }
  }
}

/** By the append of its way back, and that of its end, for each run that one event took back. */
function checkOrderBack(
  back: readonly RunJournal[],
  { facts, stream }: Published,
  appended: (stream: string, seq: number) => number,
  complain: Complain,
): void {
  const ways = back.flatMap(({ run, entries }) => {
    const begun = entries.find(
      ({ entry }) =>
        entry.kind === "run.compensating" &&
        JSON.stringify(entry.payload["error"]).includes(`(${facts.id})`),
    );
    const last = entries.at(-1);
    // The one that has published it fails by itself, whatever others do.
    if (begun === undefined || last === undefined || stream === `run/${run}`) return [];
    const at = (seq: number) => appended(`run/${run}`, seq);
    return [{ run, startedAt: at(0), begunAt: at(begun.entry.seq), endAt: at(last.entry.seq) }];
  });
  for (const older of ways)
    for (const newer of ways)
      if (older.startedAt < newer.startedAt && newer.endAt > older.begunAt)
        complain("unwinds", `${older.run} went back before ${newer.run}, which is newer.`);
}

/** What a run takes from elsewhere: a choreography's first topic begins runs instead. */
function takenBy({ steps, choreography }: WorkflowDefinition): ReadonlySet<string> {
  const names = steps.flatMap((step) => (step.kind === "event" ? [step.topic.name] : []));
  if (choreography === undefined) return new Set(names);
  const { starts, ends, failsOn, subscribers } = choreography;
  for (const name of [...subscribers.keys(), ends?.name, failsOn?.name])
    if (name !== undefined && name !== starts.name) names.push(name);
  return new Set(names);
}

/** When a run ended, or began to. */
function goesOnUntil(entries: readonly RecordedEntry[]): number {
  const turned = entries.find(({ entry }) => TURNED.has(entry.kind));
  return turned?.entry.at ?? entries.at(-1)?.entry.at ?? 0;
}

const TURNED: ReadonlySet<string> = new Set([
  "run.completed",
  "run.overdue",
  "run.cancelling",
  "run.compensating",
  "step.failed",
  "event.refused",
]);
