/**
 * Actors: a run in memory, its turns and its appends. See core.ts for the invariants.
 *
 * Life of an actor: made by start or load -> listed -> (processed: turn, append, perform)* -> rests (nothing under way) ->
 * dropped, or ends -> dropped. A rested run is woken by a signal, a timer or a child's end, which load it again.
 */
import { takeTurn } from "../../decide/accept.ts";
import { nextDeadlineAt } from "../../decide/deadline.ts";
import { hasEnded, isComplete, nextWakeAt, statusOf } from "../../decide/decide.ts";
import type { Deliberation } from "../../decide/turn.ts";
import { seal, type Sealed } from "../../journal/seal.ts";
import { type FactOf, runStream } from "../../model/entry.ts";
import { OPEN_STATUSES } from "../../model/run-status.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { Run } from "../../model/run.ts";
import type { Blob, StreamAppend, StreamIndex } from "../../ports/journal-store.ts";
import type { RunOutcome } from "../baton.ts";
import type { Actor, Arrival, Arrived, Core } from "./core.ts";
import { deliver, gone, listActor } from "./inbox.ts";
import { moved } from "./overload.ts";
import { childOutcome, finished, outcomeOf } from "./outcomes.ts";
import { perform } from "./perform.ts";
import { tellTopics } from "./topic-reader.ts";

/** Pause before an append that the store could not do is tried again; doubled up to the second number. */
const APPEND_RETRY_MS = 100;
const APPEND_RETRY_MAX_MS = 5_000;

/** A run that is due sooner stays in memory: reading it again would cost more than keeping it. */
const STAY_MS = 5_000;

const NO_BLOBS: readonly Blob[] = [];

export function newActor(core: Core, run: Run, head: string): Actor {
  return {
    id: run.id,
    stream: { namespace: core.namespace, stream: runStream(run.id) },
    run,
    head,
    inbox: [],
    appending: false,
    listed: false,
    again: false,
    placed: false,
    inLine: undefined,
    blobs: NO_BLOBS,
    stopRetry: undefined,
    dropped: false,
    attempts: new Map(),
    index: undefined,
  };
}

/** Takes in what has arrived, decides, appends, and then performs. Called by the tick, never while an append is under way (E2). */
export function processActor(core: Core, actor: Actor): void {
  const arrivals = actor.inbox;
  actor.inbox = [];
  actor.again = false;
  const { stream } = actor.stream;
  const { namespace, epoch, limits } = core;
  const { inlinePayloadBytesMax } = limits;
  let turn: Deliberation;
  let sealed: Sealed;
  try {
    turn = takeTurn(
      actor.run,
      arrivals.map((arrival) => arrival.input),
      core.clock.now(),
      actor.placed,
    );
    sealed = seal(
      { namespace, stream, epoch, prev: actor.head, inlinePayloadBytesMax },
      turn.facts,
    );
  } catch (cause) {
    stopRun(core, actor, arrivals, cause);
    return;
  }
  if (turn.facts.length === 0) {
    settle(core, actor, turn, arrivals);
    return;
  }
  actor.appending = true;
  append(core, actor, turn, sealed, arrivals, APPEND_RETRY_MS);
}

function append(
  core: Core,
  actor: Actor,
  turn: Deliberation,
  sealed: Sealed,
  arrivals: readonly Arrival[],
  retryMs: number,
): void {
  const index = indexOf(actor.run);
  const first = sealed.entries[0]?.stored.seq ?? 0;
  const stream: StreamAppend = {
    namespace: core.namespace,
    stream: actor.stream.stream,
    expectedSeq: first - 1,
    entries: sealed.entries.map((entry) => entry.stored),
    ...(sameIndex(index, actor.index) ? {} : { index }),
  };
  const blobs = actor.blobs.length === 0 ? sealed.blobs : [...actor.blobs, ...sealed.blobs];
  core.store.append({ streams: [stream], blobs, epoch: core.epoch }).then(
    (result) => {
      if (result.kind === "appended") {
        appended(core, actor, turn, sealed, arrivals);
      } else if (result.kind === "fenced") {
        fence(core);
        for (const arrival of arrivals)
          arrival.done?.({ kind: "failed", error: core.stopped ?? gone(actor.id) });
      } else {
        isOurs(core, actor, sealed).then(
          (ours) =>
            ours
              ? appended(core, actor, turn, sealed, arrivals)
              : conflicted(core, actor, sealed, arrivals),
          (error: unknown) => appendFailed(core, actor, turn, sealed, arrivals, retryMs, error),
        );
      }
    },
    (error: unknown) => appendFailed(core, actor, turn, sealed, arrivals, retryMs, error),
  );
}

/** Whether the stream ends with these very entries: they were committed, and the answer was lost. Their hashes cover time, epoch and place. */
async function isOurs(core: Core, actor: Actor, { entries }: Sealed): Promise<boolean> {
  const stored = await core.store.read(
    actor.stream,
    entries[0]?.stored.seq ?? 0,
    entries.length + 1,
  );
  return (
    stored.length === entries.length &&
    stored.every(({ hash }, i) => hash === entries[i]?.stored.hash)
  );
}

function appended(
  core: Core,
  actor: Actor,
  turn: Deliberation,
  sealed: Sealed,
  arrivals: readonly Arrival[],
): void {
  actor.appending = false;
  actor.head = sealed.head;
  actor.index = indexOf(actor.run);
  actor.blobs = NO_BLOBS;
  if (actor.dropped) {
    for (const arrival of arrivals) arrival.done?.(TAKEN);
    return;
  }
  const watchers = core.watchers.get(actor.id);
  if (watchers !== undefined) for (const watcher of watchers) watcher.entries(sealed.entries);
  if (core.topicWatchers.size > 0) tellTopics(core, actor, sealed);
  settle(core, actor, turn, arrivals);
}

/** What follows once the facts of a turn are in the journal (E1). */
function settle(core: Core, actor: Actor, turn: Deliberation, arrivals: readonly Arrival[]): void {
  for (const arrival of arrivals) arrival.done?.(TAKEN);
  // What waited for a breaker is not wanted any more: it must not stand before those who are.
  for (const fact of turn.facts) {
    if (fact.kind === "run.compensating") forgetWaits(core, actor.id);
    if (fact.kind === "step.parked") tellParked(core, actor, fact);
  }
  if (!core.closing) perform(core, actor, turn.commands);
  if (hasEnded(actor.run)) endActor(core, actor);
  else if (actor.inbox.length > 0 || actor.again) listActor(core, actor);
  else if (isResting(core, actor)) rest(core, actor);
  else awaitNext(core, actor);
}

/** A person is needed: that is said where somebody hears it, and not only in the journal. */
function tellParked(core: Core, { id }: Actor, fact: FactOf<"step.parked">): void {
  const { path = "", payload } = fact;
  const { because, error } = payload;
  core.log({
    level: "warn",
    message: `Run ${id} waits for a person: ${path} is parked as ${because}: ${error.message}`,
    at: core.clock.now(),
    run: id,
    path,
    data: { because, code: error.code },
  });
}

/** Something is under way, or can be: the next due time is watched meanwhile. */
function awaitNext(core: Core, actor: Actor): void {
  const turns = isTurning(actor.run);
  // To end, or to go back, takes no place: a parent that waits for its child must not keep it from what it still has to do.
  if (turns) leavePlace(core, actor);
  else takePlace(core, actor);
  // While it stands in the queue its time may come as it likes, but for its deadlines: it is looked at when it has a place.
  const isLookedAt = actor.placed || turns;
  core.wakes.set(actor.id, isLookedAt ? nextWakeAt(actor.run) : nextDeadlineAt(actor.run));
}

const TAKEN: Arrived = { kind: "taken" };

/**
 * The stream is not where the actor believed. For a run that is being started: the id is taken. Otherwise somebody else
 * wrote under our epoch, which the lease rules out: the actor is dropped, and the journal decides at the next load.
 */
function conflicted(core: Core, actor: Actor, sealed: Sealed, arrivals: readonly Arrival[]): void {
  const starting = sealed.entries[0]?.stored.seq === 0;
  const late = actor.inbox;
  actor.inbox = [];
  dropActor(core, actor);
  for (const { input, done } of [...arrivals, ...late]) {
    const isStart = input.kind === "start" || input.kind === "refuseStart";
    // Whoever joins the start only waits until the run is in the journal, and it is: another was first.
    if (starting && input.kind === "tick") done?.(TAKEN);
    else done?.(isStart ? { kind: "conflict" } : { kind: "failed", error: gone(actor.id) });
  }
  if (starting) return;
  core.log({
    level: "error",
    message: "The journal was not where the run expected it; it is loaded anew.",
    at: core.clock.now(),
    run: actor.id,
  });
  core.activate(actor.id);
}

/** A store that can't commit now (disk full, say) may do so later. A run that nobody has an answer of yet is refused at once. */
function appendFailed(
  core: Core,
  actor: Actor,
  turn: Deliberation,
  sealed: Sealed,
  arrivals: readonly Arrival[],
  retryMs: number,
  cause: unknown,
): void {
  const error = isBatonError(cause)
    ? cause
    : new BatonError("STORE_FAILED", `${core.store.label} could not commit.`, { cause });
  const starting = sealed.entries[0]?.stored.seq === 0;
  const fail = () => {
    for (const arrival of arrivals) arrival.done?.({ kind: "failed", error });
  };
  // A process that closes goes on trying in the time that is left.
  if (actor.dropped || starting || core.stopped !== undefined || error.code !== "STORE_FAILED") {
    dropActor(core, actor);
    fail();
    if (core.stopped !== undefined || core.closing) return;
    if (starting) {
      goOnIfKept(core, actor, sealed);
      return;
    }
    core.log({
      level: "error",
      message: `${error.message} The run stops here; it is tried again when Baton is opened again.`,
      at: core.clock.now(),
      run: actor.id,
      data: { code: error.code },
    });
    tellWaiters(core, actor.id, error);
    return;
  }
  core.log({
    level: "error",
    message: `${error.message} Tried again in ${retryMs} ms.`,
    at: core.clock.now(),
    run: actor.id,
    data: { code: error.code, retryMs },
  });
  const cancel = core.clock.after(retryMs, () => {
    actor.stopRetry = undefined;
    append(core, actor, turn, sealed, arrivals, Math.min(retryMs * 2, APPEND_RETRY_MAX_MS));
  });
  actor.stopRetry = () => {
    cancel();
    fail();
  };
}

/** A start that was refused may be in the journal all the same, if only the answer was lost: then the run goes on. */
function goOnIfKept(core: Core, actor: Actor, sealed: Sealed): void {
  core.store.head(actor.stream).then(
    (head) => {
      if (head === undefined) return;
      // What it has published is there as well.
      if (core.topicWatchers.size > 0) tellTopics(core, actor, sealed);
      if (head.open) core.activate(actor.id);
    },
    () => {
      // The store can't be read either. Whoever starts the run again, or opens the store again, finds it.
    },
  );
}

/** An error while deciding is a bug in Baton: it stops this run, not the process. The journal is as it was. */
function stopRun(core: Core, actor: Actor, arrivals: readonly Arrival[], cause: unknown): void {
  const error = isBatonError(cause)
    ? cause
    : new BatonError("INVARIANT_BROKEN", `Run ${actor.id} stopped: ${String(cause)}`, { cause });
  core.log({
    level: "error",
    message: error.message,
    at: core.clock.now(),
    run: actor.id,
    data: { code: error.code },
  });
  dropActor(core, actor);
  for (const arrival of arrivals) arrival.done?.({ kind: "failed", error });
  tellWaiters(core, actor.id, error);
}

/** Nothing under way but child runs, which wake their parent when they end. */
function isResting(core: Core, actor: Actor): boolean {
  const { run } = actor;
  if (
    actor.attempts.size > 0 ||
    actor.appending ||
    // Without the code that it needs, a run that is ending waits for another process.
    (isTurning(run) && (run.missing.length === 0 || run.performing.size > 0))
  )
    return false;
  // What can begin, and a run that can complete, wait for a place.
  if (run.phase.kind === "going" && (run.agenda.size > 0 || isComplete(run))) return false;
  for (const performing of run.performing.values())
    if (performing.agent !== undefined) return false;
  const wakeAtMs = nextWakeAt(run);
  return wakeAtMs === undefined || wakeAtMs > core.clock.now();
}

/** On its way to an end other than completion: it stays in memory, and keeps what it has read of its journal. */
function isTurning({ phase }: Run): boolean {
  return phase.kind === "failing" || phase.kind === "cancelling" || phase.kind === "compensating";
}

/** Leaves its place, and memory too, until a signal, a timer or a child wakes the run (E3). */
function rest(core: Core, actor: Actor): void {
  const wakeAtMs = nextWakeAt(actor.run);
  const isBack = wakeAtMs !== undefined && wakeAtMs - core.clock.now() < STAY_MS;
  // A parent stays: its child hands its end over in memory, and finds it there.
  if (isBack || actor.run.performing.size > 0) leavePlace(core, actor);
  else dropActor(core, actor);
  core.wakes.set(actor.id, wakeAtMs);
}

/**
 * Answers those who came while the end was being committed. Whoever only waits until what was there is recorded has that now;
 * what would change the run comes too late. Who wants it to go back asks again, and finds a run that has ended.
 */
function answerLate(actor: Actor): void {
  const late = actor.inbox;
  actor.inbox = [];
  for (const { input, done } of late) {
    if (input.kind === "tick") done?.(TAKEN);
    else if (input.kind === "rollback") done?.({ kind: "failed", error: gone(actor.id) });
    else done?.({ kind: "failed", error: finished(actor.run) });
  }
}

function endActor(core: Core, actor: Actor): void {
  answerLate(actor);
  dropActor(core, actor);
  core.wakes.set(actor.id, undefined);
  forgetWaits(core, actor.id);
  const outcome = outcomeOf(actor.run);
  tellWaiters(core, actor.id, outcome);
  const { parent } = actor.run;
  const parentActor = parent === undefined ? undefined : core.actors.get(parent.run);
  if (parent === undefined || parentActor === undefined) return;
  deliver(core, parentActor, {
    kind: "child",
    path: parent.path,
    run: actor.id,
    outcome: childOutcome(outcome, actor.run.seq),
  });
}

/** Nobody at a gate is woken for it any more. */
function forgetWaits(core: Core, run: string): void {
  core.breakers.forget(run);
  core.budgets.forget(run);
}

function tellWaiters(core: Core, id: string, outcome: RunOutcome<Json> | BatonError): void {
  const waiters = core.waiters.get(id);
  if (waiters === undefined) return;
  core.waiters.delete(id);
  for (const waiter of waiters) waiter(outcome);
}

/** Forgets a run in memory. What is under way for it is ended; what still comes for it is ignored. */
export function dropActor(core: Core, actor: Actor): void {
  if (actor.dropped) return;
  actor.dropped = true;
  if (core.actors.get(actor.id) === actor) core.actors.delete(actor.id);
  for (const attempt of [...actor.attempts.values()])
    attempt.end({ code: "ENGINE_STOPPED", message: "The run left this process." });
  actor.stopRetry?.();
  actor.stopRetry = undefined;
  leavePlace(core, actor);
  for (const { done } of actor.inbox)
    done?.({ kind: "failed", error: core.stopped ?? gone(actor.id) });
  actor.inbox = [];
}

/** Gives an actor a place to execute, or puts it in the queue for one. */
export function takePlace(core: Core, actor: Actor): void {
  if (actor.placed || actor.dropped) return;
  if (core.placesTaken < core.limits.concurrentRunsMax) {
    core.placesTaken += 1;
    actor.placed = true;
    leaveLine(core, actor);
    listActor(core, actor);
  } else {
    actor.inLine ??= core.placeQueue.join(actor);
  }
}

function leaveLine(core: Core, actor: Actor): void {
  if (actor.inLine === undefined) return;
  core.placeQueue.leave(actor.inLine);
  actor.inLine = undefined;
}

function leavePlace(core: Core, actor: Actor): void {
  leaveLine(core, actor);
  if (!actor.placed) return;
  actor.placed = false;
  core.placesTaken -= 1;
  servePlace(core);
}

/** A place is free: the first in line takes it, or whoever brings runs back into memory goes on. */
export function servePlace(core: Core): void {
  const next = core.placeQueue.next();
  if (next === undefined) {
    core.placeFreed.shift()?.();
    return;
  }
  next.inLine = undefined;
  moved(core);
  takePlace(core, next);
}

/** Another process has the store: everything here stops; the new owner goes on from the journal. */
export function fence(core: Core): void {
  if (core.stopped !== undefined) return;
  stopAll(
    core,
    new BatonError("STORE_FENCED", `${core.store.label} was taken over by another process.`),
  );
}

/** Stops everything in memory, with `reason` for all who wait. */
export function stopAll(core: Core, reason: BatonError): void {
  core.stopped = reason;
  core.closing = true;
  core.wakes.stop();
  core.breakers.stop();
  core.budgets.stop();
  core.placeQueue.clear();
  core.rates.stop();
  for (const freed of core.placeFreed.splice(0)) freed();
  for (const actor of [...core.actors.values()]) dropActor(core, actor);
  for (const id of [...core.waiters.keys()]) tellWaiters(core, id, reason);
  for (const watchers of core.watchers.values()) for (const watcher of watchers) watcher.ended();
  for (const watchers of core.topicWatchers.values())
    for (const told of [...watchers]) told(undefined);
}

/** What the store's index is to say of a run. */
function indexOf(run: Run): StreamIndex {
  const status = statusOf(run);
  // What is parked may wait for a time as well: another branch of it sleeps.
  const isWaiting = status === "waiting" || status === "parked";
  // One that waits for code is looked at whenever the store is opened: the process may have it, whatever its deadline.
  const wakeAtMs = isWaiting && run.phase.kind !== "blocked" ? nextWakeAt(run) : undefined;
  return {
    status,
    open: OPEN_STATUSES.has(status),
    type: run.definition.id,
    ...(wakeAtMs === undefined ? {} : { wakeAtMs }),
  };
}

function sameIndex(a: StreamIndex, b: StreamIndex | undefined): boolean {
  return (
    b !== undefined &&
    a.status === b.status &&
    a.open === b.open &&
    a.wakeAtMs === b.wakeAtMs &&
    a.type === b.type
  );
}
