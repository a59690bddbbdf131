/**
 * Why a run has not given what it should: from the end that is missing backward, over what each thing waits for, to what did
 * not happen first. Read from journals and definitions alone.
 */
import { parsePath } from "../decide/path.ts";
import type { RunStatus } from "../model/entry.ts";
import type { EventFacts } from "../model/event-facts.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { deliveryEnd, type EventDifference } from "./event-difference.ts";
import { eventGraph } from "./event-graph.ts";
import type { RecordedEntry } from "./read.ts";
import { type RunReport, runReport } from "./report.ts";
import { eventsIn, subscriptionSteps } from "./run-events.ts";
import type { StepSummary } from "./step-summary.ts";
import { type RunWait, type RunWaits, waitsOf } from "./waits.ts";

/** One reason, in a sentence, with what lies behind it. */
export interface WhyReason {
  readonly sentence: string;
  readonly run?: string;
  readonly path?: string;
  /** The entry of the run that says so. */
  readonly seq?: number;
  /** When something happens by itself, in milliseconds since 1970. */
  readonly dueAt?: number;
  /** The next command to type. */
  readonly next?: string;
  readonly because: readonly WhyReason[];
}

/** The answer for an id: of a run, or of a correlation. */
export interface Why {
  readonly id: string;
  /** Of the run of that id; absent where it is a correlation id only. */
  readonly status?: RunStatus;
  /** Whether all of it has given what it should. */
  readonly complete: boolean;
  readonly reasons: readonly WhyReason[];
}

/** A run, as far as it is known without its journal. */
export interface KnownRun {
  readonly id: string;
  readonly workflow: string;
  readonly status: RunStatus;
}

/** What the answer is read from. */
export interface WhySource {
  /** All entries of a run. @throws BatonError RUN_NOT_FOUND */
  entries(run: string): Promise<readonly RecordedEntry[]>;
  /** Its definition, where that is here. */
  definition(entries: readonly RecordedEntry[]): Promise<WorkflowDefinition | undefined>;
  /** The run of this id, and those whose ids begin with it: oldest first. */
  runs(correlation: string): Promise<readonly KnownRun[]>;
  /** An event that was published from outside. */
  event(id: string): Promise<RecordedEntry | undefined>;
  /** Who has paused the subscription of a choreography, if anybody has. */
  paused(choreography: string): Promise<RecordedEntry | undefined>;
  readonly workflows: readonly WorkflowDefinition[];
}

/** What one walk knows. */
interface Walk {
  readonly source: WhySource;
  readonly runs: readonly KnownRun[];
  /** Runs and topics that were looked at: a loop ends there. */
  readonly seen: Set<string>;
}

interface Place {
  readonly walk: Walk;
  readonly report: RunReport;
  readonly waits: RunWaits;
  readonly definition: WorkflowDefinition | undefined;
  readonly differences: readonly EventDifference[];
}

/** The answer; undefined where neither a run nor an event has that id. */
export async function whyOf(source: WhySource, id: string): Promise<Why | undefined> {
  const runs = await source.runs(id);
  const walk: Walk = { source, runs, seen: new Set() };
  const own = runs.find((run) => run.id === id);
  const event = own === undefined ? await source.event(id) : undefined;
  if (runs.length === 0 && event === undefined) return undefined;
  const reasons: WhyReason[] = [];
  if (event !== undefined) reasons.push(...(await intakeReasons(walk, event)));
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

/** Choreographies that begin with an event of a topic, and have not begun a run of this one. */
async function intakeReasons(
  { source, runs }: Walk,
  recorded: RecordedEntry,
): Promise<readonly WhyReason[]> {
  // Whatever stands in the stream of an event is that event.
  const { topic, id } = recorded.entry.payload as unknown as EventFacts;
  const takers = source.workflows.filter(({ choreography }) => choreography?.starts.name === topic);
  if (takers.length === 0 && runs.length === 0) {
    const sentence = `Event ${id} of ${topic} was published, and no choreography that is known here begins with one.`;
    return [{ sentence, because: [], next: "baton check" }];
  }
  const reasons: WhyReason[] = [];
  for (const { name } of new Map(takers.map((each) => [each.name, each])).values()) {
    if (runs.some((run) => run.workflow.startsWith(`${name}@`))) continue;
    const sentence = `${name} begins with events of ${topic}, and has not taken event ${id}.`;
    reasons.push({ sentence, because: await pausedReason(source, name) });
  }
  return reasons;
}

async function pausedReason(source: WhySource, name: string): Promise<readonly WhyReason[]> {
  const paused = await source.paused(name);
  if (paused === undefined) return [];
  const { by, payload } = paused.entry;
  const reason = payload["reason"];
  const why = typeof reason === "string" ? `: ${reason}` : "";
  const sentence = `Its subscription is paused, by ${by.id}${why}.`;
  return [{ sentence, because: [], next: `baton subscriptions resume ${name}` }];
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
    report,
    waits: waitsOf(entries, definition),
    definition,
    differences: isChoreography ? eventGraph(entries, definition).differences : [],
  };
  const head = { run, because: [] };
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
      const sentence = `Run ${run} was cancelled: ${report.reason ?? "no reason was given"}`;
      return [{ ...head, sentence, seq: report.lastSeq }];
    }
    case "failed":
    case "compensated":
    case "compensating":
      return [await failedReason(place, entries)];
    case "parked":
    case "running":
    case "waiting":
      return report.rollback !== undefined && report.error !== undefined
        ? [await failedReason(place, entries)]
        : [await openReason(place)];
  }
}

/** A run that has failed: the failure, what failed before it, and what the run was waiting for when its time was over. */
async function failedReason(place: Place, entries: readonly RecordedEntry[]): Promise<WhyReason> {
  const { walk, report, definition, differences } = place;
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
      sentence: `${step.path} ${deliveryEnd(step)}`,
      run,
      path: step.path,
      seq: step.seq,
      next: `baton show ${run}`,
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
  return { sentence, run, seq: report.lastSeq, next, because: news };
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

/** The id of a run that an event began is that of its correlation, and after it the choreography's name. */
function correlationOf(run: string): string {
  return run.split("/")[0] ?? run;
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
  if (ends !== undefined) because.push(...(await topicReasons(place, ends)));
  for (const wait of waits.waits) {
    if (wait.what === "event" && wait.path === "") continue;
    const path = "path" in wait ? wait.path : undefined;
    if (path !== undefined && mentions(because, path)) continue;
    because.push(await waitReason(place, wait));
  }
  const due = waits.deadlineAt === undefined ? {} : { dueAt: waits.deadlineAt };
  const what =
    ends === undefined ? "has not ended" : `has had no event of ${ends}, with which it ends`;
  return { sentence: `Run ${run} (${workflow}) ${what}.`, run, ...due, because };
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
  const { path, seq, status } = delivery;
  const { id: run } = place.report;
  if (status === "sealed") {
    const sentence = `${path} was handled (entry ${seq}), and no event of ${topic} was made of its output.`;
    return { sentence, run, path, seq, because: [], next: `baton lineage ${run} ${path}` };
  }
  const wait = place.waits.waits.find((each) => "path" in each && each.path === path);
  if (wait !== undefined) return await waitReason(place, wait);
  return { sentence: `${path} ${deliveryEnd(delivery)}`, run, path, seq, because: [] };
}

/** A topic that nobody in the run publishes: other runs of the correlation may. */
async function elsewhere({ walk, report }: Place, topic: string): Promise<readonly WhyReason[]> {
  const makers = walk.source.workflows.filter(({ steps }) =>
    steps.some(
      (step) =>
        (step.kind === "emit" && step.topic.name === topic) ||
        (step.kind === "subscription" && step.publishes.some((each) => each.topic.name === topic)),
    ),
  );
  if (makers.length === 0)
    return [
      {
        sentence: `Nobody that is known here publishes ${topic}: it must come from outside.`,
        because: [],
        next: `baton publish ${topic}`,
      },
    ];
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
  return reasons;
}

async function waitReason(place: Place, wait: RunWait): Promise<WhyReason> {
  const { report, walk } = place;
  const { id: run, steps } = report;
  const path = "path" in wait ? wait.path : undefined;
  const who = path === undefined || path === "" ? `Run ${run}` : path;
  const at = { run, ...(path === undefined || path === "" ? {} : { path }) };
  const due = "dueAt" in wait && wait.dueAt !== undefined ? { dueAt: wait.dueAt } : {};
  const plain = (sentence: string, next?: string): WhyReason => ({
    sentence,
    ...at,
    ...due,
    ...(next === undefined ? {} : { next }),
    because: [],
  });
  switch (wait.what) {
    case "person": {
      const step = steps.find((each) => each.path === path);
      const told =
        step === undefined
          ? `waits for a person: ${wait.error?.message ?? "its compensation failed"}`
          : deliveryEnd(step);
      return plain(`${who} ${told}`, `baton dead-letters show ${run}`);
    }
    case "breaker":
      return plain(
        `${who} waits at the open breaker ${wait.gate.slice("breaker/".length)}.`,
        "baton breakers",
      );
    case "budget":
      return plain(
        `${who} waits: the budget ${wait.gate.slice("budget/".length)} is spent.`,
        "baton budgets",
      );
    case "rate":
      return plain(`${who} waits for its turn at the rate ${wait.gate.slice("rate/".length)}.`);
    case "retry":
      return plain(
        `${who} failed, and is tried again (attempt ${wait.attempt}): ${wait.error?.message ?? "no reason is recorded"}`,
      );
    case "probe":
      return plain(`What an attempt of ${who} did is not known; its probe is asked again.`);
    case "approval":
      return plain(`${who} waits for an approval.`, `baton approve ${run} ${path}`);
    case "signal":
      return plain(`${who} waits for a signal.`, `baton signal ${run} ${path} payload.json`);
    case "timer":
      return plain(`${who} sleeps.`);
    case "code":
      return plain(
        `Run ${run} waits for code that is not here: ${wait.missing.join(", ")}.`,
        "baton check",
      );
    case "execution":
      return plain(`${who} is executed, or can begin.`, `baton watch ${run}`);
    case "run": {
      const because = await runReasons(walk, wait.run);
      return { ...plain(`${who} waits for run ${wait.run}.`, `baton why ${wait.run}`), because };
    }
    case "event": {
      const topics = wait.topics ?? [];
      const because: WhyReason[] = [];
      for (const topic of topics) because.push(...(await topicReasons(place, topic)));
      const names = topics.length === 0 ? "" : ` of ${topics.join(" and ")}`;
      return { ...plain(`${who} waits for an event${names}, which has not come.`), because };
    }
  }
}
