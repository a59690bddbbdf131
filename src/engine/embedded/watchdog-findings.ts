/**
 * What the watchdog takes for stuck at one look. Nothing here accuses: what is in transit looks the same for a moment, and is
 * told apart by a second look at which `sign` is the same.
 */
import { childAt } from "../../decide/steps/child.ts";
import { runEntries, runOfStream } from "../../history/read.ts";
import { type RunWait, waitsOf } from "../../history/waits.ts";
import { runStream } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import type { Run } from "../../model/run.ts";
import type { StreamHead } from "../../ports/journal-store.ts";
import type { StuckReason } from "../health.ts";
import { pinnedDefinition } from "../manifests.ts";
import { dropActor, servePlace } from "./actors.ts";
import type { Actor, Core } from "./core.ts";
import { listActor } from "./inbox.ts";

export interface Finding {
  readonly run: string;
  readonly path?: string;
  readonly reason: StuckReason;
  readonly message: string;
  /** Equal at two looks if nothing has moved in between. */
  readonly sign: unknown;
  /** Found in the store's index, where the next look may not come past it. */
  readonly fromIndex: boolean;
  /** It may wait for something that has no time, which takes reading its journal to know. */
  readonly mayWait?: true;
  /** Sets it going again; left out where nothing that is safe would. */
  readonly heal?: () => void;
}

/** A wake-up that is late by less is on its way. */
const LATE_MS = 1_000;
/** Runs in line for a place that are named, where places are free: the first are as good as all. */
const QUEUED_NAMED_MAX = 1_000;
/** Children that are looked up at one look. */
const CHILDREN_PER_LOOK = 1_000;

/** What is wrong with a run that is not in memory, by its line in the index. */
export function headFinding(core: Core, head: StreamHead): Finding | undefined {
  const run = runOfStream(head.stream);
  // What is parked waits for a person; another branch of it may wait for a time as well.
  const isParked = head.status === "parked";
  if (core.actors.has(run) || (isParked && head.wakeAtMs === undefined)) return undefined;
  const loading = core.loading.get(run);
  if (loading !== undefined) {
    const message = "Its journal was asked for, and the store has not given it.";
    return { run, reason: "storeSilent", message, sign: loading, fromIndex: true };
  }
  if (core.unfinished.has(run)) return unresumed(core, run);
  const wakeAtMs = core.wakes.at(run);
  if (wakeAtMs !== undefined) return overdue(core, run, wakeAtMs, true);
  const base = { run, sign: head.lastSeq, fromIndex: true };
  if ((isParked || head.status === "waiting") && head.wakeAtMs !== undefined) {
    const { wakeAtMs: dueMs } = head;
    const message = "It waits for a time, and nothing is set to wake it.";
    return { ...base, reason: "wakeLost", message, heal: () => core.wakes.set(run, dueMs) };
  }
  const more = { ...base, mayWait: true, heal: () => core.activate(run) } as const;
  if (head.status === "waiting")
    return { ...more, reason: "wakeLost", message: "It waits, and its journal names no time." };
  return { ...more, reason: "notInMemory", message: `It is ${head.status}, and is not in memory.` };
}

function overdue(
  core: Core,
  run: string,
  wakeAtMs: number,
  fromIndex: boolean,
): Finding | undefined {
  if (wakeAtMs > core.clock.now() - LATE_MS) return undefined;
  const heal = () => {
    core.wakes.rearm();
    core.activate(run);
  };
  const message = "The time at which it was to be woken has passed.";
  return { run, reason: "wakeOverdue", message, sign: wakeAtMs, fromIndex, heal };
}

function unresumed(core: Core, run: string): Finding | undefined {
  if (core.placesTaken >= core.limits.concurrentRunsMax) return undefined;
  return {
    run,
    reason: "notResumed",
    message: "It was under way when the store was left, and is not brought back.",
    // While others are brought back its turn will come.
    sign: core.unfinished.size,
    fromIndex: true,
    heal: () => core.activate(run),
  };
}

const NEEDS_NO_TIME: ReadonlySet<RunWait["what"]> = new Set(["approval", "signal", "person"]);

/** Whether a run lawfully waits without a time: for code that this process does not have, or for an answer. */
export async function waitsLawfully(core: Core, run: string): Promise<boolean> {
  try {
    const entries = await runEntries(core.store, core.namespace, run);
    const { payload } = entries[0]?.entry ?? { payload: {} };
    const pinned = await pinnedDefinition(core.store, core.catalogue, payload);
    if (pinned.kind === "missing") return true;
    const { waits } = waitsOf(entries, pinned.definition);
    return waits.length > 0 && waits.every(({ what }) => NEEDS_NO_TIME.has(what));
  } catch (error) {
    if (isBatonError(error, "STORE_FAILED")) throw error;
    // A journal that is broken names nothing that could be waited for.
    return false;
  }
}

/** What is wrong with runs in memory. */
export function* actorFindings(core: Core): Generator<Finding> {
  let queued = 0;
  for (const actor of core.actors.values()) {
    if (actor.inLine !== undefined) queued += 1;
    if (actor.inLine !== undefined && queued > QUEUED_NAMED_MAX) continue;
    const finding = actorFinding(core, actor);
    if (finding !== undefined) yield finding;
  }
}

function actorFinding(core: Core, actor: Actor): Finding | undefined {
  const { id: run, run: state } = actor;
  const base = { run, sign: state.seq as unknown, fromIndex: false };
  if (actor.appending) {
    const message = `Its entry ${state.seq} has not been committed.`;
    return { ...base, reason: "storeSilent", message };
  }
  if (actor.listed || actor.inbox.length > 0) {
    const message = "It has something to take in, and is not looked at.";
    // Each time that it is looked at it gets a new inbox.
    return { ...base, sign: actor.inbox, reason: "tickLost", message, heal: () => retick(core) };
  }
  if (actor.attempts.size > 0) return undefined;
  if (actor.inLine !== undefined && !actor.placed) {
    if (core.placesTaken >= core.limits.concurrentRunsMax) return undefined;
    const message = "It waits for a place to execute though there are some.";
    return { ...base, reason: "placeLost", message, heal: () => servePlaces(core) };
  }
  if (awaitsChild(state) || state.history === "asked" || state.missing.length > 0) return undefined;
  const wakeAtMs = core.wakes.at(run);
  if (wakeAtMs !== undefined) return overdue(core, run, wakeAtMs, false);
  const message = `It is in memory (${state.phase.kind}), and nothing of it is under way or will be.`;
  return { ...base, reason: "idle", message, heal: () => reload(core, actor) };
}

function awaitsChild(run: Run): boolean {
  for (const { agent } of run.performing.values()) if (agent === undefined) return true;
  return false;
}

/** Everything that has something to take in is listed anew, for a tick that is asked for anew. */
function retick(core: Core): void {
  core.tickSet = false;
  core.listed = [];
  for (const actor of core.actors.values()) {
    if (!actor.listed && actor.inbox.length === 0) continue;
    actor.listed = false;
    if (!actor.appending) listActor(core, actor);
  }
}

function servePlaces(core: Core): void {
  while (core.placeQueue.size() > 0 && core.placesTaken < core.limits.concurrentRunsMax)
    servePlace(core);
}

/** Nothing of it is under way, and everything in it follows from its journal: it is folded anew. */
function reload(core: Core, actor: Actor): void {
  if (actor.attempts.size > 0 || actor.appending || actor.inbox.length > 0) return;
  dropActor(core, actor);
  core.activate(actor.id);
}

/**
 * Parents whose child run has ended without their knowing, or was never started: those that are suspected, and some of the others,
 * in turn: `passed` is how many the looks before have passed.
 */
export async function childFindings(
  core: Core,
  suspected: readonly string[],
  passed: number,
): Promise<{ readonly findings: readonly Finding[]; readonly passed: number }> {
  const findings: Finding[] = [];
  const looked = new Set<Actor>();
  const look = async (actor: Actor) => {
    looked.add(actor);
    for (const [path, { agent }] of actor.run.performing)
      if (agent === undefined) findings.push(...(await childFinding(core, actor, path)));
  };
  for (const run of suspected) {
    const actor = core.actors.get(run);
    if (actor !== undefined) await look(actor);
  }
  const parents = [...core.actors.values()].filter(({ run }) => awaitsChild(run));
  const from = passed < parents.length ? passed : 0;
  const some = parents.slice(from, from + CHILDREN_PER_LOOK);
  for (const actor of some) if (!looked.has(actor)) await look(actor);
  return { findings, passed: from + some.length };
}

async function childFinding(core: Core, actor: Actor, path: string): Promise<readonly Finding[]> {
  // While its own entries are not committed, what follows from them has not begun.
  if (actor.appending) return [];
  const child = childAt(actor.run, path);
  if (child === undefined) return [];
  const head = await core.store.head({ namespace: core.namespace, stream: runStream(child) });
  if (head?.open === true || actor.dropped || !actor.run.performing.has(path)) return [];
  // It hands its end over itself, once it has heard that its last entry is committed.
  if (core.actors.has(child) || core.loading.has(child)) return [];
  const { id: run } = actor;
  const base = { run, path, sign: `${actor.run.seq} ${head?.lastSeq}`, fromIndex: false };
  if (core.children.isStarting(actor, path)) {
    const message = `The store lets its child run ${child} be neither started nor asked for its end.`;
    return [{ ...base, reason: "storeSilent", message }];
  }
  const message =
    head === undefined
      ? `Its child run ${child} has not been started.`
      : `Its child run ${child} has ended (${head.status}), and it waits for it still.`;
  return [{ ...base, reason: "childLost", message, heal: () => reload(core, actor) }];
}

/** Attempts that were ended and have not returned, of agents whose places are limited: those in line behind them wait. */
export function* outstayFindings(core: Core): Generator<Finding> {
  for (const outstaying of core.agentPlaces.outstaying()) {
    const { run, path, attempt, agent } = outstaying;
    const places = agent.concurrency === 1 ? "the one place" : `one of ${agent.concurrency} places`;
    const message = `Attempt ${attempt} of ${agent.id} was ended and has not returned: it still has ${places} of its agent, and those in line wait.`;
    yield { run, path, reason: "attemptOutstays", message, sign: outstaying, fromIndex: false };
  }
}
