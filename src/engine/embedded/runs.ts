/**
 * Runs: starting them, and bringing them back into memory.
 *
 * A run is loaded by folding its journal. What it was doing is not stored anywhere: the fold puts every step that is ready on
 * the agenda, and deciding commands it again.
 */
import { evolve } from "../../decide/evolve.ts";
import type { Input } from "../../decide/accept.ts";
import { hasEnded } from "../../decide/decide.ts";
import { factOf, readRun } from "../../history/read.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { NO_HASH, sha256Hex } from "../../journal/hash.ts";
import { traceIdOf } from "../../journal/trace-ids.ts";
import { check } from "../../model/check.ts";
import type { AnyContract } from "../../model/contract.ts";
import { sameJson } from "../../model/json-pointer.ts";
import { jsonSchemaContract } from "../../model/json-schema.ts";
import { FINAL_KINDS } from "../../model/entry-kinds.ts";
import { runStream } from "../../model/entry.ts";
import { type Gate } from "../../model/gate.ts";
import { BatonError, isBatonError } from "../../model/errors.ts";
import { type Json, sealJson } from "../../model/json.ts";
import { DEFAULT_LIMITS } from "../../model/limits.ts";
import { newRun } from "../../model/run.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { RunOutcome } from "../baton.ts";
import type { StartRequest } from "../engine.ts";
import { openRuns } from "../health.ts";
import { manifestHash, pinnedDefinition, workflowId } from "../manifests.ts";
import { tooLarge } from "../value-size.ts";
import { ENGINE_VERSION } from "../version.ts";
import { newActor, takePlace } from "./actors.ts";
import { finished, outcomeOf } from "./outcomes.ts";
import type { Actor, Arrived, Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import { isOverloaded, refuseOverload } from "./overload.ts";

/** Pause before a run that the store could not give is asked for again. */
const LOAD_RETRY_MS = 5_000;

/** Run ids become part of streams, file names and URLs. A slash separates a child's id from its parent's. */
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._:@/~-]{0,199}$/;

/**
 * Starts a run, or joins the one that has the id: resolves when `run.started` (or `run.refused`) is in the journal.
 * @throws BatonError RUN_CONFLICT, ARGUMENT_INVALID, and what the store throws.
 */
export async function startRun(
  core: Core,
  request: StartRequest,
): Promise<{ readonly joined: boolean }> {
  const { id, definition } = request;
  // A child's id is made of its parent's, and that of a run which an event begins of its correlation's: they may be longer.
  if (request.parent === undefined && request.event === undefined && !RUN_ID.test(id)) {
    throw new BatonError("ARGUMENT_INVALID", `"${id.slice(0, 220)}" is not a run id.`, {
      hint: "Use 1 to 200 letters, digits and . _ : @ / ~ - ; the first a letter or digit.",
      details: { id },
    });
  }
  // What is part of a run that has been started is never refused.
  if (request.parent === undefined && isOverloaded(core)) await refuseOverload(core, id);
  const start = startInput(core, request);
  // Somebody may be asking for a run of this id that is not there; if there is none, this start is to be its first.
  while (core.loading.has(id)) await core.loading.get(id)?.catch(() => undefined);
  if (core.actors.has(id) || core.unfinished.has(id)) {
    await compareStart(core, request, start);
    return { joined: true };
  }
  const actor = newActor(core, newRun(id, definition, core.limits), NO_HASH);
  if (request.blobs !== undefined) actor.blobs = request.blobs;
  const begun = core.unclaimed.expect(id, definition);
  core.actors.set(id, actor);
  core.starting += 1;
  const arrived = await new Promise<Arrived>((resolve) => deliver(core, actor, start, resolve));
  core.starting -= 1;
  begun(arrived.kind === "taken" ? actor.run : undefined);
  if (arrived.kind === "failed") throw arrived.error;
  if (arrived.kind === "taken") return { joined: false };
  await compareStart(core, request, start);
  // Whoever wanted to wake the run meanwhile found an actor that was not it; so that no wake-up is lost, it is woken now.
  const head = await core.store.head({ namespace: core.namespace, stream: runStream(id) });
  if (head?.open === true) core.activate(id);
  return { joined: true };
}

type StartInput = Extract<Input, { readonly kind: "start" | "refuseStart" }>;

function startInput(core: Core, request: StartRequest): StartInput {
  const { definition, by, parent, fork, deadlineMs, deadlineAt, traceparent } = request;
  const checked = check(definition.input, request.input, `input of ${definition.id}`, "edge");
  if (checked.kind === "violated")
    return {
      kind: "refuseStart",
      by,
      violations: checked.violations,
      ...refusedHash(request.input),
    };
  const text = canonicalJson(checked.value);
  const large = tooLarge(core.limits, checked.value, `input of ${definition.id}`);
  if (large !== undefined) throw new BatonError("VALUE_TOO_LARGE", large);
  return {
    kind: "start",
    by,
    engine: ENGINE_VERSION,
    manifest: manifestHash(definition),
    traceId: traceIdOf(core.namespace, request.correlation ?? request.id),
    input: checked.value,
    inputHash: sha256Hex(text),
    ...(parent === undefined ? {} : { parent }),
    ...(request.correlation === undefined || request.correlation === request.id
      ? {}
      : { correlation: request.correlation }),
    ...(request.event === undefined ? {} : { event: request.event }),
    ...(request.hops === undefined ? {} : { hops: request.hops }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...fork,
  };
}

/** What was refused is not kept; its hash tells whether the same is sent again. There is none of what is not JSON. */
function refusedHash(input: unknown): { readonly inputHash?: string } {
  try {
    return { inputHash: sha256Hex(canonicalJson(sealJson(input, "refused input"))) };
  } catch {
    // The violations say already that it is not JSON.
    return {};
  }
}

/** The id is taken: by the same start, which is then simply joined, or by another, which is a conflict. */
async function compareStart(core: Core, request: StartRequest, start: StartInput): Promise<void> {
  const { id, definition } = request;
  await recorded(core, id);
  for await (const { entry } of readRun(core.store, core.namespace, id)) {
    const sameWorkflow = entry.payload["workflow"] === definition.id;
    const { parent, fork } = entry.payload;
    const sameOrigin =
      sameJson(parent ?? null, request.parent ?? null) &&
      sameJson(fork ?? null, request.fork?.fork ?? null);
    // A fork may exchange agents, which its manifest tells.
    const sameFork = fork === undefined || entry.payload["manifest"] === manifestHash(definition);
    const sameInput =
      entry.inputHash === start.inputHash &&
      entry.kind === (start.kind === "refuseStart" ? "run.refused" : "run.started");
    if (sameWorkflow && sameInput && (entry.kind === "run.refused" || (sameOrigin && sameFork)))
      return;
    const other = !sameWorkflow
      ? "workflow"
      : !sameInput
        ? "input"
        : "origin (a fork, or the child of a run)";
    throw new BatonError("RUN_CONFLICT", `Run ${id} exists, with another ${other}.`, {
      details: {
        run: id,
        workflow: entry.payload["workflow"] ?? null,
        inputHash: entry.inputHash ?? null,
      },
    });
  }
}

/** Resolves once all that was delivered to the run so far is in the journal. */
async function recorded(core: Core, id: string): Promise<void> {
  const actor = core.actors.get(id);
  if (actor === undefined) return;
  const arrived = await new Promise<Arrived>((resolve) =>
    deliver(core, actor, { kind: "tick" }, resolve),
  );
  if (arrived.kind === "failed") throw arrived.error;
}

/**
 * The run in memory, loaded if it is not there.
 * @throws BatonError RUN_NOT_FOUND, RUN_FINISHED, JOURNAL_BROKEN, ENTRY_UNKNOWN
 */
export async function actorOf(core: Core, id: string): Promise<Actor> {
  await started(core, id);
  return await (core.actors.get(id) ?? core.loading.get(id) ?? loaded(core, id, false));
}

/**
 * The run in memory, also if it has ended: then it is told nothing, and whoever asked takes its end back.
 * @throws BatonError RUN_NOT_FOUND, JOURNAL_BROKEN, ENTRY_UNKNOWN
 */
export async function reopenedActor(core: Core, id: string): Promise<Actor> {
  // Somebody else may be loading it as a run that has not ended, which fails if it has.
  await core.loading.get(id)?.catch(() => undefined);
  await started(core, id);
  return await (core.actors.get(id) ?? core.loading.get(id) ?? loaded(core, id, true));
}

/** A run whose start is not in the journal yet may be there already, under the same id: then it is not this actor that is meant. */
async function started(core: Core, id: string): Promise<void> {
  const actor = core.actors.get(id);
  if (actor === undefined || actor.head !== NO_HASH) return;
  await new Promise<Arrived>((done) => deliver(core, actor, { kind: "tick" }, done));
}

/** Everybody who asks meanwhile is given the same promise, so that they go on in the order in which they asked. */
function loaded(core: Core, id: string, reopen: boolean): Promise<Actor> {
  const loading = load(core, id, reopen).finally(() => core.loading.delete(id));
  core.loading.set(id, loading);
  return loading;
}

async function load(core: Core, id: string, reopen: boolean): Promise<Actor> {
  let actor: Actor | undefined;
  let missing: readonly string[] = [];
  let compensates = false;
  let epoch: number | undefined;
  for await (const recordedEntry of readRun(core.store, core.namespace, id)) {
    if (actor === undefined) {
      const found = await pinnedDefinition(core.store, core.catalogue, recordedEntry.entry.payload);
      if (found.kind === "missing") ({ missing, compensates } = found);
      const definition =
        found.kind === "found"
          ? found.definition
          : unknownWorkflow(workflowId(recordedEntry.entry.payload));
      actor = newActor(core, newRun(id, definition, core.limits), NO_HASH);
    }
    evolve(actor.run, factOf(recordedEntry));
    actor.head = recordedEntry.hash;
    epoch = recordedEntry.entry.epoch;
  }
  if (actor === undefined)
    throw new BatonError("RUN_NOT_FOUND", `There is no run ${id}.`, { details: { run: id } });
  // Where what the missing code did may have to be undone, the run does not end without it.
  if (compensates) actor.run.missing = missing;
  if (hasEnded(actor.run) && reopen) {
    core.actors.set(id, actor);
    return actor;
  }
  if (hasEnded(actor.run)) throw finished(actor.run);
  if (core.stopped !== undefined) throw core.stopped;
  core.actors.set(id, actor);
  core.unclaimed.expect(id, actor.run.definition)(actor.run);
  // What the process that died had not even loaded, it did not die of.
  const crashed = core.crashedEpoch !== undefined && epoch === core.crashedEpoch;
  // By a clock that was set back, nothing tells that what is due later was not under way already when the process died.
  const isBack =
    core.crashedEpoch !== undefined && epoch !== core.epoch && core.clock.now() < actor.run.at;
  enter(core, actor, missing, { resume: core.unfinished.delete(id) || isBack, crashed });
  return actor;
}

/** What a loaded run is told first. A run whose code is not here waits, and its journal says for what. */
function enter(
  core: Core,
  actor: Actor,
  missing: readonly string[],
  { resume, crashed }: { readonly resume: boolean; readonly crashed: boolean },
): void {
  const { phase } = actor.run;
  // To wind a run down takes no code, unless there may be something to undo.
  const isEnding =
    phase.kind !== "going" && phase.kind !== "blocked" && actor.run.missing.length === 0;
  if (missing.length > 0 && !isEnding) {
    const said = phase.kind === "blocked" && phase.missing.join() === missing.join();
    deliver(core, actor, said ? { kind: "tick" } : { kind: "block", missing });
    core.log({
      level: "warn",
      message: `Run ${actor.id} waits for ${missing.join(", ")}.`,
      at: core.clock.now(),
      run: actor.id,
    });
    return;
  }
  const resumes = resume || phase.kind === "blocked";
  if (!resumes) deliver(core, actor, { kind: "tick" });
  else deliver(core, actor, { kind: "resume", ...(crashed ? { crashed } : {}) });
  takePlace(core, actor);
}

const UNKNOWN_CONTRACT: AnyContract = jsonSchemaContract<unknown>("unknown", "0.0.0", {});

/** Stands in for a workflow that is not here: enough to fold a journal to its end, not to decide anything. */
function unknownWorkflow(id: string): WorkflowDefinition {
  const at = id.lastIndexOf("@");
  return {
    name: id.slice(0, at),
    version: id.slice(at + 1),
    id,
    input: UNKNOWN_CONTRACT,
    steps: [],
    stepByName: new Map(),
    dependents: new Map(),
    project: () => null,
  };
}

/** How a run that is not in memory ended; undefined if it has not. @throws BatonError RUN_NOT_FOUND */
export async function readOutcome(
  source: Pick<Core, "store" | "namespace">,
  id: string,
): Promise<{ readonly outcome: RunOutcome<Json>; readonly seq: number } | undefined> {
  const head = await source.store.head({ namespace: source.namespace, stream: runStream(id) });
  if (head === undefined)
    throw new BatonError("RUN_NOT_FOUND", `There is no run ${id}.`, { details: { run: id } });
  const run = newRun(id, unknownWorkflow(head.type), DEFAULT_LIMITS);
  for await (const last of readRun(source.store, source.namespace, id, head.lastSeq)) {
    run.seq = last.entry.seq - 1;
    if (!FINAL_KINDS.has(last.entry.kind)) return undefined;
    evolve(run, factOf(last));
  }
  return hasEnded(run) ? { outcome: outcomeOf(run), seq: run.seq } : undefined;
}

/** Says that a run could not be loaded, and tries again later where it was the store that failed. */
export function notLoaded(core: Core, id: string, error: unknown): void {
  core.log({
    level: "error",
    message: `Run ${id} could not be loaded: ${String(error)}`,
    at: core.clock.now(),
    run: id,
  });
  if (isBatonError(error, "STORE_FAILED")) core.wakes.set(id, core.clock.now() + LOAD_RETRY_MS);
}

/**
 * Tells runs that wait at a gate to ask it again, as many at a time as there are places to execute. `goOn` is asked for
 * each. A run that can't be loaded now asks again by itself, at the time that is in its journal.
 */
export async function releaseRuns(
  core: Core,
  gate: Gate,
  runs: readonly string[],
  goOn: (run: string) => boolean,
): Promise<void> {
  for (const id of runs) {
    if (core.stopped !== undefined || core.closing) return;
    if (!goOn(id)) continue;
    try {
      deliver(core, await actorOf(core, id), { kind: "released", gate });
    } catch (error) {
      core.breakers.forget(id);
      core.budgets.forget(id);
      if (core.stopped === undefined && !isBatonError(error, "RUN_FINISHED"))
        notLoaded(core, id, error);
    }
    if (core.placeQueue.size() > 0)
      await new Promise<void>((resolve) => core.placeFreed.push(resolve));
  }
}

/**
 * The same for runs of which only the journal knows that they wait: all that rest until `untilMs` at the latest are asked. To one
 * that waits for something else it says nothing.
 */
export async function releaseWaiting(core: Core, gate: Gate, untilMs: number): Promise<void> {
  const isOver = () => core.stopped !== undefined || core.closing;
  if (isOver()) return;
  for await (const heads of openRuns(core.store, core.namespace)) {
    const resting = heads.filter(({ wakeAtMs }) => wakeAtMs !== undefined && wakeAtMs <= untilMs);
    const runs = resting.map(({ stream }) => stream.slice("run/".length));
    await releaseRuns(core, gate, runs, () => true);
    if (isOver()) return;
  }
}

/** Goes on with the runs that were under way when the store was left, a few at a time. */
export async function resumeRuns(core: Core): Promise<void> {
  for (const id of core.unfinished) {
    if (core.stopped !== undefined || core.closing) return;
    try {
      await actorOf(core, id);
    } catch (error) {
      core.unfinished.delete(id);
      // One run that can't be loaded must not keep the others from going on; it stays open, and is named.
      if (core.stopped === undefined && !isBatonError(error, "RUN_FINISHED"))
        notLoaded(core, id, error);
    }
    if (core.placeQueue.size() > 0)
      await new Promise<void>((resolve) => core.placeFreed.push(resolve));
  }
}
