/** Spans of steps, deliveries and attempts. */
import { parsePath } from "../../decide/path.ts";
import { eventSpanId, spanIdOf } from "../../journal/trace-ids.ts";
import type { Fact, FactOf, Failure, UsageRecord } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { TraceFacts } from "../../model/trace-span.ts";
import {
  attemptKey,
  draftOf,
  finish,
  namedOf,
  note,
  type SpanDraft,
  type Tracing,
} from "./draft.ts";

/** A step, or a delivery, in one of its turns. */
interface Place {
  readonly path: string;
  readonly turn: number;
  readonly key: string;
}

/** A round of a repeat is of its step, which has been opened before it; a delivery stands for itself, at `subscription#seq`. */
function placeOf(tracing: Tracing, path: string, turn: number | undefined): Place {
  const { step } = parsePath(path);
  const own = turn ?? tracing.turns.get(step)?.turn ?? 0;
  const key = `${step}:${own}`;
  const isOfStep = path[step.length] !== "#" || tracing.steps.has(key) || tracing.closed.has(key);
  return isOfStep ? { path: step, turn: own, key } : { path, turn: own, key: `${path}:${own}` };
}

/** The span of the step that has a child run: its id follows from the child's, which knows nothing of its parent's turns. */
export function childsParentId(namespace: string, childRun: string): string {
  return spanIdOf({ namespace, run: childRun, of: "parent" });
}

/** The span that something at a path is a part of. */
export function spanAt(tracing: Tracing, path: string | undefined, turn?: number): string {
  if (path === undefined) return tracing.rootId;
  const place = placeOf(tracing, path, turn);
  return (
    tracing.steps.get(place.key)?.spanId ?? tracing.closed.get(place.key) ?? stepId(tracing, place)
  );
}

function stepId({ namespace, run }: Tracing, { path, turn }: Place): string {
  return spanIdOf({ namespace, run, of: "step", path, turn });
}

/** The open span of a fact's step; undefined where that has ended. */
function openStep(tracing: Tracing, fact: Fact, startAt?: number): SpanDraft | undefined {
  const place = placeOf(tracing, fact.path ?? "", fact.turn);
  if (tracing.closed.has(place.key)) return undefined;
  const known = tracing.steps.get(place.key);
  if (known !== undefined) {
    // What an attempt has noted on its way told of the step before anything told when the attempt began.
    known.startAt = Math.min(known.startAt, startAt ?? known.startAt);
    return known;
  }
  const draft = draftOf(tracing, "step", {
    subject: place.path,
    spanId: childId(tracing, fact) ?? stepId(tracing, place),
    startAt: Math.min(startAt ?? readyAt(tracing, fact, place), fact.at),
    parentId: tracing.rootId,
  });
  draft.path = place.path;
  draft.facts = { turn: place.turn };
  linkEvent(tracing, draft, place.path);
  tracing.steps.set(place.key, draft);
  return draft;
}

function childId({ namespace }: Tracing, fact: Fact): string | undefined {
  if (fact.kind !== "step.opened") return undefined;
  const child = "run" in fact.payload ? fact.payload.run : undefined;
  return child === undefined ? undefined : childsParentId(namespace, child);
}

/** A delivery is because of its event. */
function linkEvent(tracing: Tracing, draft: SpanDraft, path: string): void {
  const seq = eventSeq(path);
  const event = seq === undefined ? undefined : tracing.events.get(seq);
  if (event === undefined) return;
  draft.links = [{ traceId: tracing.traceId, spanId: eventSpanId(event), why: "event" }];
  draft.facts = { ...draft.facts, event };
}

function eventSeq(path: string): number | undefined {
  const seq = /#(\d+)$/.exec(path)?.[1];
  return seq === undefined ? undefined : Number(seq);
}

/** When all that a step reads was there, and its turn had come: what lies between that and its first attempt is waiting. */
function readyAt(tracing: Tracing, { reads, at }: Fact, { path }: Place): number {
  let ready = tracing.restoredAt;
  for (const seq of Object.values(reads ?? {}))
    ready = Math.max(ready, tracing.thereAt.get(seq) ?? 0);
  const seq = eventSeq(path);
  if (seq !== undefined) ready = Math.max(ready, tracing.thereAt.get(seq) ?? 0);
  ready = Math.max(ready, tracing.turns.get(parsePath(path).step)?.at ?? 0);
  if (ready === 0) ready = reads === undefined ? at : (tracing.root?.startAt ?? at);
  return ready;
}

/** Applies what an entry says of steps and attempts. */
export function foldStep(tracing: Tracing, fact: Fact): void {
  switch (fact.kind) {
    case "step.sealed":
      sealed(tracing, fact);
      return end(tracing, fact, "sealed");
    case "item.sealed":
      return sealed(tracing, fact);
    case "step.skipped":
      return end(tracing, fact, "skipped", { skipped: fact.payload.reason });
    case "step.failed":
      return end(tracing, fact, "failed", {}, fact.payload.error);
    case "step.opened":
      return opened(tracing, fact);
    case "attempt.failed":
    case "attempt.unknown":
      return failed(tracing, fact);
    case "attempt.begun":
      tracing.begun.set(fact.path ?? "", { attempt: fact.attempt ?? 1, at: fact.at });
      openStep(tracing, fact);
      return;
    case "handoff.refused":
      return refused(tracing, fact);
    default:
      return noteOnStep(tracing, fact);
  }
}

function opened(tracing: Tracing, fact: FactOf<"step.opened">): void {
  const draft = openStep(tracing, fact);
  if (draft === undefined) return;
  const { payload } = fact;
  draft.facts = {
    ...draft.facts,
    step: payload.step,
    ...(payload.step === "branch" ? { case: payload.case } : {}),
    ...(payload.step === "map" ? { width: payload.width } : {}),
  };
}

function sealed(tracing: Tracing, fact: FactOf<"step.sealed" | "item.sealed">): void {
  const { tookMs } = fact.payload;
  openStep(tracing, fact, earliest(tracing, fact, tookMs));
  // What a person or the engine seals was no attempt; what a probe found out was one that has ended before.
  const isAttempt = fact.by.kind === "agent" && fact.attempt !== undefined;
  if (!isAttempt || tracing.unknown.delete(attemptKey(fact))) return;
  const { value, payload } = fact;
  const output = value === undefined ? undefined : tracing.content?.output(fact, value);
  endAttempt(tracing, fact, {
    outcome: "sealed",
    facts: "timedOut" in payload && payload.timedOut === true ? { timedOut: true } : {},
    ...(output === undefined ? {} : { output }),
  });
}

function failed(tracing: Tracing, fact: FactOf<"attempt.failed" | "attempt.unknown">): void {
  openStep(tracing, fact, earliest(tracing, fact, fact.payload.tookMs));
  const { error } = fact.payload;
  if (fact.kind === "attempt.unknown") {
    const { then, lost } = fact.payload;
    tracing.unknown.add(attemptKey(fact));
    const facts = { then, ...(lost === true ? { lost } : {}) };
    return endAttempt(tracing, fact, { outcome: "unknown", error, facts });
  }
  const { retryAt, retriesCut, budget } = fact.payload;
  const facts: TraceFacts = {
    ...(retryAt === undefined ? {} : { retryAt: new Date(retryAt).toISOString() }),
    ...(retriesCut === true ? { retriesCut } : {}),
    ...(budget === undefined
      ? {}
      : { budget: budget.name ?? "the run's", "budget.measure": budget.measure }),
  };
  endAttempt(tracing, fact, { outcome: "failed", error, facts });
}

/** A step begins no later than its first attempt, which may have begun a moment before the entry that it read was timed. */
function earliest(tracing: Tracing, fact: Fact, tookMs: number | undefined): number {
  const place = placeOf(tracing, fact.path ?? "", fact.turn);
  return Math.min(readyAt(tracing, fact, place), startOf(tracing, fact, tookMs));
}

function startOf(tracing: Tracing, fact: Fact, tookMs: number | undefined): number {
  if (tookMs !== undefined) return fact.at - tookMs;
  const begun = tracing.begun.get(fact.path ?? "");
  return begun?.attempt === (fact.attempt ?? 1) ? begun.at : fact.at;
}

interface AttemptEnd {
  readonly outcome: string;
  readonly facts: TraceFacts;
  readonly error?: Failure;
  readonly output?: Json;
}

function endAttempt(
  tracing: Tracing,
  fact: FactOf<"step.sealed" | "item.sealed" | "attempt.failed" | "attempt.unknown">,
  { outcome, facts, error, output }: AttemptEnd,
): void {
  const { namespace, run } = tracing;
  const { path = "", turn = 0, attempt = 1, at, payload, agent = "" } = fact;
  const { usage, tookMs, breaker, fallback } = payload;
  const named = namedOf(agent);
  const draft = draftOf(tracing, "attempt", {
    subject: named.subject,
    spanId: spanIdOf({ namespace, run, of: "attempt", path, turn, attempt }),
    startAt: startOf(tracing, fact, tookMs),
    parentId: spanAt(tracing, path, turn),
  });
  if (named.version !== undefined) draft.version = named.version;
  draft.path = path;
  draft.facts = {
    turn,
    attempt,
    ...facts,
    ...(breaker === undefined ? {} : { breaker: breaker.name }),
    ...(breaker?.probe === true ? { "breaker.probe": true } : {}),
    ...(breaker?.to === undefined ? {} : { "breaker.to": breaker.to }),
    ...(fallback === undefined ? {} : { "fallback.for": fallback.for }),
  };
  const input = tracing.content?.input(fact);
  if (input !== undefined) draft.input = input;
  if (output !== undefined) draft.output = output;
  if (usage !== undefined) draft.usage = usage;
  tracing.begun.delete(path);
  const told = error === undefined ? {} : { error };
  finish(tracing, draft, { at, outcome, ...told });
  if (usage !== undefined) endModels(tracing, draft, { fact, usage });
}

/** Where an attempt called several models, each has a span of its own: what one of them used must be told from the other's. */
function endModels(
  tracing: Tracing,
  attempt: SpanDraft,
  { fact, usage }: { readonly fact: Fact; readonly usage: readonly UsageRecord[] },
): void {
  const models = [...new Set(usage.map(({ model }) => model))];
  if (models.length < 2) return;
  const { namespace, run } = tracing;
  const place = { namespace, run, path: fact.path ?? "", turn: fact.turn ?? 0 };
  for (const model of models) {
    const draft = draftOf(tracing, "model", {
      subject: model,
      spanId: spanIdOf({ ...place, of: `model/${model}`, attempt: fact.attempt ?? 1 }),
      startAt: attempt.startAt,
      parentId: attempt.spanId,
    });
    draft.usage = usage.filter((each) => each.model === model);
    finish(tracing, draft, { at: fact.at, outcome: "called" });
  }
}

function refused(tracing: Tracing, fact: FactOf<"handoff.refused">): void {
  const { namespace, run } = tracing;
  const { path = "", at, seq } = fact;
  const { violations, then } = fact.payload;
  const draft = draftOf(tracing, "handoff", {
    subject: path,
    spanId: spanIdOf({ namespace, run, of: "handoff", path, attempt: seq }),
    startAt: at,
    parentId: tracing.rootId,
  });
  draft.path = path;
  draft.facts = {
    then: then.kind,
    ...(then.kind === "sendBack" ? { to: then.to } : {}),
    contracts: [...new Set(violations.map(({ contract }) => contract))],
  };
  for (const { contract, path: where, rule, message } of violations)
    note(draft, "violation", at, { contract, path: where, rule, message });
  if (then.kind === "sendBack") tracing.turns.set(then.to, { turn: then.turn, at });
  const message = violations[0]?.message ?? "The handoff was refused.";
  const error = { code: "HANDOFF_REFUSED", message };
  finish(tracing, draft, { at, outcome: "refused", error });
}

function end(
  tracing: Tracing,
  fact: Fact,
  outcome: string,
  facts: TraceFacts = {},
  error?: Failure,
): void {
  const draft = openStep(tracing, fact);
  if (draft === undefined) return;
  const { key } = placeOf(tracing, fact.path ?? "", fact.turn);
  draft.facts = {
    ...draft.facts,
    ...facts,
    ...(fact.by.kind === "person" ? { by: fact.by.id } : {}),
  };
  tracing.steps.delete(key);
  tracing.closed.set(key, draft.spanId);
  finish(tracing, draft, { at: fact.at, outcome, ...(error === undefined ? {} : { error }) });
}

/** Ends what is open: the run ends, or goes back, and nothing more comes of it. */
export function endOpenSteps(tracing: Tracing, at: number): void {
  for (const [key, draft] of tracing.steps) {
    tracing.closed.set(key, draft.spanId);
    finish(tracing, draft, { at, outcome: "given up" });
  }
  tracing.steps.clear();
}

/** What happened to a step besides. */
function noteOnStep(tracing: Tracing, fact: Fact): void {
  const facts = noted(fact);
  if (facts === undefined) return;
  // A span that has ended says nothing more: what it says must not hang on when it was sent.
  const draft = openStep(tracing, fact) ?? (tracing.rootEnded ? undefined : tracing.root);
  if (draft !== undefined) note(draft, fact.kind, fact.at, facts);
}

function noted(fact: Fact): TraceFacts | undefined {
  switch (fact.kind) {
    case "attempt.held":
      return { gate: fact.payload.gate, attempt: fact.attempt ?? 1 };
    case "attempt.probed":
      return { answer: fact.payload.answer, probe: fact.payload.probe };
    case "item.failed":
      return { item: fact.path ?? "", error: fact.payload.error.code };
    case "step.parked":
      return { because: fact.payload.because, error: fact.payload.error.code };
    case "step.resolved":
      return { action: fact.payload.action, by: fact.by.id };
    case "once.recorded":
      return { name: fact.payload.name };
    case "signal.received":
      return { id: fact.payload.id, by: fact.by.id };
    case "reminder.due":
      return {};
    default:
      return undefined;
  }
}
