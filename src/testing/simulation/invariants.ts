/** The promises of ARCHITECTURE as checks on what a simulated life has left behind. */
import { nextWakeAt } from "../../decide/decide.ts";
import { evolve, parsePath } from "../../decide/evolve.ts";
import { factOf, readStream, type RecordedEntry, runEntries } from "../../history/read.ts";
import { replay } from "../../history/replay.ts";
import { verifyStore } from "../../journal/verify.ts";
import { check } from "../../model/check.ts";
import type { AnyContract } from "../../model/contract.ts";
import { FINAL_KINDS } from "../../model/entry-kinds.ts";
import type { EntryKind } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { Limits } from "../../model/limits.ts";
import { newRun } from "../../model/run.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { partsOf } from "../../model/workflow-parts.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { checkBreaker } from "./breaker-invariants.ts";
import { checkEvents, type EventPromise } from "./event-invariants.ts";
import { checkCallsInTime, checkDeadlines } from "./deadline-invariants.ts";
import { checkAttempts, checkReads } from "./handoff-invariants.ts";
import { checkIntakes } from "./intake-invariants.ts";
import type { Life } from "./life.ts";
import {
  budgetsOf,
  checkBudget,
  checkBudgetedCalls,
  checkRates,
  checkRunBudgets,
} from "./pressure-invariants.ts";
import { NAMESPACE } from "./process.ts";
import { checkDelivery, checkRollbacks } from "./rollback-invariants.ts";
import { checkSavepoints } from "./savepoint-invariants.ts";
import type { SeenCall } from "./outside.ts";
import { isEventful } from "./timeless.ts";

/** The journal of one run, once its simulation is over. */
export interface RunJournal {
  readonly seed: number;
  readonly run: string;
  /** `name@version` */
  readonly workflow: string;
  readonly entries: readonly RecordedEntry[];
  /** The kind of the last entry, if the run has ended. */
  readonly end?: EntryKind;
  /** `input`, and the output of each sealed step. */
  readonly state: Readonly<Record<string, Json>>;
  /** What the run gave, if it completed. */
  readonly output?: Json;
}

/** Something that was promised and did not hold. */
export interface BrokenPromise {
  /**
   * The number of the promise in ARCHITECTURE; `breakers`, `rates` and `deadlines` for what these are to do. Of events: `outbox`
   * (no event without its cause, no cause without its events), `deliveries` (each event is handled once by each subscription),
   * `order` (of one key), `bounds` (hops and numbers of events), `intake` (one run for each event that begins one) and `routes`
   * (events reach the runs of their correlation) and `unwinds` (a failure takes them back). `own` for an invariant of the caller's.
   */
  readonly promise:
    | 1
    | 3
    | 4
    | 5
    | 6
    | 7
    | 8
    | 10
    | 11
    | 13
    | "breakers"
    | "rates"
    | "deadlines"
    | EventPromise
    | "intake"
    | "routes"
    | "unwinds"
    | "own";
  readonly message: string;
}

/** All that can be said of a life by what it left. */
export interface Remains {
  readonly journals: readonly RunJournal[];
  readonly broken: readonly BrokenPromise[];
  readonly entries: number;
  /** Hash of the last commit: equal for equal bytes in the store. */
  readonly digest: string;
}

/** Reads and checks what a life left in its store. */
export async function remainsOf(
  seed: number,
  given: readonly WorkflowDefinition[],
  life: Life,
): Promise<Remains> {
  const store = await life.store({ readOnly: true });
  const broken: BrokenPromise[] = [];
  const add = (promise: BrokenPromise["promise"], message: string) =>
    void broken.push({ promise, message });
  for (const problem of life.observed.problems) add(5, problem);
  for (const problem of life.problems) add(4, problem);
  const nested = given.flatMap((each) => [...partsOf(each).workflows]);
  const workflows = new Map(nested.map((each) => [each.id, each]));
  const report = await verifyStore(store, { namespace: NAMESPACE });
  for (const { stream, seq, message } of report.problems)
    add(1, `${stream ?? ""} ${seq ?? ""}: ${message}`);
  const journals: RunJournal[] = [];
  const found = new Map<string, string>();
  for (const { stream, type } of await store.heads({
    namespace: NAMESPACE,
    prefix: "run/",
    order: "oldest",
    limit: 10_000,
  })) {
    const run = stream.slice("run/".length);
    try {
      const entries = await runEntries(store, NAMESPACE, run);
      for (const { entry, hash } of entries) found.set(`${stream} ${entry.seq}`, hash);
      journals.push(journalOf(seed, run, type, entries));
    } catch (error) {
      add(1, `${run} can't be read: ${String(error)}`);
    }
  }
  for (const [place, hash] of life.observed.acknowledged) {
    if (place.startsWith("run/") && found.get(place) !== hash)
      add(1, `The entry ${place} was acknowledged, and is not in the journal.`);
  }
  for (const journal of journals)
    checkJournal(journal, workflows.get(journal.workflow), life.limits, add);
  if (isEventful(workflows.values())) await checkAllEvents(store, journals, workflows, life, add);
  for (const message of checkRollbacks(journals, workflows, life.outside)) add(6, message);
  for (const message of checkDelivery(journals, workflows, life.outside)) add(4, message);
  for (const { stream, entries } of await streamsOf(store, "breaker/"))
    for (const message of checkBreaker(stream, entries)) add("breakers", message);
  const { calls } = life.outside;
  await checkBudgets(store, given, calls, add);
  const workflowOf = new Map(journals.map((each) => [each.run, workflows.get(each.workflow)]));
  for (const message of checkRunBudgets((run) => workflowOf.get(run), calls)) add(13, message);
  for (const message of checkRates(calls)) add("rates", message);
  for (const { run, entries } of journals) {
    const definition = workflowOf.get(run);
    if (definition === undefined) continue;
    for (const message of checkCallsInTime(run, entries, calls, definition))
      add("deadlines", `${run} ${message}`);
  }
  const left = stuck(life, journals, workflows);
  for (const message of left) add(11, message);
  if (life.end === "endless" && (left.length > 0 || journals.every(({ end }) => end !== undefined)))
    add(11, "The simulation went on without an end.");
  return { journals, broken, entries: report.entries, digest: await digestOf(store) };
}

/** The streams of one type, by what comes after it in their names. */
async function streamsOf(
  store: JournalStore,
  prefix: "breaker/" | "budget/",
): Promise<readonly { readonly stream: string; readonly entries: readonly RecordedEntry[] }[]> {
  const found: { readonly stream: string; readonly entries: readonly RecordedEntry[] }[] = [];
  const filter = { namespace: NAMESPACE, prefix, order: "oldest", limit: 1_000 } as const;
  for (const { stream } of await store.heads(filter)) {
    const entries: RecordedEntry[] = [];
    for await (const each of readStream(store, { namespace: NAMESPACE, stream }))
      entries.push(each);
    found.push({ stream: stream.slice(prefix.length), entries });
  }
  return found;
}

/** Budgets that several runs share. */
async function checkBudgets(
  store: JournalStore,
  given: readonly WorkflowDefinition[],
  calls: readonly SeenCall[],
  add: Add,
): Promise<void> {
  const budgets = budgetsOf(given);
  if (budgets.size === 0) return;
  for (const { stream, entries } of await streamsOf(store, "budget/")) {
    const budget = budgets.get(stream);
    if (budget === undefined) add(13, `Nothing has the budget ${stream}.`);
    else for (const message of checkBudget(budget, entries)) add(13, message);
  }
  for (const message of checkBudgetedCalls(budgets, calls)) add(13, message);
}

async function checkAllEvents(
  store: JournalStore,
  journals: readonly RunJournal[],
  workflows: ReadonlyMap<string, WorkflowDefinition>,
  { observed, published }: Life,
  add: Add,
): Promise<void> {
  const { appendOf } = observed;
  for (const journal of journals) {
    const definition = workflows.get(journal.workflow);
    const appended = (seq: number) => appendOf.get(`run/${journal.run} ${seq}`);
    if (definition === undefined) continue;
    checkEvents(journal, definition, appended, (promise, message) =>
      add(promise, `${journal.run} ${message}`),
    );
  }
  const all = [...workflows.values()];
  await checkIntakes({ store, workflows: all, journals, published, appendOf }, add);
}

type Add = (promise: BrokenPromise["promise"], message: string) => void;

function journalOf(
  seed: number,
  run: string,
  workflow: string,
  entries: readonly RecordedEntry[],
): RunJournal {
  const state: Record<string, Json> = {};
  let output: Json | undefined;
  const seqs = new Map<string, number>();
  for (const { entry, value } of entries) {
    if (entry.kind === "run.restored")
      for (const [key, seq] of seqs) if (seq > Number(entry.payload["seq"])) delete state[key];
    if (value === undefined) continue;
    if (entry.kind === "run.started") state["input"] = value;
    if (entry.kind === "step.sealed" && entry.path !== undefined) {
      state[entry.path] = value;
      seqs.set(entry.path, entry.seq);
    }
    if (entry.kind === "run.completed") output = value;
  }
  const last = entries.at(-1)?.entry.kind;
  return {
    seed,
    run,
    workflow,
    entries,
    state,
    ...(last !== undefined && FINAL_KINDS.has(last) ? { end: last } : {}),
    ...(output === undefined ? {} : { output }),
  };
}

/** Kinds of which a path has one in each turn. */
const RESULTS: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "step.sealed",
  "item.sealed",
  "compensation.sealed",
  "once.recorded",
]);

function checkJournal(
  journal: RunJournal,
  workflow: WorkflowDefinition | undefined,
  limits: Limits,
  add: Add,
): void {
  const { run, entries } = journal;
  const results = new Set<string>();
  for (const { entry } of entries) {
    const { kind, path, turn, payload } = entry;
    const isResult = RESULTS.has(kind);
    if (!isResult) continue;
    const what = kind === "once.recorded" ? JSON.stringify(payload["name"]) : "";
    const undone = kind === "compensation.sealed" ? "undone" : "";
    const place = `${path ?? ""} ${turn ?? 0} ${what}${undone}`;
    if (results.has(place)) add(3, `${run} has more than one result for ${place.trim()}.`);
    results.add(place);
  }
  if (workflow === undefined) return add(1, `${run} is of ${journal.workflow}, which is unknown.`);
  for (const { entry, value } of entries) {
    const contract = contractOf(
      workflow,
      entry.kind,
      entry.path,
      entry.payload["timedOut"] === true,
    );
    if (contract === undefined || value === undefined) continue;
    const checked = check(contract, value, `${entry.kind} ${entry.path ?? ""}`, "handoff");
    if (checked.kind === "violated")
      add(
        7,
        `${run} entry ${entry.seq} breaks ${contract.id}: ${checked.violations[0]?.message ?? ""}`,
      );
  }
  if (entries[0]?.entry.kind !== "run.started") return;
  for (const message of actedAgain(entries, workflow)) add(4, `${run} ${message}`);
  for (const message of wokenLate(entries)) add(11, `${run} ${message}`);
  for (const message of checkSavepoints(entries, workflow)) add(6, `${run} ${message}`);
  for (const message of checkDeadlines(entries, workflow)) add("deadlines", `${run} ${message}`);
  for (const message of leftOut(journal, workflow)) add(4, `${run} ${message}`);
  for (const message of checkAttempts(entries)) add(3, `${run} ${message}`);
  for (const message of checkReads(entries, workflow)) add(10, `${run} ${message}`);
  for (const { seq, message } of replay(entries, workflow, limits).differences)
    add(8, `${run} entry ${seq}: ${message}`);
}

/** Steps that a run completed without. */
function leftOut(
  { end, entries }: RunJournal,
  { steps, choreography }: WorkflowDefinition,
): readonly string[] {
  // What a choreography must have done follows from its events.
  if (end !== "run.completed" || choreography !== undefined) return [];
  const settled = new Set<string>();
  for (const { entry } of entries) if (SETTLING.has(entry.kind)) settled.add(entry.path ?? "");
  return steps
    .filter(({ name }) => !settled.has(name))
    .map(({ name }) => `completed without ${name}.`);
}

const SETTLING: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "step.sealed",
  "step.carried",
  "step.skipped",
]);

/** Attempts of at-most-once agents that were begun while an earlier one may have acted, unasked. */
function actedAgain(
  entries: readonly RecordedEntry[],
  workflow: WorkflowDefinition,
): readonly string[] {
  const once = new Set(
    [...partsOf(workflow).agents].flatMap(({ id, delivery }) =>
      delivery === undefined ? [] : [id],
    ),
  );
  const uncertain = new Set<string>();
  const again: string[] = [];
  for (const { entry } of entries) {
    const { kind, path = "", turn = 0, agent = "", payload } = entry;
    const place = `${path}:${turn}`;
    const isSettled =
      (kind === "attempt.failed" && payload["nothingDone"] === true) ||
      (kind === "attempt.probed" && payload["answer"] === "notDone") ||
      kind === "step.resolved";
    if (isSettled) uncertain.delete(place);
    if (kind !== "attempt.begun" || !once.has(agent)) continue;
    if (uncertain.has(place))
      again.push(`called ${agent} again at ${path}, though it may have acted there.`);
    uncertain.add(place);
  }
  return again;
}

/** What a simulation may hold up a wake-up by: outages, and jumps of the wall clock. */
const LATE_MS = 5 * 3_600_000;

/** Steps that were ended by their time, long after it. */
function wokenLate(entries: readonly RecordedEntry[]): readonly string[] {
  const due = new Map<string, number>();
  const late: string[] = [];
  for (const { entry } of entries) {
    const { kind, path = "", at, payload } = entry;
    if (kind === "step.opened" && typeof payload["dueAt"] === "number")
      due.set(path, payload["dueAt"]);
    const dueAt = kind === "step.sealed" ? due.get(path) : undefined;
    if (dueAt !== undefined && at > dueAt + LATE_MS)
      late.push(`was woken for ${path} ${at - dueAt} ms after its time.`);
  }
  return late;
}

/** The contract that the value of an entry must keep, where there is one. */
function contractOf(
  workflow: WorkflowDefinition,
  kind: EntryKind,
  path: string | undefined,
  timedOut: boolean,
): AnyContract | undefined {
  if (kind === "run.started") return workflow.input;
  if (kind === "run.completed") return workflow.output;
  if ((kind !== "step.sealed" && kind !== "item.sealed") || path === undefined) return undefined;
  const step = workflow.stepByName.get(parsePath(path).step);
  if (step?.kind === "signal") return timedOut ? undefined : step.contract;
  if (step?.kind === "event") return timedOut ? undefined : step.topic.contract;
  if (step?.kind === "subscription")
    return step.target.kind === "agent" ? step.target.agent.output : step.target.workflow.output;
  if (step?.kind === "agent") return step.agent.output;
  if (step?.kind === "subflow") return step.workflow.output;
  const isOne = kind === "item.sealed" || step?.kind === "repeat";
  if (isOne && (step?.kind === "map" || step?.kind === "repeat")) return step.agent.output;
  return undefined;
}

/** Runs that nothing will ever bring on, though their journals name nothing that they wait for. */
function stuck(
  life: Life,
  journals: readonly RunJournal[],
  workflows: ReadonlyMap<string, WorkflowDefinition>,
): readonly string[] {
  const open = journals.filter(({ end }) => end === undefined);
  const waiting = new Set<string>();
  for (const { run, workflow, entries } of open) {
    const definition = workflows.get(workflow);
    if (definition === undefined) continue;
    const state = newRun(run, definition, life.limits);
    for (const recorded of entries) evolve(state, factOf(recorded));
    const asks = [...state.steps.values()].some(
      (step) =>
        step.kind === "open" &&
        (step.opening.step === "approval" ||
          step.opening.step === "signal" ||
          step.opening.step === "event") &&
        step.opening.dueAt === undefined,
    );
    // A parked run waits for a person, and its last entry has what that person needs.
    if (state.phase.kind === "parked" || state.parked.size > 0) waiting.add(run);
    // With a time in its journal somebody had to wake it: the simulation has waited for that, unless it was to be reminded.
    const isReminded = entries.at(-1)?.entry.kind === "reminder.due";
    if (asks && (nextWakeAt(state) === undefined || isReminded)) waiting.add(run);
  }
  const waitsBelow = (run: string) => [...waiting].some((each) => each.startsWith(`${run}/`));
  return open
    .filter(({ run }) => !waiting.has(run) && !waitsBelow(run))
    .map(({ run, entries }) => {
      const last = entries.at(-1)?.entry;
      return `${run} has not ended (${life.end}); its last entry is ${last?.kind ?? ""} ${last?.path ?? ""}.`;
    });
}

async function digestOf(store: JournalStore): Promise<string> {
  let digest = "";
  for (let after = 0; ; after += 1_000) {
    const commits = await store.commits(after, 1_000);
    digest = commits.at(-1)?.hash ?? digest;
    if (commits.length < 1_000) return digest;
  }
}
