/**
 * What a run has done, as compensating needs it: read from its facts, and only once the run goes back, so that a run which
 * completes pays nothing for it.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Fact, FactOf, PlannedCompensation } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import type { Limits } from "../model/limits.ts";
import type { SagaAct, SagaHistory, SagaOpening } from "../model/run.ts";
import { newRun, type Run } from "../model/run.ts";
import type {
  BranchCase,
  StepDefinition,
  WorkflowDefinition,
} from "../model/workflow-definition.ts";
import { fallbackOf, partsOf } from "../model/workflow-parts.ts";
import { deliveryView } from "./bus.ts";
import { evolve, parsePath } from "./evolve.ts";
import { readyPaths } from "./ready-paths.ts";

const compensable = new WeakMap<WorkflowDefinition, boolean>();

/** Whether any agent of a workflow, or of one nested in it, has `compensate`. */
export function mayCompensate(definition: WorkflowDefinition): boolean {
  const known = compensable.get(definition);
  if (known !== undefined) return known;
  const found = [...partsOf(definition).agents].some(({ compensate }) => compensate !== undefined);
  compensable.set(definition, found);
  return found;
}

/** By what a compensation is known in its run. */
export function compensationKey(place: { readonly path: string; readonly turn: number }): string {
  return `${place.path}:${place.turn}`;
}

/** Errors after which an attempt may have acted though nothing was sealed: no answer in time, or one that was refused. */
const MAY_HAVE_ACTED: ReadonlySet<string> = new Set([
  "TIMEOUT",
  "DEADLINE_EXCEEDED",
  "HEARTBEAT_MISSED",
  "CONTRACT_VIOLATED",
  "VALUE_TOO_LARGE",
  "MAXIMUM_EXCEEDED",
]);

interface Reading {
  readonly definition: WorkflowDefinition;
  readonly acts: Map<string, SagaAct>;
  readonly values: Map<number, Json>;
  readonly openings: Map<string, SagaOpening>;
  readonly planned: Map<string, PlannedCompensation>;
  /** What a way back has dealt with that goes to a savepoint; while the run goes back. */
  dealtWith: Set<string> | undefined;
  /** What may have been under way when a process died, by `path:turn`, as long as nothing was heard of it. */
  readonly lost: Set<string>;
  /** The run as it was when it was resumed last. */
  readonly folded: Run;
  /** Attempts that were begun, and of which nothing more was recorded. */
  readonly begun: Map<string, FactOf<"attempt.begun">>;
  /** Seq of the entry with which the run began to end; Infinity before it. */
  turnedAt: number;
  resumedSince: boolean;
  /** When the newest fact was recorded. */
  atMs: number;
  /**
   * Whether the clock may have been set back: a process that takes a run up again does so later than anything that the one
   * before recorded, and `at` stands still only where the clock says less.
   */
  clockIsBack: boolean;
}

/** Reads a run's facts. The plan is in the order of the walk: the newest first, then what takes a person. */
export function sagaHistory(
  definition: WorkflowDefinition,
  facts: readonly Fact[],
  limits: Limits,
): SagaHistory {
  const reading: Reading = {
    definition,
    acts: new Map(),
    values: new Map(),
    openings: new Map(),
    planned: new Map(),
    dealtWith: undefined,
    lost: new Set(),
    folded: newRun("", definition, limits),
    begun: new Map(),
    turnedAt: Number.POSITIVE_INFINITY,
    resumedSince: false,
    atMs: 0,
    clockIsBack: false,
  };
  for (const fact of facts) {
    if (reading.dealtWith !== undefined) {
      readBack(reading, reading.dealtWith, fact);
      continue;
    }
    read(reading, fact);
    reading.atMs = fact.at;
    if (fact.kind === "run.resumed" && fact.seq < reading.turnedAt)
      addLost(reading, facts, fact.seq);
    if (fact.kind === "handoff.refused" && fact.payload.then.kind === "skip")
      addLost(reading, facts, fact.seq, itemsBefore(pathOf(fact)));
  }
  for (const fact of reading.begun.values()) addUnknown(reading, fact);
  if (reading.resumedSince) addLost(reading, facts, reading.turnedAt);
  const { acts, values, openings } = reading;
  const walk = [...reading.planned.values()].sort((a, b) => b.seq - a.seq);
  const isForPerson = (planned: PlannedCompensation) => needsPerson(definition, reading, planned);
  const byPerson = walk.filter(isForPerson);
  const plan = [...walk.filter((planned) => !isForPerson(planned)), ...byPerson];
  return { plan, acts, values, openings };
}

/**
 * A way back that led to a savepoint is over: what it dealt with, in whatever way, is not to be undone again. One that is not
 * over leaves all as it was when it began.
 */
function readBack(reading: Reading, dealtWith: Set<string>, fact: Fact): void {
  const isDone =
    fact.kind === "compensation.sealed" ||
    (fact.kind === "compensation.resolved" && fact.payload.action !== "retry");
  // What comes from elsewhere is not lost on a run that will go on from a savepoint.
  if (fact.kind === "event.received") reading.values.set(fact.seq, fact.value ?? null);
  if (isDone) dealtWith.add(compensationKey({ path: pathOf(fact), turn: fact.turn ?? 0 }));
  if (fact.kind !== "run.restored") return;
  for (const key of dealtWith) reading.planned.delete(key);
  reading.begun.clear();
  reading.lost.clear();
  reading.dealtWith = undefined;
  reading.turnedAt = Number.POSITIVE_INFINITY;
  reading.resumedSince = false;
  reading.clockIsBack = false;
}

/** Whether nobody but a person can tell what is to be undone. */
export function needsPerson(
  definition: WorkflowDefinition,
  history: Pick<SagaHistory, "acts" | "openings">,
  planned: PlannedCompensation,
): boolean {
  if (planned.what !== "unknown") return false;
  if (history.acts.get(compensationKey(planned))?.besides !== undefined) return true;
  return actorAt(definition, history, planned)?.compensateUnknown !== true;
}

function read(reading: Reading, fact: Fact): void {
  switch (fact.kind) {
    case "run.started":
      reading.values.set(fact.seq, fact.value ?? null);
      return;
    case "step.opened":
      reading.openings.set(compensationKey({ path: pathOf(fact), turn: fact.turn ?? 0 }), {
        opening: fact.payload,
        list: fact.payload.step === "map" && Array.isArray(fact.value) ? fact.value : [],
      });
      return;
    // What a fork carried over was done by its parent, to whom it belongs.
    case "step.carried":
      reading.values.set(fact.seq, fact.value ?? null);
      return;
    case "event.published":
    case "event.received":
      reading.values.set(fact.seq, fact.value ?? null);
      if (fact.payload.topic === reading.definition.choreography?.failsOn?.name)
        reading.turnedAt = Math.min(reading.turnedAt, fact.seq);
      return;
    case "step.sealed":
      reading.values.set(fact.seq, fact.value ?? null);
      if (fact.agent === undefined) return addChild(reading, fact);
      return addResult(reading, fact);
    case "item.sealed":
      return addResult(reading, fact);
    case "attempt.begun":
      reading.begun.set(keyOf(fact), fact);
      return;
    case "attempt.failed":
      reading.begun.delete(keyOf(fact));
      return addAttempt(reading, fact);
    case "attempt.unknown":
      reading.begun.delete(keyOf(fact));
      return addUnknown(reading, fact);
    case "attempt.probed":
      if (fact.payload.answer === "notDone") forgetUnknown(reading, fact);
      return;
    case "step.resolved":
      if (fact.payload.nothingDone === true) forgetUnknown(reading, fact);
      return;
    case "step.parked":
    case "step.skipped":
      return addChild(reading, fact);
    case "step.failed":
      addChild(reading, fact);
      reading.turnedAt = Math.min(reading.turnedAt, fact.seq);
      return;
    case "run.overdue":
    case "run.cancelling":
    case "event.refused":
      reading.turnedAt = Math.min(reading.turnedAt, fact.seq);
      return;
    case "run.compensating":
      reading.dealtWith = new Set();
      return;
    case "run.resumed":
      return readResumed(reading, fact);
    default:
      return;
  }
}

function readResumed(reading: Reading, fact: FactOf<"run.resumed">): void {
  const isBack = fact.at === reading.atMs;
  reading.clockIsBack = isBack || (reading.resumedSince && reading.clockIsBack);
  if (fact.seq > reading.turnedAt) reading.resumedSince = true;
}

function addResult(reading: Reading, fact: FactOf<"step.sealed" | "item.sealed">): void {
  const path = pathOf(fact);
  const turn = fact.turn ?? 0;
  const key = compensationKey({ path, turn });
  reading.begun.delete(key);
  const other = otherThan(reading, key, fact);
  const before = reading.acts.get(key);
  // Rounds of a repeat are computed from the round before, whether that is compensated or not.
  const act = actOf(reading.definition, reading.openings, fact, fact.value ?? null);
  reading.acts.set(key, act);
  const agent = actorAt(reading.definition, reading, { path, turn });
  const agentId = fact.agent ?? agent?.id ?? "";
  // Of the two that may have been under way when a process died, this is one: the other may have acted all the same.
  const stays = reading.planned.get(key)?.what === "unknown" ? before?.besides : undefined;
  if (other === undefined && stays !== undefined && stays !== agentId) {
    reading.acts.set(key, { ...act, besides: stays });
    return;
  }
  if (other === undefined) {
    reading.planned.delete(key);
    if (agent?.compensate === undefined) return;
    reading.planned.set(key, { what: "result", path, turn, seq: fact.seq, agent: agentId });
    return;
  }
  // What may have acted in its place stays to be undone, and so does this result, if it can be.
  const { standsIn: _, ...own } = act;
  const standsIn = before?.standsIn === undefined ? {} : { standsIn: before.standsIn };
  const besides = agent?.compensate === undefined ? before?.besides : agentId;
  reading.acts.set(key, { ...own, ...standsIn, ...(besides === undefined ? {} : { besides }) });
}

/** What of another agent is known to have acted, perhaps, at the same place: one of the two is the fallback of the other. */
function otherThan(reading: Reading, key: string, fact: Fact): PlannedCompensation | undefined {
  const before = reading.planned.get(key);
  return before?.what === "unknown" && before.agent !== fact.agent ? before : undefined;
}

/**
 * A subflow, a case of a branch, or a delivery that completed as a run of its own: it is the cause of what is said. What it would
 * have published may have been refused, and its work is done all the same.
 */
function addChild(
  reading: Reading,
  fact: FactOf<"step.sealed" | "step.parked" | "step.skipped" | "step.failed">,
): void {
  if (fact.kind !== "step.sealed" && fact.causation === undefined) return;
  const path = pathOf(fact);
  const turn = fact.turn ?? 0;
  const opening = reading.openings.get(compensationKey({ path, turn }))?.opening;
  if (opening === undefined || (opening.step !== "subflow" && opening.step !== "branch")) return;
  const { step } = parsePath(path);
  const workflow = childWorkflow(reading.definition.stepByName.get(step), opening);
  if (opening.run === undefined || workflow === undefined || !mayCompensate(workflow)) return;
  // It may be told of again when its parent ends: it was done when it was first told of.
  if (reading.planned.get(compensationKey({ path, turn }))?.run === opening.run) return;
  reading.planned.set(compensationKey({ path, turn }), {
    what: "run",
    path,
    turn,
    seq: fact.seq,
    run: opening.run,
  });
}

function childWorkflow(
  step: StepDefinition | undefined,
  opening: SagaOpening["opening"],
): WorkflowDefinition | undefined {
  if (step?.kind === "subflow") return step.workflow;
  if (step?.kind === "subscription")
    return step.target.kind === "workflow" ? step.target.workflow : undefined;
  const taken = caseOf(step, opening);
  return taken?.kind === "workflow" ? taken.workflow : undefined;
}

/** An attempt that was aborted may have acted too, unless it had not begun: then it took no time. */
function addAttempt(reading: Reading, fact: FactOf<"attempt.failed">): void {
  const { error, tookMs, nothingDone } = fact.payload;
  if (nothingDone === true) return;
  const wasAborted = fact.seq > reading.turnedAt && tookMs !== undefined;
  if (wasAborted || MAY_HAVE_ACTED.has(error.code)) return addUnknown(reading, fact);
  if (tookMs !== undefined) settleLost(reading, fact);
}

/** The attempt that was lost was made again, under the same idempotency key, and says that nothing was done. */
function settleLost(reading: Reading, fact: FactOf<"attempt.failed">): void {
  const key = compensationKey({ path: pathOf(fact), turn: fact.turn ?? 0 });
  if (!reading.lost.has(key) || reading.planned.get(key)?.agent !== fact.agent) return;
  // Where a fallback may have been under way instead, only that one can say.
  if (reading.acts.get(key)?.besides !== undefined) return;
  reading.lost.delete(key);
  reading.planned.delete(key);
  reading.acts.delete(key);
}

function keyOf(fact: Fact): string {
  return compensationKey({ path: pathOf(fact), turn: fact.turn ?? 0 });
}

/** It is known that nothing was done at this place: what another agent may have done there stays. */
function forgetUnknown(reading: Reading, fact: Fact): void {
  const key = keyOf(fact);
  const planned = reading.planned.get(key);
  if (planned?.what !== "unknown" || reading.acts.get(key)?.besides !== undefined) return;
  reading.planned.delete(key);
  reading.acts.delete(key);
}

type Uncertain = "attempt.failed" | "attempt.unknown" | "attempt.begun";

function addUnknown(reading: Reading, fact: FactOf<Uncertain>): void {
  const path = pathOf(fact);
  const turn = fact.turn ?? 0;
  const key = compensationKey({ path, turn });
  const act = actOf(reading.definition, reading.openings, fact, undefined);
  const agent = actorOf(reading.definition, reading.openings, act);
  if (agent?.compensate === undefined) return;
  reading.lost.delete(key);
  const besides = otherThan(reading, key, fact)?.agent ?? reading.acts.get(key)?.besides;
  reading.acts.set(key, { ...act, ...(besides === undefined ? {} : { besides }) });
  reading.planned.set(key, {
    what: "unknown",
    path,
    turn,
    seq: fact.seq,
    agent: fact.agent ?? agent.id,
  });
}

/**
 * A process died, and left nothing in the journal of what was under way: what was ready at `seq` may have been executing, and is
 * taken to have been, until an attempt that is made after it says what became of it. An at-most-once agent says so itself.
 */
function addLost(
  reading: Reading,
  facts: readonly Fact[],
  seq: number,
  isMeant: (path: string) => boolean = () => true,
): void {
  const run = reading.folded;
  let atMs = 0;
  for (const fact of facts) {
    atMs = fact.at;
    if (fact.seq >= seq) break;
    if (fact.seq > run.seq) evolve(run, fact);
  }
  // By a clock that was set back since, nothing tells that a retry was not due yet.
  if (reading.clockIsBack) atMs = Number.POSITIVE_INFINITY;
  for (const step of reading.definition.steps) {
    const isIdle = (path: string) => !mayBeUnderWay(run, path, atMs);
    for (const path of readyPaths(run, step, isIdle)) {
      if (isIdle(path) || !isMeant(path)) continue;
      const turn = run.turns.get(step.name) ?? 0;
      const key = compensationKey({ path, turn });
      const agent = agentAt(reading.definition, reading.openings, { path, turn });
      // Of an agent with intents the journal knows.
      const isUndone = agent?.compensate !== undefined && agent.delivery === undefined;
      if (!isUndone || reading.acts.has(key)) continue;
      const reads = readsOf(run, step, path);
      const unsaid = { inputHash: undefined, output: undefined };
      reading.acts.set(key, { path, turn, seq, reads, ...unsaid });
      reading.planned.set(key, { what: "unknown", path, turn, seq, agent: agent.id });
      reading.lost.add(key);
    }
  }
}

function readsOf(run: Run, step: StepDefinition, path: string): Readonly<Record<string, number>> {
  const delivery = run.bus?.deliveries.get(path);
  if (step.kind === "subscription")
    return delivery === undefined ? {} : deliveryView(run, step, delivery).reads;
  const reads: Record<string, number> = {};
  for (const need of step.needs) {
    const sealed = run.values.get(need);
    if (sealed !== undefined) reads[need] = sealed.seq;
  }
  return reads;
}

/**
 * A map is skipped where an item was refused, and nobody waits for those that are under way: they were begun in order, before
 * it. None are, where it was the step itself that was refused.
 */
function itemsBefore(refused: string): (path: string) => boolean {
  const { step, index } = parsePath(refused);
  return (path) => {
    const item = parsePath(path);
    return refused !== step && item.step === step && item.index < index;
  };
}

/**
 * Whether an attempt of the step's own agent may be under way that nothing was said of: not where the newest one failed for
 * good, or the next is not due yet. One that waits at a gate is announced when it is let through, and so is a fallback.
 */
function mayBeUnderWay(run: Run, path: string, atMs: number): boolean {
  if (run.holds.has(path) || run.intents.has(path)) return false;
  const call = run.calls.get(path);
  if (call === undefined || call.failedAttempts === 0) return true;
  return call.retryAt !== undefined && call.retryAt <= atMs;
}

/** The agent that acted at a path, as today's definition has it. */
export function agentAt(
  definition: WorkflowDefinition,
  openings: ReadonlyMap<string, SagaOpening>,
  { path, turn }: { readonly path: string; readonly turn: number },
): AgentDefinition | undefined {
  const { step: name } = parsePath(path);
  const step = definition.stepByName.get(name);
  if (step === undefined) return undefined;
  if (step.kind === "agent" || step.kind === "map" || step.kind === "repeat") return step.agent;
  if (step.kind === "subscription")
    return step.target.kind === "agent" ? step.target.agent : undefined;
  const taken = caseOf(step, openings.get(compensationKey({ path: name, turn }))?.opening);
  return taken?.kind === "agent" ? taken.agent : undefined;
}

/** The agent that acted, or is to be asked, at a place: the step's own, or the fallback that stood in for it. */
export function actorAt(
  definition: WorkflowDefinition,
  { acts, openings }: Pick<SagaHistory, "acts" | "openings">,
  place: { readonly path: string; readonly turn: number },
): AgentDefinition | undefined {
  const act = acts.get(compensationKey(place));
  return act === undefined
    ? agentAt(definition, openings, place)
    : actorOf(definition, openings, act);
}

function actorOf(
  definition: WorkflowDefinition,
  openings: ReadonlyMap<string, SagaOpening>,
  { standsIn, ...place }: SagaAct,
): AgentDefinition | undefined {
  const own = agentAt(definition, openings, place);
  return standsIn === undefined ? own : withFallbacks(own).find(({ id }) => id === standsIn);
}

/** An agent, its fallback, that one's own, and so on. */
function withFallbacks(agent: AgentDefinition | undefined): readonly AgentDefinition[] {
  const all: AgentDefinition[] = [];
  for (let each = agent; each !== undefined; each = fallbackOf(each)) all.push(each);
  return all;
}

/** The case that a branch took, as today's definition has it. */
export function caseOf(
  step: StepDefinition | undefined,
  opening: SagaOpening["opening"] | undefined,
): BranchCase | undefined {
  if (step?.kind !== "branch" || opening?.step !== "branch") return undefined;
  return step.cases.get(opening.case);
}

function actOf(
  definition: WorkflowDefinition,
  openings: ReadonlyMap<string, SagaOpening>,
  fact: FactOf<"step.sealed" | "item.sealed" | Uncertain>,
  output: Json | undefined,
): SagaAct {
  const { turn = 0, seq, reads = {}, inputHash } = fact;
  const standsIn = isFallback(definition, openings, fact) ? { standsIn: fact.agent ?? "" } : {};
  return { path: pathOf(fact), turn, seq, reads, inputHash, output, ...standsIn };
}

/** Whether the agent that acted stood in for the step's own; an intent, and what follows from a lost one, says it by its agent alone. */
function isFallback(
  definition: WorkflowDefinition,
  openings: ReadonlyMap<string, SagaOpening>,
  fact: FactOf<"step.sealed" | "item.sealed" | Uncertain>,
): boolean {
  if (fact.agent === undefined) return false;
  if (fact.kind !== "attempt.begun" && fact.payload.fallback !== undefined) return true;
  if (fact.kind !== "attempt.begun" && fact.kind !== "attempt.unknown") return false;
  const own = agentAt(definition, openings, { path: pathOf(fact), turn: fact.turn ?? 0 });
  return withFallbacks(own).some(({ id }, i) => i > 0 && id === fact.agent);
}

function pathOf(fact: Fact): string {
  return fact.path ?? "";
}
