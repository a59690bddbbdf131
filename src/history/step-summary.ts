/** What is known of each step of a run from its journal alone. */
import { parsePath } from "../decide/evolve.ts";
import type { FallbackMark } from "../model/breaker.ts";
import { type Fact, type FactOf, type Failure, type ParkedBecause } from "../model/entry.ts";
import { type Gate, type GateKind, gateKind } from "../model/gate.ts";
import { invariant } from "../model/errors.ts";
import type { Json } from "../model/json.ts";
import type { Violation } from "../model/violation.ts";

/** What a step waits for. `dueAt` is in milliseconds since 1970. */
export interface Waiting {
  readonly what: "approval" | "signal" | "event" | "timer" | "run" | "person" | GateKind;
  readonly dueAt?: number;
  /** What the person is shown who has to approve. */
  readonly shown?: Json;
  /** The child run. */
  readonly run?: string;
  /** The gate that lets nothing through now: `breaker/bureau`. */
  readonly gate?: Gate;
  /** Why a person has to decide; see the dead letter. */
  readonly because?: ParkedBecause;
}

/** Items of a map, or rounds of a repeat, so far. */
export interface ItemCounts {
  readonly sealed: number;
  readonly failed: number;
  /** Wait for a person; absent where none does. */
  readonly parked?: number;
  /** The map's width; absent for a repeat. */
  readonly of?: number;
}

/** What is known of a step, or of a delivery, from the journal alone. */
export interface StepSummary {
  /** The step's name; of a delivery `subscription#seq`, with the seq of its event. */
  readonly path: string;
  /** `takenBack`: the run went back to a savepoint before it, and it has not begun again. */
  readonly status:
    | "sealed"
    | "skipped"
    | "open"
    | "retrying"
    | "parked"
    | "failed"
    | "refused"
    | "takenBack";
  readonly agent?: string;
  readonly version?: number;
  /** The entry that its status follows from. */
  readonly seq: number;
  readonly turn: number;
  /** Of its agent, over all turns and items. */
  readonly attempts: number;
  readonly tookMs?: number;
  readonly reads?: Readonly<Record<string, number>>;
  readonly error?: Failure;
  readonly violations?: readonly Violation[];
  /** Its agent had attempts left, and made none: the retries of all its runs together were spent. */
  readonly retriesCut?: true;
  /** What an open step waits for. */
  readonly waitsFor?: Waiting;
  /** Why it was skipped. */
  readonly skipped?: FactOf<"step.skipped">["payload"]["reason"];
  /** The deadline that it missed; it may have been sealed late all the same, for the record. */
  readonly missedDeadlineAt?: number;
  readonly items?: ItemCounts;
  /** The case that a branch took. */
  readonly case?: string;
  /** Set where a fallback agent gave the output, because the agent's breaker was open. */
  readonly fallback?: FallbackMark;
  /** How many items or rounds a fallback agent gave. */
  readonly fallbackItems?: number;
}

type Mutable<X> = { -readonly [K in keyof X]: X[K] };

/** A summary being made, with what only the fold needs. */
type Draft = Mutable<StepSummary> & { openedAt?: number; turnAttempts: Map<string, number> };

/** The fold's state: summaries by step, in the order in which the steps first acted. */
export type StepDrafts = Map<string, Draft>;

/** Applies one fact; `version` is the newest one after it. */
export function foldSteps(drafts: StepDrafts, fact: Fact, version: number): void {
  switch (fact.kind) {
    case "step.sealed":
    case "step.carried":
      return sealed(at(drafts, fact), fact, version);
    case "step.skipped":
      return settle(at(drafts, fact), fact, { status: "skipped", skipped: fact.payload.reason });
    case "step.opened":
      return opened(at(drafts, fact), fact);
    case "step.failed":
      return failed(at(drafts, fact), fact);
    case "item.sealed":
    case "item.failed":
      return item(at(drafts, fact), fact);
    case "attempt.failed":
      return attemptFailed(at(drafts, fact), fact);
    case "attempt.held":
      return held(at(drafts, fact), fact);
    case "attempt.begun":
      return begun(at(drafts, fact), fact);
    case "attempt.unknown":
      return unknown(at(drafts, fact), fact);
    case "attempt.probed":
      return probed(at(drafts, fact), fact);
    case "step.parked":
      return parked(at(drafts, fact), fact);
    case "step.resolved":
      return resolved(at(drafts, fact), fact);
    case "handoff.refused":
      return refused(drafts, fact);
    case "run.restored":
      return takeBack(drafts, fact);
    default:
      return;
  }
}

/** The finished summaries. `ended`: the run has ended, so that nothing is waited for any more. */
export function stepSummaries(drafts: StepDrafts, ended: boolean): readonly StepSummary[] {
  return [...drafts.values()].map(({ openedAt: _, turnAttempts, waitsFor, ...summary }) => {
    let attempts = 0;
    for (const count of turnAttempts.values()) attempts += count;
    return { ...summary, attempts, ...(waitsFor === undefined || ended ? {} : { waitsFor }) };
  });
}

function at(drafts: StepDrafts, fact: Fact): Draft {
  invariant(fact.path !== undefined, `Entry ${fact.seq} (${fact.kind}) has no path.`);
  const place = placeOf(drafts, fact.path);
  let draft = drafts.get(place);
  if (draft === undefined) {
    draft = {
      path: place,
      status: "open",
      seq: fact.seq,
      turn: 0,
      attempts: 0,
      turnAttempts: new Map(),
    };
    drafts.set(place, draft);
  }
  note(draft, fact);
  return draft;
}

/** A delivery stands for itself, at `subscription#seq`. A round of a repeat is of its step, which has been opened before it. */
function placeOf(drafts: StepDrafts, path: string): string {
  const { step } = parsePath(path);
  return path[step.length] === "#" && drafts.get(step)?.items === undefined ? path : step;
}

/** What every entry of a step tells: turn, agent, reads, attempts. */
function note(draft: Draft, fact: Fact): void {
  draft.turn = fact.turn ?? draft.turn;
  if (fact.agent !== undefined) draft.agent = fact.agent;
  if (fact.reads !== undefined) draft.reads = fact.reads;
  if (fact.agent === undefined || fact.kind === "step.carried") return;
  const key = `${fact.path}:${fact.turn ?? 0}`;
  draft.turnAttempts.set(key, Math.max(draft.turnAttempts.get(key) ?? 0, fact.attempt ?? 1));
}

/** Clears what belonged to the status before, and sets the new one. */
function settle(draft: Draft, fact: Fact, next: Partial<StepSummary>): void {
  for (const field of ["error", "waitsFor", "version", "skipped", "tookMs", "fallback"] as const)
    delete draft[field];
  if (next.status === "sealed") delete draft.violations;
  if (next.status !== "failed") delete draft.retriesCut;
  Object.assign(draft, { seq: fact.seq }, next);
}

function sealed(draft: Draft, fact: FactOf<"step.sealed" | "step.carried">, version: number): void {
  const openMs = draft.openedAt === undefined ? undefined : fact.at - draft.openedAt;
  const tookMs = (fact.kind === "step.sealed" ? fact.payload.tookMs : undefined) ?? openMs;
  const fallback = fact.kind === "step.sealed" ? fact.payload.fallback : undefined;
  settle(draft, fact, {
    status: "sealed",
    version,
    ...(tookMs === undefined ? {} : { tookMs }),
    ...(fallback === undefined ? {} : { fallback }),
  });
}

function opened(draft: Draft, fact: FactOf<"step.opened">): void {
  draft.openedAt = fact.at;
  const opening = fact.payload;
  if (opening.step === "branch") draft.case = opening.case;
  if (opening.step === "map") draft.items = { sealed: 0, failed: 0, of: opening.width };
  if (opening.step === "repeat") draft.items = { sealed: 0, failed: 0 };
  const waitsFor = waiting(fact);
  settle(draft, fact, { status: "open", ...(waitsFor === undefined ? {} : { waitsFor }) });
}

function waiting(fact: FactOf<"step.opened">): Waiting | undefined {
  const opening = fact.payload;
  switch (opening.step) {
    case "sleep":
      return { what: "timer", dueAt: opening.dueAt };
    case "approval":
    case "signal":
    case "event":
      return {
        what: opening.step,
        ...(opening.dueAt === undefined ? {} : { dueAt: opening.dueAt }),
        ...(fact.value === undefined ? {} : { shown: fact.value }),
      };
    case "subflow":
    case "branch":
      return opening.run === undefined ? undefined : { what: "run", run: opening.run };
    case "map":
    case "repeat":
    case "gathering":
      return undefined;
  }
}

function failed(draft: Draft, fact: FactOf<"step.failed">): void {
  const { error, deadlineAt } = fact.payload;
  if (deadlineAt !== undefined) draft.missedDeadlineAt = deadlineAt;
  const wasRefused = draft.status === "refused";
  settle(draft, fact, { status: wasRefused ? "refused" : "failed", error });
}

function item(draft: Draft, fact: FactOf<"item.sealed" | "item.failed">): void {
  const { sealed: done, failed: lost, ...rest } = draft.items ?? { sealed: 0, failed: 0 };
  const isSealed = fact.kind === "item.sealed";
  if (fact.kind === "item.sealed" && fact.payload.fallback !== undefined)
    draft.fallbackItems = (draft.fallbackItems ?? 0) + 1;
  draft.items = { ...rest, sealed: done + (isSealed ? 1 : 0), failed: lost + (isSealed ? 0 : 1) };
}

function attemptFailed(draft: Draft, fact: FactOf<"attempt.failed">): void {
  const { error, retryAt, retriesCut } = fact.payload;
  // An item that failed is one of many: the step itself stays open.
  if (fact.path !== draft.path) return;
  if (retryAt === undefined)
    settle(draft, fact, {
      status: "failed",
      error,
      ...(retriesCut === undefined ? {} : { retriesCut }),
    });
  else
    settle(draft, fact, { status: "retrying", error, waitsFor: { what: "timer", dueAt: retryAt } });
}

function held(draft: Draft, fact: FactOf<"attempt.held">): void {
  // An item that waits is one of many: the step itself goes on, or is seen to stand still.
  if (fact.path !== draft.path) return;
  const { gate, dueAt } = fact.payload;
  settle(draft, fact, { status: "open", waitsFor: { what: gateKind(gate), gate, dueAt } });
}

/** Whatever was settled by then and still stands is kept; see restore.ts. */
function takeBack(drafts: StepDrafts, fact: FactOf<"run.restored">): void {
  for (const draft of drafts.values()) {
    const isSettled = draft.status === "sealed" || draft.status === "skipped";
    if (isSettled && draft.seq <= fact.payload.seq) continue;
    for (const field of ["items", "case", "violations", "fallbackItems", "openedAt"] as const)
      delete draft[field];
    settle(draft, fact, { status: "takenBack" });
    draft.turn += 1;
  }
}

/** Its wait, if there was one, is over: the attempt is made. */
function begun(draft: Draft, fact: FactOf<"attempt.begun">): void {
  if (fact.path === draft.path) settle(draft, fact, { status: "open" });
}

function unknown(draft: Draft, fact: FactOf<"attempt.unknown">): void {
  if (fact.path === draft.path)
    settle(draft, fact, { status: "retrying", error: fact.payload.error });
}

function probed(draft: Draft, fact: FactOf<"attempt.probed">): void {
  if (fact.path !== draft.path) return;
  const { error = draft.error, retryAt } = fact.payload;
  settle(draft, fact, {
    status: "retrying",
    ...(error === undefined ? {} : { error }),
    ...(retryAt === undefined ? {} : { waitsFor: { what: "timer", dueAt: retryAt } }),
  });
}

function parked(draft: Draft, fact: FactOf<"step.parked">): void {
  const { because, error } = fact.payload;
  if (fact.path !== draft.path) return countParked(draft, 1);
  settle(draft, fact, { status: "parked", error, waitsFor: { what: "person", because } });
}

function resolved(draft: Draft, fact: FactOf<"step.resolved">): void {
  if (fact.path !== draft.path) return countParked(draft, -1);
  const { error } = draft;
  settle(draft, fact, { status: "open", ...(error === undefined ? {} : { error }) });
}

/** An item that waits for a person is one of many. */
function countParked(draft: Draft, by: 1 | -1): void {
  const { parked: before = 0, ...items } = draft.items ?? { sealed: 0, failed: 0 };
  draft.items = before + by > 0 ? { ...items, parked: before + by } : items;
}

function refused(drafts: StepDrafts, fact: FactOf<"handoff.refused">): void {
  const draft = at(drafts, fact);
  const { violations, then } = fact.payload;
  draft.violations = violations;
  if (then.kind === "goOn") return;
  settle(draft, fact, { status: "refused" });
  if (then.kind !== "sendBack") return;
  const producer = drafts.get(then.to);
  if (producer === undefined) return;
  settle(producer, fact, { status: "open" });
  producer.turn = then.turn;
}
