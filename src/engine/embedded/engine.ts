/** The embedded engine: opened over a store, closed once. What it owns stands in core.ts. */
import { hasEnded } from "../../decide/decide.ts";
import { check } from "../../model/check.ts";
import type { Input } from "../../decide/accept.ts";
import { type Author, runStream } from "../../model/entry.ts";
import { NO_HASH } from "../../journal/hash.ts";
import { BatonError } from "../../model/errors.ts";
import type { JsonObject } from "../../model/json.ts";
import type { Registry, RegistryFactory } from "../../ports/registry.ts";
import type { Engine } from "../engine.ts";
import { headPages } from "../head-pages.ts";
import { registerWorkflows } from "../manifests.ts";
import { registerTopics } from "../topic-registry.ts";
import { tooLarge } from "../value-size.ts";
import type { Subscriber } from "../watch.ts";
import { fence, stopAll } from "./actors.ts";
import { type Admission, admission, type AdmissionOptions } from "./admission.ts";
import type { Actor, Arrived, Core, Watcher } from "./core.ts";
import { deliver } from "./inbox.ts";
import { acquireLease, keepLease } from "./lease-keeper.ts";
import { checkAuthor, checkWellFormed } from "./author.ts";
import { noteLeft } from "./left-behind.ts";
import { pressure } from "./pressure.ts";
import { resolveStep } from "./resolve-step.ts";
import { refuseCancel, resolve, rollBack } from "./rollbacks.ts";
import { actorOf, resumeRuns, startRun } from "./runs.ts";
import { activate, type EngineOptions, makeCore } from "./make-core.ts";
import { endOf } from "./run-end.ts";
import { projectionPlace } from "./projection-place.ts";
import { publishEvent } from "./publishing.ts";
import { watchTopic } from "./topic-reader.ts";
import { watchdog } from "./watchdog.ts";

export interface OpenEngineOptions extends EngineOptions {
  readonly registry: RegistryFactory;
  /** Calls are only made that the registry allows. */
  readonly admission?: AdmissionOptions;
}

/**
 * Opens the engine: takes the lease, registers the workflows, and goes on with every unfinished run.
 * @throws BatonError STORE_IN_USE, WORKFLOW_CHANGED, TOPIC_CHANGED, STORE_FAILED; DEFINITION_INVALID, if calls are to be allowed by
 *   a registry
 */
export async function openEngine(options: OpenEngineOptions): Promise<Engine> {
  const { store, clock } = options;
  // First without the lease: who can't go on must not give back, as if in good order, what a process that died has left held.
  await register(options, undefined);
  const lease = await acquireLease(store, clock, options.holder, options.standby);
  const { epoch } = lease;
  let core: Core;
  let registry: Registry;
  try {
    await register(options, epoch);
    registry = await openRegistry(options, epoch);
    core = makeCore(options, lease, admissionBy(options, registry));
  } catch (error) {
    // Closing the store frees the lease, too; what counts is why it could not be used.
    await store.release(epoch).catch(() => {});
    throw error;
  }
  const leave = keepLease(store, clock, epoch, () => fence(core));
  core.admission?.lookUp();
  await goOnWithAll(core, leave);
  const guard = watchdog(core, options.watchdogMs);
  return {
    registry,
    start: async (request) => {
      open(core);
      checkAuthor(request.by);
      if (core.admission !== undefined) {
        await core.admission.start(request.definition, request.by);
        open(core);
      }
      const { joined } = await startRun(core, request);
      if (joined && !core.actors.has(request.id)) await goOn(core, request.id);
    },
    outcome: (run) => endOf(core, run),
    holds: (run) => (core.actors.get(run)?.head ?? NO_HASH) !== NO_HASH,
    signal: (run, step, payload, by, id) => signal(core, { run, step, payload, by, id }),
    ...wayBack(core),
    subscribe: (run, subscriber) => subscribe(core, run, subscriber),
    health: async () => ({ ...(await guard.health()), bus: await core.busLines.snapshots() }),
    ...gates(core),
    ...bus(core),
    projection: (name, from) => projectionPlace(core, name, from),
    close: async (graceMs) => {
      await core.intakes.stop();
      await core.routes.stop();
      await core.busLines.stop();
      leave();
      guard.stop();
      await closeCore(core, graceMs);
      core.admission?.end();
      try {
        await registry.close();
      } finally {
        await release(core);
      }
    },
  };
}

/** Registers what the code has, or, without an epoch, only compares it. @throws BatonError WORKFLOW_CHANGED, TOPIC_CHANGED */
async function register(
  { store, namespace, catalogue, clock }: OpenEngineOptions,
  epoch: number | undefined,
): Promise<void> {
  const source = { store, namespace, epoch };
  await registerWorkflows(source, catalogue.workflows.values(), clock.now());
  await registerTopics(source, catalogue.topics.values(), clock.now());
}

function admissionBy(
  { admission: asked, catalogue }: OpenEngineOptions,
  registry: Registry,
): ((core: () => Core) => Admission) | undefined {
  if (asked === undefined) return undefined;
  return (core) => admission(core, registry, catalogue, asked);
}

/** One that is kept in the store is written under the engine's own lease. */
async function openRegistry(
  { registry, store, namespace, clock }: OpenEngineOptions,
  epoch: number,
): Promise<Registry> {
  if (registry.kind === "outside") return await registry.open();
  return await registry.open({ store, namespace, now: () => clock.now(), epoch });
}

/** How people stop a run, and have it go back. */
function wayBack(
  core: Core,
): Pick<Engine, "cancel" | "compensate" | "compensation" | "resolveStep"> {
  return {
    cancel: async (run, by, reason) => {
      open(core);
      checkAuthor(by);
      checkWellFormed("reason", reason);
      const actor = await actorOf(core, run);
      refuseCancel(actor.run);
      await recorded(core, actor, { kind: "cancel", by, reason });
    },
    compensate: async (run, { by, reason, to }) => {
      open(core);
      checkAuthor(by);
      checkWellFormed("reason", reason);
      const error = { code: "COMPENSATION_ASKED", message: reason };
      const why = { because: "asked", error } as const;
      await rollBack(core, run, { by, reason: why, ...(to === undefined ? {} : { to }) });
    },
    compensation: async (run, path, { action, by, reason, turn }) => {
      open(core);
      checkAuthor(by);
      if (reason !== undefined) checkWellFormed("reason", reason);
      await resolve(core, { run, path, turn, by, action, reason });
    },
    resolveStep: async (run, path, decision) => {
      open(core);
      checkAuthor(decision.by);
      if (decision.reason !== undefined) checkWellFormed("reason", decision.reason);
      await resolveStep(core, run, path, decision);
    },
  };
}

/** Reads where the last process stood, and goes on with what it left. What fails here fails the opening. */
async function goOnWithAll(core: Core, leave: () => void): Promise<void> {
  try {
    await core.breakers.restore();
    await core.budgets.restore();
    // Before anything is published: what a bus has not heard of yet is what comes from here on.
    await core.busLines.open();
    await findUnfinished(core);
    core.budgets.wakeRaised();
    await core.intakes.open();
    await core.routes.open();
    await core.busLines.takeIn();
  } catch (error) {
    leave();
    core.admission?.end();
    core.wakes.stop();
    core.breakers.stop();
    core.budgets.stop();
    await core.busLines.stop().catch(() => {});
    throw error;
  }
}

/** What people ask of breakers and budgets. */
function gates(
  core: Core,
): Pick<
  Engine,
  "pressure" | "breakers" | "setBreaker" | "subscribeBreakers" | "budgets" | "raiseBudget"
> {
  return {
    breakers: () => core.breakers.snapshots(),
    setBreaker: async (name, { to, by, reason }) => {
      open(core);
      checkAuthor(by);
      checkWellFormed("reason", reason);
      await core.breakers.setByPerson(name, { to, by, reason });
    },
    pressure: () => pressure(core),
    subscribeBreakers: (subscriber) => core.breakers.subscribe(subscriber),
    budgets: () => core.budgets.snapshots(),
    raiseBudget: async (name, raise) => {
      open(core);
      checkAuthor(raise.by);
      checkWellFormed("reason", raise.reason);
      await core.budgets.raiseByPerson(name, raise);
    },
  };
}

/** What people and programs do with topics. */
function bus(
  core: Core,
): Pick<Engine, "publish" | "subscriptions" | "setSubscription" | "subscribeTopic" | "busLines"> {
  return {
    subscribeTopic: (topic, { changed, ended }) =>
      watchTopic(core, topic, () => (core.closing ? ended() : changed())),
    publish: async (request) => {
      open(core);
      checkAuthor(request.by);
      return await publishEvent(core, request);
    },
    subscriptions: () => core.intakes.snapshots(),
    busLines: () => core.busLines.snapshots(),
    setSubscription: async (name, change) => {
      open(core);
      checkAuthor(change.by);
      checkWellFormed("reason", change.reason);
      await core.intakes.change(name, change);
    },
  };
}

/** A full disk must not keep a process from ending: a lease that can't be given back is taken over when the process is gone. */
async function release(core: Core): Promise<void> {
  try {
    await core.store.release(core.epoch);
  } catch (error) {
    core.log({
      level: "warn",
      message: `The lease of ${core.store.label} could not be released: ${String(error)}`,
      at: core.clock.now(),
    });
  }
}

/**
 * Whoever joins a run that is not in memory wants it to go on: it may have left when the store failed. One that waits is
 * looked at too: while its id was tried, a timer that woke it found an actor that was not it.
 */
async function goOn(core: Core, run: string): Promise<void> {
  const head = await core.store.head({ namespace: core.namespace, stream: runStream(run) });
  if (head?.open === true && !core.actors.has(run)) activate(core, run);
}

/**
 * Finds the runs that are not finished, in the store's index. Those with work under way are resumed; those that wait for a
 * time are woken then; those that wait for code are tried again, since this process may have it.
 */
async function findUnfinished(core: Core): Promise<void> {
  const { namespace } = core;
  const unfinished = { namespace, prefix: "run/", open: true, limit: 10_000 };
  for await (const heads of headPages(core.store, unfinished)) {
    for (const head of heads) {
      const id = head.stream.slice("run/".length);
      const isResting = head.status === "waiting" || head.status === "parked";
      const { wakeAtMs } = head;
      // What was due when the process died may have been under way again: an attempt leaves nothing behind before it ends.
      // One that was closed has noted what it left (left-behind.ts).
      const mayHaveBegun = core.crashedEpoch !== undefined && (wakeAtMs ?? 0) <= core.clock.now();
      if (isResting && wakeAtMs !== undefined && !mayHaveBegun) core.wakes.set(id, wakeAtMs);
      // A parked run waits for a person, who finds it among the dead letters.
      else if (head.status === "parked" && wakeAtMs === undefined) continue;
      else core.unfinished.add(id);
    }
  }
  void resumeRuns(core);
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
  checkAuthor(by);
  checkWellFormed("id of the signal", id);
  const actor = await actorOf(core, run);
  const definition = actor.run.definition.stepByName.get(step);
  if (definition === undefined) await refuseBlocked(core, actor, step);
  if (definition?.kind !== "approval" && definition?.kind !== "signal") {
    throw new BatonError(
      "SIGNAL_UNKNOWN",
      `Run ${run} (${actor.run.definition.id}) has no step ${step} that waits for an answer.`,
      { details: { run, step } },
    );
  }
  // It may be taken in without being in the journal yet: the second sender waits for that like the first.
  if (actor.run.signalIds.has(`${step}:${id}`))
    return await recorded(core, actor, { kind: "tick" });
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
    const large = tooLarge(core.limits, checked.value, `signal for ${step}`);
    if (large !== undefined) throw new BatonError("VALUE_TOO_LARGE", large);
    return await answer(core, actor, { kind: "signal", step, id, by, value: checked.value });
  }
  const value = approvalAnswer(payload);
  if (value === undefined) {
    throw new BatonError(
      "SIGNAL_REFUSED",
      `An approval is answered with { approved: boolean, reason?: string }.`,
      { details: { run, step } },
    );
  }
  const { reason } = value;
  if (typeof reason === "string") checkWellFormed("reason", reason);
  await answer(core, actor, { kind: "signal", step, id, by, value });
}

/** A run whose code is not here has no steps to answer, which is not the caller's mistake. */
async function refuseBlocked(core: Core, actor: Actor, step: string): Promise<void> {
  await recorded(core, actor, { kind: "tick" });
  const { phase } = actor.run;
  if (phase.kind !== "blocked") return;
  const missing = phase.missing.join(", ");
  throw new BatonError(
    "SIGNAL_REFUSED",
    `Run ${actor.id} waits for ${missing}, and takes no answers until that is here.`,
    {
      hint: "Open Baton with what is missing, then answer again.",
      details: { run: actor.id, step, missing: phase.missing },
    },
  );
}

/** Delivers an answer. Where another came first, or the run is ending, it was not taken, and the sender must know. */
async function answer(
  core: Core,
  actor: Actor,
  input: Extract<Input, { readonly kind: "signal" }>,
): Promise<void> {
  await recorded(core, actor, input);
  const { step, id } = input;
  if (actor.run.signalIds.has(`${step}:${id}`)) return;
  throw new BatonError(
    "SIGNAL_REFUSED",
    `Step ${step} of run ${actor.id} took no answer: another came first, or the run is ${actor.run.phase.kind}.`,
    {
      details: { run: actor.id, step },
    },
  );
}

function approvalAnswer(payload: unknown): JsonObject | undefined {
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
    progress: (path, attempt, progress) => subscriber.progress(path, attempt, progress),
    ended: () => subscriber.ended(),
  };
  if (core.stopped !== undefined) {
    subscriber.ended();
    return () => {};
  }
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
    core.budgets.isWriting() ||
    [...core.actors.values()].some(
      (actor) => actor.attempts.size > 0 || actor.appending || actor.inbox.length > 0,
    );
  while (busy() && core.clock.monotonicMs() < untilMs) {
    await new Promise<void>((resolve) => core.clock.after(5, resolve));
  }
  await noteLeft(core);
  stopAll(
    core,
    new BatonError(
      "STORE_CLOSED",
      "Baton was closed; unfinished runs go on when it is opened again.",
    ),
  );
}
