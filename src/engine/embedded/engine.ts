/** The embedded engine: opened over a store, closed once. What it owns stands in core.ts. */
import { hasEnded } from "../../decide/decide.ts";
import { check } from "../../model/check.ts";
import type { Author } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { Limits } from "../../model/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Ids } from "../../ports/ids.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { RunOutcome } from "../baton.ts";
import type { Catalogue } from "../definitions.ts";
import type { Engine } from "../engine.ts";
import { registerWorkflows } from "../manifests.ts";
import type { PriceTable } from "../usage.ts";
import type { Subscriber } from "../watch.ts";
import { fence, processActor, stopAll } from "./actors.ts";
import { agentPlaces } from "./agent-places.ts";
import { children } from "./children.ts";
import type { Actor, Arrived, Core, Watcher } from "./core.ts";
import { deliver } from "./inbox.ts";
import { acquireLease, keepLease } from "./lease-keeper.ts";
import { actorOf, readOutcome, resumeRuns, startRun } from "./runs.ts";
import { wakes } from "./wakes.ts";

export interface EngineOptions {
  readonly store: JournalStore;
  readonly namespace: string;
  readonly holder: string;
  readonly standby: boolean;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: LogSink;
  readonly limits: Limits;
  readonly prices: PriceTable;
  readonly catalogue: Catalogue;
}

/**
 * Opens the engine: takes the lease, registers the workflows, and goes on with every unfinished run.
 * @throws BatonError STORE_IN_USE, WORKFLOW_CHANGED, STORE_FAILED
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { store, clock } = options;
  const epoch = await acquireLease(store, clock, options.holder, options.standby);
  try {
    await registerWorkflows(
      { store, namespace: options.namespace, epoch },
      options.catalogue.workflows.values(),
      clock.now(),
    );
  } catch (error) {
    await store.release(epoch);
    throw error;
  }
  const core = makeCore(options, epoch);
  const leave = keepLease(store, clock, epoch, () => fence(core));
  await findUnfinished(core);
  return {
    start: async (request) => {
      open(core);
      await startRun(core, request);
    },
    outcome: (run) => outcome(core, run),
    signal: (run, step, payload, by, id) => signal(core, { run, step, payload, by, id }),
    cancel: async (run, by, reason) => {
      open(core);
      const actor = await actorOf(core, run);
      await recorded(core, actor, { kind: "cancel", by, reason });
    },
    subscribe: (run, subscriber) => subscribe(core, run, subscriber),
    close: async (graceMs) => {
      leave();
      await closeCore(core, graceMs);
      await store.release(epoch);
    },
  };
}

function makeCore(options: EngineOptions, epoch: number): Core {
  const { store, namespace, clock, ids, log, limits, prices, catalogue } = options;
  const core: Core = {
    store,
    namespace,
    epoch,
    clock,
    ids,
    log,
    limits,
    prices,
    catalogue,
    agentPlaces: agentPlaces(),
    children: children(() => core),
    process: (actor) => processActor(core, actor),
    activate: (run) => activate(core, run),
    wakes: wakes(clock, (run) => activate(core, run)),
    actors: new Map(),
    loading: new Map(),
    listed: [],
    tickSet: false,
    placesTaken: 0,
    placeQueue: [],
    placeFreed: [],
    waiters: new Map(),
    watchers: new Map(),
    stopped: undefined,
    closing: false,
  };
  return core;
}

/** A run's time has come, or it left memory by mistake: it is loaded, or, if it is here, told that time has passed. */
function activate(core: Core, run: string): void {
  actorOf(core, run).then(
    (actor) => deliver(core, actor, { kind: "tick" }),
    (error: unknown) => {
      if (core.stopped === undefined) {
        core.log({
          level: "error",
          message: `Run ${run} could not be loaded: ${String(error)}`,
          at: core.clock.now(),
          run,
        });
      }
    },
  );
}

/**
 * Finds the runs that are not finished, in the store's index. Those with work under way are resumed; those that wait for a
 * time are woken then; those that wait for code are tried again, since this process may have it.
 */
async function findUnfinished(core: Core): Promise<void> {
  const resume: string[] = [];
  let after: number | undefined;
  for (;;) {
    const heads = await core.store.heads({
      namespace: core.namespace,
      prefix: "run/",
      open: true,
      order: "oldest",
      limit: 10_000,
      ...(after === undefined ? {} : { after }),
    });
    for (const head of heads) {
      const id = head.stream.slice("run/".length);
      if (head.status === "waiting" && head.wakeAtMs !== undefined)
        core.wakes.set(id, head.wakeAtMs);
      else resume.push(id);
    }
    const last = heads.at(-1);
    if (last === undefined || heads.length < 10_000) break;
    after = last.no;
  }
  void resumeRuns(core, resume);
}

async function outcome(core: Core, run: string): Promise<RunOutcome<Json>> {
  if (core.stopped !== undefined) throw core.stopped;
  const isHere = core.actors.has(run);
  const ended = isHere ? undefined : await readOutcome(core, run);
  if (ended !== undefined) return ended.outcome;
  // Between the look and the wait nothing can have ended unseen, unless it was loaded, ended and left meanwhile.
  if (!isHere && !core.actors.has(run)) {
    const again = await readOutcome(core, run);
    if (again !== undefined) return again.outcome;
  }
  return await new Promise((resolve, reject) => {
    const waiters = core.waiters.get(run) ?? [];
    core.waiters.set(run, waiters);
    waiters.push((told) => {
      if (told instanceof Error) reject(told);
      else resolve(told);
    });
  });
}

interface Signal {
  readonly run: string;
  readonly step: string;
  readonly payload: unknown;
  readonly by: Author;
  readonly id: string;
}

async function signal(core: Core, request: Signal): Promise<void> {
  open(core);
  const { run, step, payload, by, id } = request;
  const actor = await actorOf(core, run);
  const definition = actor.run.definition.stepByName.get(step);
  if (definition === undefined && actor.run.definition.steps.length === 0) {
    // The stand-in of a run whose code is not here; see run.blocked.
    throw new BatonError(
      "WORKFLOW_NOT_FOUND",
      `Run ${run} waits for code that Baton was not opened with, and takes no answer before it has it.`,
      {
        hint: `\`baton show ${run}\` names what is missing: pass it in \`workflows\` or \`agents\`.`,
        details: { run, step },
      },
    );
  }
  if (definition?.kind !== "approval" && definition?.kind !== "signal") {
    throw new BatonError(
      "SIGNAL_UNKNOWN",
      `Run ${run} (${actor.run.definition.id}) has no step ${step} that waits for an answer.`,
      { details: { run, step } },
    );
  }
  if (actor.run.signalIds.has(`${step}:${id}`)) return;
  const state = actor.run.steps.get(step);
  if (
    hasEnded(actor.run) ||
    (state !== undefined && state.kind !== "open") ||
    actor.run.signals.has(step)
  ) {
    throw new BatonError("SIGNAL_REFUSED", `Step ${step} of run ${run} has its answer already.`, {
      details: { run, step },
    });
  }
  if (definition.kind === "signal") {
    const checked = check(definition.contract, payload, `signal ${step}`, "edge");
    if (checked.kind === "violated") {
      await recorded(core, actor, {
        kind: "signalRefused",
        step,
        by,
        violations: checked.violations,
      });
      const message = `The signal for ${step} breaks ${definition.contract.id}: ${checked.violations[0]?.message ?? ""}`;
      throw new BatonError("SIGNAL_REFUSED", message, {
        details: { run, step, violations: checked.violations },
      });
    }
    return await recorded(core, actor, { kind: "signal", step, id, by, value: checked.value });
  }
  const value = approvalAnswer(payload);
  if (value === undefined) {
    throw new BatonError(
      "SIGNAL_REFUSED",
      `An approval is answered with { approved: boolean, reason?: string }.`,
      { details: { run, step } },
    );
  }
  await recorded(core, actor, { kind: "signal", step, id, by, value });
}

function approvalAnswer(payload: unknown): Json | undefined {
  if (
    typeof payload !== "object" ||
    payload === null ||
    !("approved" in payload) ||
    typeof payload.approved !== "boolean"
  )
    return undefined;
  const reason = "reason" in payload ? payload.reason : undefined;
  if (reason !== undefined && reason !== null && typeof reason !== "string") return undefined;
  return Object.freeze({ approved: payload.approved, reason: reason ?? null });
}

/** Delivers an input and waits until it is in the journal. */
async function recorded(
  core: Core,
  actor: Actor,
  input: Parameters<typeof deliver>[2],
): Promise<void> {
  const arrived = await new Promise<Arrived>((resolve) => deliver(core, actor, input, resolve));
  if (arrived.kind === "failed") throw arrived.error;
}

function subscribe(core: Core, run: string, subscriber: Subscriber): () => void {
  const watcher: Watcher = {
    entries: () => subscriber.entries(),
    partial: (path, attempt, chunk) => subscriber.partial(path, attempt, chunk),
    ended: () => subscriber.ended(),
  };
  const watchers = core.watchers.get(run) ?? new Set<Watcher>();
  core.watchers.set(run, watchers.add(watcher));
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) core.watchers.delete(run);
  };
}

function open(core: Core): void {
  if (core.stopped !== undefined) throw core.stopped;
  if (core.closing) throw new BatonError("STORE_CLOSED", "Baton is closing.");
}

/** Attempts that are under way get `graceMs`; their results are sealed, but nothing new begins. */
async function closeCore(core: Core, graceMs: number): Promise<void> {
  if (core.stopped !== undefined) return;
  core.closing = true;
  core.wakes.stop();
  const untilMs = core.clock.monotonicMs() + graceMs;
  const busy = () =>
    [...core.actors.values()].some(
      (actor) => actor.attempts.size > 0 || actor.appending || actor.inbox.length > 0,
    );
  while (busy() && core.clock.monotonicMs() < untilMs) {
    await new Promise<void>((resolve) => core.clock.after(5, resolve));
  }
  stopAll(
    core,
    new BatonError(
      "STORE_CLOSED",
      "Baton was closed; unfinished runs go on when it is opened again.",
    ),
  );
}
