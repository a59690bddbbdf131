/**
 * The watchdog: names every run that is neither executing nor waiting for what its journal names, and every reader of a topic that
 * stands still, and sets it going again where that is safe. Wake-ups follow from the journal, and what is in memory follows from it; this holds the two against each other.
 *
 * Owns: what it suspects, and how often it has healed. Does not own: any run; what it may do to one is what the engine does
 * itself when a run's time comes.
 *
 * G1. A run is accused only if it was found in the same way in two looks, some time apart, and nothing of it moved in between:
 *     what is in transit is never accused.
 * G2. A look costs a bounded number of reads, however many runs wait: it goes on where the last one ended.
 * G3. A run that does not go on after {@link HEALS_MAX} times is left as it is, and named for as long as it is so.
 */
import { isBatonError } from "../../model/errors.ts";
import { runStream } from "../../model/entry.ts";
import {
  type Health,
  openRuns,
  STUCK_NAMED_MAX,
  type StuckRun,
  type StuckSubscription,
} from "../health.ts";
import type { Core } from "./core.ts";
import {
  actorFindings,
  childFindings,
  type Finding as RunFinding,
  headFinding,
  outstayFindings,
  waitsLawfully,
} from "./watchdog-findings.ts";
import { type TopicFinding, topicFindings } from "./watchdog-topics.ts";

type Finding = RunFinding | TopicFinding;

export interface Watchdog {
  /** Looks now, and gives what is known. */
  readonly health: () => Promise<Omit<Health, "bus">>;
  readonly stop: () => void;
}

/** Two looks count as two only if they are this far apart: longer than a commit, or loading a run, takes. */
const APART_MS = 5_000;
/** Runs of the store's index that one look goes through: a few tens of milliseconds. One that must be read counts as many. */
const HEADS_PER_LOOK = 20_000;
const READ_COSTS_HEADS = 100;
const HEALS_MAX = 3;

interface Suspect {
  finding: Finding;
  readonly since: number;
  readonly sinceMonotonicMs: number;
  accused: boolean;
  heals: number;
}

interface State {
  readonly core: Core;
  readonly suspects: Map<string, Suspect>;
  /** Where the next look goes on in the index; undefined at its beginning. */
  after: number | undefined;
  /** Of the last time through the whole index, and of this time so far. */
  counted: { waiting: number; parked: number };
  counting: { waiting: number; parked: number };
  /** How many parents of child runs the last look passed. */
  parentsPassed: number;
  healed: number;
  storeError: string | undefined;
  looking: Promise<void> | undefined;
}

/** Looks every `everyMs`; with 0 only when it is asked. */
export function watchdog(core: Core, everyMs: number): Watchdog {
  const state: State = {
    core,
    suspects: new Map(),
    after: undefined,
    counted: { waiting: 0, parked: 0 },
    counting: { waiting: 0, parked: 0 },
    parentsPassed: 0,
    healed: 0,
    storeError: undefined,
    looking: undefined,
  };
  let stopped = false;
  let cancel: () => void = () => {};
  const again = () => {
    if (stopped) return;
    cancel = core.clock.after(everyMs, () => void lookOnce(state).then(again), true);
  };
  if (everyMs > 0) again();
  return {
    health: async () => {
      await lookOnce(state);
      return healthOf(state);
    },
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}

/** Two who ask at the same time are given the same look. */
function lookOnce(state: State): Promise<void> {
  state.looking ??= look(state).finally(() => {
    state.looking = undefined;
  });
  return state.looking;
}

async function look(state: State): Promise<void> {
  const { core } = state;
  if (core.stopped !== undefined || core.closing) return;
  core.wakes.catchUp();
  const found = new Map<string, Finding>();
  const add = (finding: Finding) => void found.set(keyOf(finding), finding);
  try {
    await recheck(state, add);
    await sweep(state, add);
    const suspected = [...state.suspects.values()].flatMap(({ finding }) =>
      !("run" in finding) || finding.fromIndex ? [] : [finding.run],
    );
    const children = await childFindings(core, suspected, state.parentsPassed);
    state.parentsPassed = children.passed;
    for (const finding of children.findings) add(finding);
    for (const finding of await topicFindings(core)) add(finding);
    state.storeError = undefined;
  } catch (error) {
    // A store that can't be read is told of in the health; what is in memory is looked at all the same.
    state.storeError = isBatonError(error) ? error.message : String(error);
  }
  if (core.stopped !== undefined || core.closing) return;
  for (const finding of actorFindings(core)) add(finding);
  for (const finding of outstayFindings(core)) add(finding);
  judge(state, found);
}

function keyOf(finding: Finding): string {
  if ("subscription" in finding) return `subscription ${finding.subscription} ${finding.reason}`;
  const { reason, run, path = "" } = finding;
  return `${reason} ${run} ${path}`;
}

/** What was found in the index before is looked up again, wherever this look's part of the index is. */
async function recheck({ core, suspects }: State, add: (finding: Finding) => void): Promise<void> {
  for (const { finding } of suspects.values()) {
    if (!("run" in finding) || !finding.fromIndex) continue;
    const stream = { namespace: core.namespace, stream: runStream(finding.run) };
    const head = await core.store.head(stream);
    const now = head?.open === true ? headFinding(core, head) : undefined;
    if (now !== undefined && !(now.mayWait === true && (await waitsLawfully(core, now.run))))
      add(now);
  }
}

/** Goes through the next part of the index (G2). */
async function sweep(state: State, add: (finding: Finding) => void): Promise<void> {
  const { core, counting } = state;
  let left = HEADS_PER_LOOK;
  for await (const heads of openRuns(core.store, core.namespace, state.after)) {
    for (const head of heads) {
      if (left <= 0) return;
      left -= 1;
      state.after = head.no;
      if (head.status === "waiting" || head.status === "parked") counting[head.status] += 1;
      const finding = headFinding(core, head);
      if (finding === undefined) continue;
      left -= READ_COSTS_HEADS;
      if (finding.mayWait !== true || !(await waitsLawfully(core, finding.run))) add(finding);
    }
    // A large index is gone through in turns with everything else.
    await new Promise<void>((resolve) => (core.clock.soon ?? setImmediate)(resolve));
    if (core.closing) return;
  }
  state.after = undefined;
  state.counted = counting;
  state.counting = { waiting: 0, parked: 0 };
}

/** Accuses what was found twice (G1), and heals it where that is safe (G3). */
function judge(state: State, found: ReadonlyMap<string, Finding>): void {
  const { core, suspects } = state;
  const nowMs = core.clock.monotonicMs();
  for (const [key, { finding }] of suspects) {
    const now = found.get(key);
    // What has moved in between begins anew.
    if (now === undefined || now.sign !== finding.sign) suspects.delete(key);
  }
  for (const [key, finding] of found) {
    const suspect = suspects.get(key);
    if (suspect === undefined) {
      const since = core.clock.now();
      const fresh = { finding, since, sinceMonotonicMs: nowMs, accused: false, heals: 0 };
      if (suspects.size < STUCK_NAMED_MAX) suspects.set(key, fresh);
      continue;
    }
    suspect.finding = finding;
    if (nowMs - suspect.sinceMonotonicMs >= APART_MS) accuse(state, suspect);
  }
}

function accuse(state: State, suspect: Suspect): void {
  const { core } = state;
  const { finding, accused, heals } = suspect;
  const { reason, message, heal } = finding;
  const heals1 = heal !== undefined && heals < HEALS_MAX;
  if (!accused || heals1) {
    const { who, ...place } = placeOf(finding);
    core.log({
      level: "error",
      message: `${who} is stuck: ${message}${heals1 ? " It is set going again." : ""}`,
      at: core.clock.now(),
      ...place.of,
      data: {
        ...place.data,
        stuck: reason,
        since: suspect.since,
        ...(heals1 ? { heals: heals + 1 } : {}),
      },
    });
  }
  suspect.accused = true;
  if (!heals1) return;
  suspect.heals += 1;
  state.healed += 1;
  heal();
}

/** Who is stuck, in words and in the fields of a log line. */
function placeOf(finding: Finding) {
  if ("subscription" in finding) {
    const { subscription } = finding;
    return { who: `Subscription ${subscription}`, of: {}, data: { subscription } };
  }
  const { run, path } = finding;
  return { who: `Run ${run}`, of: { run, ...(path === undefined ? {} : { path }) }, data: {} };
}

function healthOf(state: State): Omit<Health, "bus"> {
  const { core, suspects, counted, storeError } = state;
  const stuck: StuckRun[] = [];
  const stuckSubscriptions: StuckSubscription[] = [];
  for (const { accused, finding, since } of suspects.values()) {
    if (!accused) continue;
    if ("subscription" in finding) {
      const { subscription, topic, reason, message } = finding;
      stuckSubscriptions.push({ subscription, topic, reason, message, since });
    } else {
      const { run, reason, message } = finding;
      stuck.push({ run, reason, message, since });
    }
  }
  let executing = 0;
  for (const actor of core.actors.values())
    if (actor.placed || actor.attempts.size > 0 || actor.run.performing.size > 0) executing += 1;
  return {
    ok:
      stuck.length + stuckSubscriptions.length === 0 &&
      storeError === undefined &&
      core.stopped === undefined,
    at: core.clock.now(),
    runs: { executing, queued: core.placeQueue.size() + core.unfinished.size, ...counted },
    stuck,
    stuckSubscriptions,
    healed: state.healed,
    store: {
      label: core.store.label,
      worked: core.stopped === undefined ? "here" : "nobody",
      ...(storeError === undefined ? {} : { error: storeError }),
    },
    breakersOpen: core.breakers
      .snapshots()
      .filter((each) => each.state === "open")
      .map(({ name }) => name),
  };
}
