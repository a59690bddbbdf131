/**
 * What a run has done, as compensating needs it: read from its facts, and only once the run goes back, so that a run which
 * completes pays nothing for it.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Fact, FactOf, PlannedCompensation } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import type { Limits } from "../model/limits.ts";
import type { Run, SagaAct, SagaHistory, SagaOpening } from "../model/run.ts";
import { newRun } from "../model/run.ts";
import type {
  BranchCase,
  StepDefinition,
  WorkflowDefinition,
} from "../model/workflow-definition.ts";
import { fallbackOf, partsOf } from "../model/workflow-parts.ts";
import { deliveryView } from "./bus.ts";
import { evolve, parsePath } from "./evolve.ts";

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
  "CONTRACT_VIOLATED",
  "VALUE_TOO_LARGE",
]);

interface Reading {
  readonly definition: WorkflowDefinition;
  readonly acts: Map<string, SagaAct>;
  readonly values: Map<number, Json>;
  readonly openings: Map<string, SagaOpening>;
  readonly planned: Map<string, PlannedCompensation>;
  /** Seq of the entry with which the run began to end; Infinity before it. */
  turnedAt: number;
  resumedSince: boolean;
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
    turnedAt: Number.POSITIVE_INFINITY,
    resumedSince: false,
  };
  for (const fact of facts) {
    if (fact.kind === "run.compensating") break;
    read(reading, fact);
  }
  if (reading.resumedSince) addLost(reading, facts, limits);
  const { acts, values, openings } = reading;
  const walk = [...reading.planned.values()].sort((a, b) => b.seq - a.seq);
  const isForPerson = (planned: PlannedCompensation) => needsPerson(definition, reading, planned);
  const byPerson = walk.filter(isForPerson);
  const plan = [...walk.filter((planned) => !isForPerson(planned)), ...byPerson];
  return { plan, acts, values, openings };
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
      reading.openings.set(pathOf(fact), {
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
      return;
    case "step.sealed":
      reading.values.set(fact.seq, fact.value ?? null);
      if (fact.agent === undefined) return addChild(reading, fact);
      return addResult(reading, fact);
    case "item.sealed":
      return addResult(reading, fact);
    case "attempt.failed":
      return addAttempt(reading, fact);
    case "step.failed":
    case "run.cancelling":
      reading.turnedAt = Math.min(reading.turnedAt, fact.seq);
      return;
    case "run.resumed":
      if (fact.seq > reading.turnedAt) reading.resumedSince = true;
      return;
    default:
      return;
  }
}

function addResult(reading: Reading, fact: FactOf<"step.sealed" | "item.sealed">): void {
  const path = pathOf(fact);
  const turn = fact.turn ?? 0;
  const key = compensationKey({ path, turn });
  const other = otherThan(reading, key, fact);
  const before = reading.acts.get(key);
  // Rounds of a repeat are computed from the round before, whether that is compensated or not.
  const act = actOf(fact, fact.value ?? null);
  reading.acts.set(key, act);
  const agent = actorAt(reading.definition, reading, { path, turn });
  const agentId = fact.agent ?? agent?.id ?? "";
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

/** A subflow, or a case of a branch, that completed as a run of its own. */
function addChild(reading: Reading, fact: FactOf<"step.sealed">): void {
  const path = pathOf(fact);
  const opening = reading.openings.get(path)?.opening;
  if (opening === undefined || (opening.step !== "subflow" && opening.step !== "branch")) return;
  const { step } = parsePath(path);
  const workflow = childWorkflow(reading.definition.stepByName.get(step), opening);
  if (opening.run === undefined || workflow === undefined || !mayCompensate(workflow)) return;
  const turn = fact.turn ?? 0;
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
  const { error, tookMs } = fact.payload;
  const wasAborted = fact.seq > reading.turnedAt && tookMs !== undefined;
  if (!wasAborted && !MAY_HAVE_ACTED.has(error.code)) return;
  addUnknown(reading, fact);
}

function addUnknown(reading: Reading, fact: FactOf<"attempt.failed">): void {
  const path = pathOf(fact);
  const turn = fact.turn ?? 0;
  const key = compensationKey({ path, turn });
  const act = actOf(fact, undefined);
  const agent = actorOf(reading.definition, reading.openings, act);
  if (agent?.compensate === undefined) return;
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
 * The process died between the failure and the end of what was under way: those attempts left nothing in the journal. What
 * was ready when the run began to end may have been executing, and is taken to have been.
 */
function addLost(reading: Reading, facts: readonly Fact[], limits: Limits): void {
  const run = newRun("", reading.definition, limits);
  for (const fact of facts) {
    if (fact.seq >= reading.turnedAt) break;
    evolve(run, fact);
  }
  for (const step of reading.definition.steps) {
    for (const path of readyPaths(run, step)) {
      const turn = run.turns.get(step.name) ?? 0;
      const key = compensationKey({ path, turn });
      const own = agentAt(reading.definition, reading.openings, path);
      // Which of them was executing when the process died is not known: the breaker may have been open.
      const [agent, other] = withFallbacks(own).filter((each) => each.compensate !== undefined);
      if (agent === undefined || reading.acts.has(key)) continue;
      const seq = reading.turnedAt;
      const reads = readsOf(run, step, path);
      reading.acts.set(key, {
        ...{ path, turn, seq, reads, inputHash: undefined, output: undefined },
        ...(agent === own ? {} : { standsIn: agent.id }),
        ...(other === undefined ? {} : { besides: other.id }),
      });
      reading.planned.set(key, { what: "unknown", path, turn, seq, agent: agent.id });
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

/** The calls of a step that may have been executing: a map begins its items in order, no more at a time than it may. */
function readyPaths(run: Run, step: StepDefinition): readonly string[] {
  const { name } = step;
  if (step.kind === "subscription") {
    return [...(run.bus?.deliveries ?? [])].flatMap(([path, delivery]) =>
      delivery.step === name && !run.steps.has(path) && !isPausing(run, path) ? [path] : [],
    );
  }
  const state = run.steps.get(name);
  if (state === undefined) {
    return step.kind === "agent" && run.agenda.has(name) && !isPausing(run, name) ? [name] : [];
  }
  if (state.kind !== "open") return [];
  if (step.kind === "branch") return isPausing(run, name) ? [] : [name];
  const { items } = state;
  if (items === undefined) return [];
  if (step.kind === "repeat") return [`${name}#${items.settled}`];
  if (step.kind !== "map") return [];
  const again = [...run.calls.keys()].filter((path) => parsePath(path).step === name).length;
  const begun = items.settled + step.concurrency + again;
  return items.list
    .slice(0, begun)
    .flatMap((_, index) => (items.results[index] === undefined ? [`${name}[${index}]`] : []));
}

function isPausing(run: Run, path: string): boolean {
  return run.calls.get(path)?.retryAt !== undefined;
}

/** The agent that acted at a path, as today's definition has it. */
export function agentAt(
  definition: WorkflowDefinition,
  openings: ReadonlyMap<string, SagaOpening>,
  path: string,
): AgentDefinition | undefined {
  const { step: name } = parsePath(path);
  const step = definition.stepByName.get(name);
  if (step === undefined) return undefined;
  if (step.kind === "agent" || step.kind === "map" || step.kind === "repeat") return step.agent;
  if (step.kind === "subscription")
    return step.target.kind === "agent" ? step.target.agent : undefined;
  const taken = caseOf(step, openings.get(name)?.opening);
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
    ? agentAt(definition, openings, place.path)
    : actorOf(definition, openings, act);
}

function actorOf(
  definition: WorkflowDefinition,
  openings: ReadonlyMap<string, SagaOpening>,
  { path, standsIn }: SagaAct,
): AgentDefinition | undefined {
  const own = agentAt(definition, openings, path);
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
  fact: FactOf<"step.sealed" | "item.sealed" | "attempt.failed">,
  output: Json | undefined,
): SagaAct {
  const { turn = 0, seq, reads = {}, inputHash } = fact;
  const isFallback = fact.payload.fallback !== undefined && fact.agent !== undefined;
  const standsIn = isFallback ? { standsIn: fact.agent } : {};
  return { path: pathOf(fact), turn, seq, reads, inputHash, output, ...standsIn };
}

function pathOf(fact: Fact): string {
  return fact.path ?? "";
}
