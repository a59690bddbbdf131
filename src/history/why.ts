/**
 * Why a run has not given what it should: from the end that is missing backward, over what each thing waits for, to what did
 * not happen first. Read from journals and definitions alone.
 */
import { parsePath } from "../decide/path.ts";
import type { RunStatus } from "../model/run-status.ts";
import { deliveryEnd } from "./event-difference.ts";
import { eventGraph } from "./event-graph.ts";
import type { RecordedEntry } from "./read.ts";
import { runReport } from "./report.ts";
import { eventsIn, subscriptionSteps } from "./run-events.ts";
import type { RunWait } from "./run-wait.ts";
import type { StepSummary } from "./step-summary.ts";
import { waitsOf } from "./waits.ts";
import { notTaken, pausedReason, tooEarly } from "./why-intake.ts";
import {
  named,
  type Place,
  type Walk,
  type Why,
  type WhyReason,
  type WhySource,
} from "./why-reason.ts";
import { plainWait } from "./why-wait.ts";

/** The answer; undefined where neither a run nor an event has that id, or that correlation id. */
export async function whyOf(source: WhySource, id: string): Promise<Why | undefined> {
  const runs = await source.runs(id);
  const walk: Walk = { source, runs, seen: new Set() };
  const own = runs.find((run) => run.id === id);
  const events = own === undefined ? await source.events(id) : [];
  if (runs.length === 0 && events.length === 0) return undefined;
  const reasons: WhyReason[] = [...(await tooEarly(walk, id))];
  for (const event of events)
    reasons.push(...(await notTaken(walk, event, (run) => runReasons(walk, run))));
  for (const run of own === undefined ? runs : [own]) {
    if (run.status !== "completed") reasons.push(...(await runReasons(walk, run.id)));
  }
  // What the run was part of may have gone wrong beside it.
  for (const run of own?.status === "completed" ? runs : [])
    if (run.status !== "completed") reasons.push(...(await runReasons(walk, run.id)));
  return {
    id,
    ...(own === undefined ? {} : { status: own.status }),
    complete: reasons.length === 0,
    reasons,
  };
}

async function runReasons(walk: Walk, run: string): Promise<readonly WhyReason[]> {
  if (walk.seen.has(run)) return [];
  walk.seen.add(run);
  const entries = await walk.source.entries(run);
  const definition = await walk.source.definition(entries);
  const known = walk.runs.find(({ id }) => id === run);
  const report = runReport(entries, known === undefined ? {} : { status: known.status });
  const isChoreography = definition?.choreography !== undefined;
  const place: Place = {
    walk,
    entries,
    report,
    waits: waitsOf(entries, definition),
    definition,
    differences: isChoreography
      ? eventGraph(entries, definition, { nowMs: walk.source.nowMs }).differences
      : [],
  };
  const head = { run, because: [], next: `baton show ${run}` };
  switch (report.status) {
    case "completed":
      return [];
    case "refused": {
      const why = report.violations?.[0]?.message ?? "it broke the contract";
      return [
        { ...head, seq: 0, sentence: `Run ${run} never began: its input was refused: ${why}` },
      ];
    }
    case "cancelled": {
      const by = entries.findLast(({ entry }) => entry.kind === "run.cancelling")?.entry.by.id;
      const who = by === undefined ? "" : `, by ${by}`;
      const sentence = `Run ${run} was cancelled${who}: ${report.reason ?? "no reason was given"}`;
      return [{ ...head, sentence, seq: report.lastSeq, ...endedAt(place) }];
    }
    case "failed":
    case "compensated":
    case "compensating":
      return [await failedReason(place)];
    case "parked":
    case "running":
    case "waiting":
      return report.rollback !== undefined && report.error !== undefined
        ? [await failedReason(place)]
        : [await openReason(place)];
  }
}

/** A run that has failed: the failure, what failed before it, and what the run was waiting for when its time was over. */
async function failedReason(place: Place): Promise<WhyReason> {
  const { walk, entries, report, definition, differences } = place;
  const { id: run, error, missedDeadline } = report;
  const because: WhyReason[] = [];
  if (missedDeadline !== undefined) {
    const then = waitsOf(entries.slice(0, missedDeadline.seq), definition);
    for (const wait of then.waits) because.push(await waitReason({ ...place, waits: then }, wait));
  }
  for (const step of report.steps) {
    if (step.status !== "failed" && step.status !== "refused" && !isPassedOver(step)) continue;
    const child = childAt(entries, step.path);
    const behind = child === undefined ? [] : await runReasons(walk, child);
    because.push({
      sentence: `${named(place, step.path)} ${deliveryEnd(step)}`,
      ...at(place, step),
      because: behind,
    });
  }
  because.push(...failureEvent(place, entries));
  for (const { what, message, seq } of differences)
    if (what === "storm" || what === "cycle")
      because.push({ sentence: message, run, ...(seq === undefined ? {} : { seq }), because: [] });
  const told = error === undefined ? "no reason is recorded" : `${error.code}: ${error.message}`;
  // What says the same as the run itself is said once.
  const news = because.filter(
    ({ sentence, because: behind }) =>
      behind.length > 0 || error === undefined || !sentence.includes(error.message),
  );
  const next = report.status === "parked" ? `baton dead-letters show ${run}` : `baton show ${run}`;
  const sentence = `Run ${run} (${report.workflow}) ${ENDED[report.status] ?? "failed"}: ${told}`;
  return { sentence, run, seq: report.lastSeq, ...endedAt(place), next, because: news };
}

/** When the newest entry of a run was written. */
function endedAt({ entries }: Place): { readonly since?: number } {
  const since = entries.at(-1)?.entry.at;
  return since === undefined ? {} : { since };
}

/** Where something is said of a step or a delivery, and since when. */
function at({ report, entries }: Place, { path, seq }: StepSummary): Omit<WhyReason, "sentence"> {
  const since = entries[seq]?.entry.at;
  const next = `baton show ${report.id}`;
  return {
    run: report.id,
    path,
    seq,
    next,
    ...(since === undefined ? {} : { since }),
    because: [],
  };
}

/** A delivery that its policy passed over, though it was refused or failed: nothing came of it. */
function isPassedOver({ status, skipped }: StepSummary): boolean {
  return status === "skipped" && (skipped === "refused" || skipped === "failed");
}

/** Who published the event that fails the run. */
function failureEvent(
  { report: { id: run, error }, definition }: Place,
  entries: readonly RecordedEntry[],
): readonly WhyReason[] {
  const topic = definition?.choreography?.failsOn?.name;
  const event = eventsIn(entries).find(({ payload }) => payload.topic === topic);
  if (error?.code !== "FAILURE_EVENT" || topic === undefined || event === undefined) return [];
  const { seq, path = "input" } = event;
  const who = event.kind === "event.received" || path === "input" ? "Somebody outside" : path;
  const next = `baton events ${topic} --correlation ${correlationOf(run)}`;
  return [{ sentence: `${who} published ${topic}.`, run, path, seq, next, because: [] }];
}

const ENDED: Partial<Record<RunStatus, string>> = {
  failed: "failed",
  compensated: "failed, and was undone",
  compensating: "failed, and is being undone",
  parked: "failed, and waits for a person to undo the rest of it",
};

/** The run that a step or delivery started. */
function childAt(entries: readonly RecordedEntry[], path: string): string | undefined {
  const opened = entries.findLast(
    ({ entry }) => entry.kind === "step.opened" && entry.path === path,
  );
  const run = opened?.entry.payload["run"];
  return typeof run === "string" ? run : undefined;
}

/** A run that has not ended: everything that it waits for. */
async function openReason(place: Place): Promise<WhyReason> {
  const { report, waits, definition } = place;
  const { id: run, workflow } = report;
  const ends = definition?.choreography?.ends?.name;
  const because: WhyReason[] = [];
  // Where the code is not there that executes, nothing else can be said to be missing.
  const isBlocked = waits.waits.some((wait) => wait.what === "code");
  if (ends !== undefined && !isBlocked) because.push(...(await topicReasons(place, ends)));
  for (const wait of waits.waits) {
    if (wait.what === "event" && wait.path === "") continue;
    const path = "path" in wait ? wait.path : undefined;
    if (path !== undefined && mentions(because, path)) continue;
    because.push(await waitReason(place, wait));
  }
  const due = waits.deadlineAt === undefined ? {} : { dueAt: waits.deadlineAt };
  const what =
    ends === undefined ? "has not ended" : `has had no event of ${ends}, with which it ends`;
  const next = `baton graph --run ${run}`;
  const since = report.startedAt;
  return { sentence: `Run ${run} (${workflow}) ${what}.`, run, since, ...due, next, because };
}

function mentions(reasons: readonly WhyReason[], path: string): boolean {
  return reasons.some((reason) => reason.path === path || mentions(reason.because, path));
}

/** Why no event of a topic has come in a run: who should have published it, and what became of that. */
async function topicReasons(place: Place, topic: string): Promise<readonly WhyReason[]> {
  const { definition, report, walk } = place;
  const key = `${report.id}\n${topic}`;
  if (definition === undefined || walk.seen.has(key)) return [];
  walk.seen.add(key);
  if (await hasEvent(place, topic)) return [];
  const publishers = subscriptionSteps(definition).filter(({ publishes }) =>
    publishes.some((each) => each.topic.name === topic),
  );
  if (publishers.length === 0) return await elsewhere(place, topic);
  const reasons: WhyReason[] = [];
  for (const { name, topics } of publishers) {
    const deliveries = report.steps.filter(
      ({ path }) => path.includes("#") && parsePath(path).step === name,
    );
    for (const delivery of deliveries) reasons.push(await deliveryReason(place, delivery, topic));
    const waiting = place.waits.waits.filter(
      (wait) => "path" in wait && wait.path !== undefined && parsePath(wait.path).step === name,
    );
    for (const wait of waiting) {
      const path = "path" in wait ? wait.path : undefined;
      if (!deliveries.some((each) => each.path === path))
        reasons.push(await waitReason(place, wait));
    }
    if (deliveries.length > 0 || waiting.length > 0) continue;
    const because: WhyReason[] = [];
    for (const taken of topics.values()) because.push(...(await topicReasons(place, taken.name)));
    const names = [...topics.values()].map((each) => each.name).join(" and ");
    const sentence = `${name}, which publishes ${topic}, has been given no event of ${names}.`;
    reasons.push({ sentence, run: report.id, path: name, because });
  }
  return reasons;
}

async function hasEvent({ walk, report }: Place, topic: string): Promise<boolean> {
  const events = eventsIn(await walk.source.entries(report.id));
  return events.some(({ payload }) => payload.topic === topic);
}

async function deliveryReason(
  place: Place,
  delivery: StepSummary,
  topic: string,
): Promise<WhyReason> {
  const { path, seq, status, skipped } = delivery;
  const { id: run } = place.report;
  const who = named(place, path);
  if (status === "sealed") {
    const sentence = `${who} was handled (entry ${seq}), and no event of ${topic} was made of its output.`;
    return { ...at(place, delivery), sentence, next: `baton lineage ${run} ${path}` };
  }
  const wait = place.waits.waits.find((each) => "path" in each && each.path === path);
  if (wait !== undefined) return await waitReason(place, wait);
  const reason = { ...at(place, delivery), sentence: `${who} ${deliveryEnd(delivery)}` };
  const event = skipped === "when" ? takenBy(place, delivery) : undefined;
  return event === undefined ? reason : { ...reason, next: `baton events show ${event}` };
}

/** The id of an event that a delivery was of. */
function takenBy({ entries }: Place, { reads = {} }: StepSummary): string | undefined {
  const [seq] = Object.values(reads);
  return eventsIn(entries).find((event) => event.seq === seq)?.payload.id;
}

/** Runs that belong together have ids that begin in the same way. */
function correlationOf(run: string): string {
  return run.split("/")[0] ?? run;
}

/** A topic that nobody in the run publishes: other runs of the correlation may. */
async function elsewhere(place: Place, topic: string): Promise<readonly WhyReason[]> {
  const { walk, report } = place;
  const makers = walk.source.workflows.filter(({ steps }) =>
    steps.some(
      (step) =>
        (step.kind === "emit" && step.topic.name === topic) ||
        (step.kind === "subscription" && step.publishes.some((each) => each.topic.name === topic)),
    ),
  );
  const reasons: WhyReason[] = [];
  const runs = await walk.source.runs(correlationOf(report.id));
  for (const { id, name } of makers) {
    const own = runs.filter((run) => run.workflow === id && run.id !== report.id);
    for (const run of own) {
      const behind = await runReasons({ ...walk, runs }, run.id);
      const sentence =
        behind.length > 0
          ? `${run.id} should publish ${topic}.`
          : `${run.id} could publish ${topic}, and has not (${run.status}).`;
      reasons.push({ sentence, run: run.id, because: behind, next: `baton show ${run.id}` });
    }
    if (own.length > 0) continue;
    const sentence = `${name}, which publishes ${topic}, has no run under this correlation id.`;
    reasons.push({ sentence, because: await pausedReason(walk.source, name) });
  }
  if (makers.length > 0) return reasons;
  reasons.push(...(await removedTakers(place, runs)));
  if (reasons.length > 0) return reasons;
  const sentence = `Nobody that is known here publishes ${topic}: it must come from outside.`;
  const next = `baton publish ${topic} --correlation ${correlationOf(report.id)}`;
  return [{ sentence, because: [], next }];
}

/** Choreographies that the journal has and that are not here: they would have begun with what the run has published. */
async function removedTakers(
  { walk, entries }: Place,
  runs: Walk["runs"],
): Promise<readonly WhyReason[]> {
  const known = new Set(walk.source.workflows.map(({ name }) => name));
  const gone = (await walk.source.subscriptions()).filter(({ name }) => !known.has(name));
  const reasons: WhyReason[] = [];
  for (const { at: since, payload, kind } of eventsIn(entries)) {
    if (kind !== "event.published" || !gone.some(({ topic }) => topic === payload.topic)) continue;
    const { id, topic, key } = payload;
    const event = { id, topic, at: since, ...(key === undefined ? {} : { key }) };
    reasons.push(...(await notTaken({ ...walk, runs }, event, (run) => runReasons(walk, run))));
  }
  return reasons;
}

/** What is waited for, with what lies behind it. */
async function waitReason(place: Place, wait: RunWait): Promise<WhyReason> {
  const reason = await plainWait(place, wait);
  if (wait.what === "run") return { ...reason, because: await runReasons(place.walk, wait.run) };
  if (wait.what !== "event") return reason;
  const because: WhyReason[] = [];
  for (const topic of wait.topics ?? []) because.push(...(await topicReasons(place, topic)));
  return { ...reason, because };
}
