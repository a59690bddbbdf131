/**
 * What a run waits for, from its journal alone: what the engine derives its wake-ups from, in a form for people.
 *
 * W1. A run that has not ended always waits for something that is named here (promise 11).
 * W2. Between two entries it can't be told whether an agent is executing, or only could: both are `execution`.
 * W3. Without the workflow's definition a step that has not acted yet is not known; then `whole` is false, and `execution` may
 *     come without a path.
 */
import { parsePath } from "../decide/evolve.ts";
import { endsRun } from "../model/entry-kinds.ts";
import { type Fact, type FactOf } from "../model/entry.ts";
import { gateKind } from "../model/gate.ts";
import { invariant } from "../model/errors.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { deliveryWaits, endWait, type EventFold, eventFold, foldEvent } from "./event-waits.ts";
import { factOf, type RecordedEntry, runIdOf } from "./read.ts";
import { dueAtOf, earlier, type RunWait, type RunWaits, type WaitingCall } from "./run-wait.ts";

export { dueAtOf, type RunWait, type RunWaits } from "./run-wait.ts";

/** The fold's state. Owned by {@link waitsOf}. */
interface Fold {
  readonly definition: WorkflowDefinition | undefined;
  /** Of a choreography whose definition is at hand: what its events lead to. */
  readonly bus: EventFold | undefined;
  workflow: string;
  ended: boolean;
  /** By path; of items too. */
  readonly waits: Map<string, RunWait>;
  /** Steps that are sealed, skipped or failed, with the entry that says so. */
  readonly settled: Map<string, number>;
  /** Of steps that have items or rounds: how many are settled, and the width of a map. */
  readonly items: Map<string, { settled: number; readonly of: number | undefined }>;
  /** Steps whose answer has come before they were reached. */
  readonly answered: Set<string>;
  missing: Extract<RunWait, { readonly what: "code" }> | undefined;
  /** Since when the run winds itself down: its steps wait for nothing any more. */
  endingSince: number | undefined;
  /** On the way back: what is still to be undone, by `path:turn`. */
  back: Map<string, RunWait> | undefined;
  parked: boolean;
  /** Whether the run was cancelled on its way to a savepoint. */
  cancelled: boolean;
  deadlineAt: number | undefined;
  at: number;
}

/**
 * What a run waits for, from all of its entries; with its definition also the steps that could begin.
 * @throws BatonError RUN_NOT_FOUND for no entries
 */
export function waitsOf(
  entries: readonly RecordedEntry[],
  definition?: WorkflowDefinition,
): RunWaits {
  const run = runIdOf(entries);
  const fold: Fold = {
    definition,
    bus: definition?.choreography === undefined ? undefined : eventFold(run, definition),
    workflow: "",
    ended: false,
    waits: new Map(),
    settled: new Map(),
    items: new Map(),
    answered: new Set(),
    missing: undefined,
    endingSince: undefined,
    back: undefined,
    parked: false,
    cancelled: false,
    deadlineAt: undefined,
    at: 0,
  };
  for (const recorded of entries) {
    const fact = factOf(recorded);
    fold.ended = endsRun(fact.kind, fold.ended);
    fold.at = fact.at;
    apply(fold, fact);
    if (fold.bus !== undefined) foldEvent(fold.bus, fact);
  }
  const waits = finished(fold);
  const { workflow, ended, endingSince, back } = fold;
  // What a run does to end is bounded by none.
  const isBound = !ended && endingSince === undefined && back === undefined;
  const deadlineAt = isBound ? fold.deadlineAt : undefined;
  const dueAt = waits.map(dueAtOf).reduce(earlier, deadlineAt);
  return {
    run,
    workflow,
    waits,
    whole: definition !== undefined,
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
    ...(dueAt === undefined ? {} : { dueAt }),
  };
}

function finished(fold: Fold): readonly RunWait[] {
  const { ended, missing, back, endingSince, at } = fold;
  if (ended) return [];
  // Without its code a run takes no answer, and nothing else of it goes on.
  if (missing !== undefined) return [missing];
  const waits = back === undefined ? onward(fold) : backward(fold, back);
  return waits.length > 0 ? waits : [{ what: "execution", since: endingSince ?? at }];
}

function onward(fold: Fold): readonly RunWait[] {
  const waits: RunWait[] = [];
  for (const wait of fold.waits.values())
    if (wait.what !== "execution" || hasMore(fold, wait.path ?? ""))
      waits.push(withTopics(fold, wait));
  if (fold.endingSince !== undefined) return waits;
  const { bus, settled, at, deadlineAt } = fold;
  if (bus === undefined) return [...waits, ...begins(fold)];
  waits.push(...deliveryWaits(bus, (path) => settled.has(path) || fold.waits.has(path)));
  return waits.length > 0 ? waits : endWait(bus, { since: at, deadlineAt });
}

/** What is awaited is not in the journal, but in the definition. */
function withTopics({ definition }: Fold, wait: RunWait): RunWait {
  if (wait.what !== "event") return wait;
  const step = definition?.stepByName.get(wait.path);
  return step?.kind === "event" ? { ...wait, topics: [step.topic.name] } : wait;
}

/** Whether anything of an open step can be executed: not where all that is left of its items waits for something else. */
function hasMore({ waits, items, definition }: Fold, name: string): boolean {
  const known = items.get(name);
  if (known === undefined) return true;
  let waiting = 0;
  let held = 0;
  for (const [path, { what }] of waits) {
    if (path === name || parsePath(path).step !== name) continue;
    waiting += 1;
    if (what === "breaker" || what === "budget" || what === "rate") held += 1;
  }
  if (waiting === 0) return true;
  const step = definition?.stepByName.get(name);
  // An item that waits at a gate keeps its place among those that execute.
  if (step?.kind === "map" && held >= step.concurrency) return false;
  return known.of !== undefined && known.settled + waiting < known.of;
}

/** One after the other, unless the workflow says otherwise: what stands behind the first waits for it. */
function backward({ definition, parked }: Fold, back: Map<string, RunWait>): readonly RunWait[] {
  const waits = [...back.values()];
  if (parked) return waits.filter(({ what }) => what === "person");
  if (definition?.compensation === "parallel") return waits;
  const acted = waits.filter(({ what }) => what !== "execution" && what !== "run");
  return acted.length > 0 ? acted : waits.slice(0, 1);
}

/** Steps that have not acted, and could: all that they need is settled. */
function begins({ definition, waits, settled, at }: Fold): readonly RunWait[] {
  const found: RunWait[] = [];
  for (const { name, needs } of definition?.steps ?? []) {
    if (settled.has(name) || waits.has(name)) continue;
    if (needs.every((key) => key === "input" || settled.has(key)))
      found.push({ what: "execution", path: name, since: at });
  }
  return found;
}

function apply(fold: Fold, fact: Fact): void {
  switch (fact.kind) {
    case "run.started":
      fold.workflow = fact.payload.workflow;
      fold.deadlineAt = fact.payload.deadlineAt;
      return;
    case "run.blocked":
      fold.missing = { what: "code", missing: fact.payload.missing, since: fact.at };
      return;
    case "run.resumed":
      fold.missing = undefined;
      return;
    case "run.cancelling":
      fold.cancelled = fold.back !== undefined;
      return ends(fold, fact);
    case "run.overdue":
      fold.deadlineAt = undefined;
      if (fact.payload.pivot === undefined) ends(fold, fact);
      return;
    case "event.refused":
      return ends(fold, fact);
    case "event.published":
    case "event.received":
      if (fold.definition?.choreography?.failsOn?.name === fact.payload.topic) ends(fold, fact);
      return;
    case "run.restored":
      return restored(fold, fact);
    case "run.compensating":
      return goesBack(fold, fact);
    case "run.parked":
      fold.parked = true;
      return parks(fold, fact);
    case "compensation.sealed":
    case "compensation.failed":
    case "compensation.held":
    case "compensation.resolved":
      return compensation(fold, fact);
    default:
      if (fact.path !== undefined) step(fold, fact, fact.path);
  }
}

function step(fold: Fold, fact: Fact, path: string): void {
  const { waits, settled } = fold;
  switch (fact.kind) {
    case "step.sealed":
    case "step.carried":
    case "step.skipped":
      settle(fold, fact, path);
      return;
    case "step.failed":
      settle(fold, fact, path);
      return ends(fold, fact);
    case "step.opened":
      return opens(fold, fact, path);
    case "item.sealed":
    case "item.failed": {
      const known = fold.items.get(parsePath(path).step);
      if (known !== undefined) known.settled += 1;
      waits.delete(path);
      return;
    }
    case "attempt.failed":
    case "attempt.held":
      return call(fold, fact, path);
    case "attempt.begun":
    case "attempt.unknown":
    case "step.resolved":
      return goesOn(fold, fact, path);
    case "attempt.probed":
      return probed(fold, fact, path);
    case "step.parked": {
      const { turn = 0, at: since } = fact;
      waits.set(path, { what: "person", path, turn, since, ...fact.payload });
      return;
    }
    case "handoff.refused": {
      const { then } = fact.payload;
      if (then.kind === "sendBack") settled.delete(then.to);
      return;
    }
    case "signal.received":
      if (waits.has(path)) waits.set(path, { what: "execution", path, since: fact.at });
      else fold.answered.add(path);
      return;
    case "reminder.due": {
      const wait = waits.get(path);
      if (wait?.what === "approval" || wait?.what === "signal" || wait?.what === "event")
        waits.set(path, { ...wait, remindAt: fact.payload.remindAt });
      return;
    }
    default:
      return;
  }
}

/** A step is sealed, skipped or failed: nothing of it is waited for, its items included. */
function settle({ waits, settled, items, answered }: Fold, { seq }: Fact, name: string): void {
  settled.set(name, seq);
  items.delete(name);
  answered.delete(name);
  const wait = waits.get(name);
  waits.delete(name);
  if (wait?.what !== "execution") return;
  for (const path of waits.keys()) if (parsePath(path).step === name) waits.delete(path);
}

function opens(fold: Fold, fact: FactOf<"step.opened">, path: string): void {
  const { payload, at } = fact;
  const isAnswered = fold.answered.delete(path);
  fold.waits.set(path, isAnswered ? { what: "execution", path, since: at } : opened(fact, path));
  if (payload.step === "map") fold.items.set(path, { settled: 0, of: payload.width });
  if (payload.step === "repeat") fold.items.set(path, { settled: 0, of: undefined });
}

function opened(fact: FactOf<"step.opened">, path: string): RunWait {
  const opening = fact.payload;
  const place = { path, since: fact.at };
  switch (opening.step) {
    case "sleep":
      return { what: "timer", ...place, dueAt: opening.dueAt };
    case "approval":
    case "signal":
    case "event": {
      const { dueAt, remindAt } = opening;
      return {
        what: opening.step,
        ...place,
        ...(dueAt === undefined ? {} : { dueAt }),
        ...(remindAt === undefined ? {} : { remindAt }),
        ...(fact.value === undefined ? {} : { shown: fact.value }),
      };
    }
    case "subflow":
    case "branch":
      if (opening.run !== undefined) return { what: "run", ...place, run: opening.run };
      return { what: "execution", ...place };
    case "map":
    case "repeat":
    case "gathering":
      return { what: "execution", ...place };
  }
}

function call(fold: Fold, fact: FactOf<"attempt.failed" | "attempt.held">, path: string): void {
  // It was aborted when its step had missed its deadline: what becomes of it a person decides.
  if (fold.waits.get(path)?.what === "person") return;
  // A run that ends makes no further attempts.
  const wait = fold.endingSince === undefined ? callWait(fact, path) : undefined;
  if (wait !== undefined) fold.waits.set(path, wait);
  else fold.waits.delete(path);
}

/** What it waited for is over: it is executed, or what it leads to is said in the next entry. */
function goesOn({ waits }: Fold, { at }: Fact, path: string): void {
  if (!waits.has(path)) return;
  if (path === parsePath(path).step) waits.set(path, { what: "execution", path, since: at });
  else waits.delete(path);
}

function probed(fold: Fold, fact: FactOf<"attempt.probed">, path: string): void {
  const { answer, retryAt: dueAt, error } = fact.payload;
  if (dueAt === undefined || fold.endingSince !== undefined) return goesOn(fold, fact, path);
  const { turn = 0, attempt = 1, agent, at: since } = fact;
  const place = { path, turn, since, dueAt, ...(agent === undefined ? {} : { agent }) };
  const failure = error === undefined ? {} : { error };
  const wait: RunWait =
    answer === "notDone"
      ? { what: "retry", ...place, attempt: attempt + 1, ...failure }
      : { what: "probe", ...place, attempt };
  fold.waits.set(path, wait);
}

/** What follows from an attempt that failed or was held; undefined where it was the last. */
function callWait(
  fact: FactOf<"attempt.failed" | "attempt.held" | "compensation.failed" | "compensation.held">,
  path: string,
): Extract<RunWait, WaitingCall> | undefined {
  const { turn = 0, attempt = 1, agent, at } = fact;
  const isCompensation = fact.kind === "compensation.failed" || fact.kind === "compensation.held";
  const place = {
    path,
    turn,
    since: at,
    ...(agent === undefined ? {} : { agent }),
    ...(isCompensation ? { compensates: true as const } : {}),
  };
  if (fact.kind === "attempt.held" || fact.kind === "compensation.held") {
    const { gate, dueAt } = fact.payload;
    return { what: gateKind(gate), ...place, attempt, gate, dueAt };
  }
  const { retryAt, error } = fact.payload;
  if (retryAt === undefined) return undefined;
  return { what: "retry", ...place, attempt: attempt + 1, dueAt: retryAt, error };
}

/** The run fails, or is cancelled: only the child runs that are under way are awaited. */
function ends(fold: Fold, fact: Fact): void {
  fold.endingSince ??= fact.at;
  for (const [path, { what }] of fold.waits) if (what !== "run") fold.waits.delete(path);
}

/** Back at its savepoint the run goes on, or further back: nothing waits that did before, and what was settled later is not. */
function restored(fold: Fold, { at, payload }: FactOf<"run.restored">): void {
  for (const [name, seq] of fold.settled) if (seq > payload.seq) fold.settled.delete(name);
  fold.waits.clear();
  fold.items.clear();
  fold.back = undefined;
  fold.parked = false;
  fold.endingSince = fold.cancelled ? at : undefined;
  fold.cancelled = false;
}

function goesBack(fold: Fold, fact: FactOf<"run.compensating">): void {
  fold.back = new Map();
  // The plan is written by the saga alone, in this very form.
  for (const planned of (fact.value ?? []) as readonly {
    readonly path: string;
    readonly turn: number;
    readonly run?: string;
  }[]) {
    const { path, turn, run } = planned;
    const wait: RunWait =
      run === undefined
        ? { what: "execution", path, since: fact.at }
        : { what: "run", path, run, since: fact.at };
    fold.back.set(`${path}:${turn}`, wait);
  }
}

function parks({ back }: Fold, fact: FactOf<"run.parked">): void {
  for (const [key, wait] of back ?? []) {
    const { path } = wait as { readonly path: string };
    if (!fact.payload.paths.includes(path) || wait.what === "person") continue;
    const turn = Number(key.slice(key.lastIndexOf(":") + 1));
    back?.set(key, { what: "person", path, turn, since: fact.at });
  }
}

function compensation(
  fold: Fold,
  fact: FactOf<
    "compensation.sealed" | "compensation.failed" | "compensation.held" | "compensation.resolved"
  >,
): void {
  const { path = "", turn = 0, at } = fact;
  const { back } = fold;
  const key = `${path}:${turn}`;
  fold.parked = fold.parked && fact.kind !== "compensation.resolved";
  invariant(back !== undefined, `Entry ${fact.seq} (${fact.kind}) stands before the way back.`);
  if (fact.kind === "compensation.sealed") return void back.delete(key);
  if (fact.kind === "compensation.resolved") {
    if (fact.payload.action !== "retry") return void back.delete(key);
    back.set(key, { what: "execution", path, since: at });
    return;
  }
  const wait = callWait(fact, path);
  if (wait !== undefined) back.set(key, wait);
  else if (fact.kind === "compensation.failed")
    back.set(key, { what: "person", path, turn, since: at, error: fact.payload.error });
}
