/** What an attempt is given besides its input. Made lazily where it costs: most agents never look at their signal. */
import type { Command } from "../../decide/turn.ts";
import type { AgentContext, AgentLog } from "../../model/agent-definition.ts";
import type { UsageRecord } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import { type Json, sealJson } from "../../model/json.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { executionKeyOf } from "../../journal/idempotency.ts";
import { usageRecord } from "../usage.ts";
import { agentLog } from "./agent-log.ts";
import { callTraceparent } from "./call-span.ts";
import { tooLarge } from "../value-size.ts";
import type { AttemptTime } from "./attempt-time.ts";
import { deliver } from "./inbox.ts";
import type { Actor, Core } from "./core.ts";

type Execute = Extract<Command, { readonly kind: "execute" }>;

/** What an attempt's context works with. Its parts are made when they are asked for: most agents never look at their signal. */
export interface ContextHandle {
  readonly core: Core;
  readonly actor: Actor;
  readonly command: Execute;
  readonly time: AttemptTime;
  /** Told of each call of a model that was reported; where it throws, the agent is told so. */
  readonly used: ((usage: readonly UsageRecord[]) => void) | undefined;
  readonly usage: UsageRecord[];
  controller: AbortController | undefined;
  once: AgentContext["once"] | undefined;
  log: AgentLog | undefined;
  aborted: boolean;
  ended: boolean;
}

/** Made for every attempt, so that it costs as little as it can. */
export function attemptContext(
  core: Core,
  actor: Actor,
  command: Execute,
  time: AttemptTime,
  used?: (usage: readonly UsageRecord[]) => void,
): ContextHandle {
  return {
    core,
    actor,
    command,
    time,
    used,
    usage: [],
    controller: undefined,
    once: undefined,
    log: undefined,
    aborted: false,
    ended: false,
  };
}

/** What the agent is given. */
export function contextOf(handle: ContextHandle): AgentContext {
  return new Context(handle);
}

/** Aborts the signal; no new effect begins. */
export function abortContext(handle: ContextHandle): void {
  handle.aborted = true;
  handle.controller?.abort();
}

/** Aborts the signal; from now on the context throws. */
export function endContext(handle: ContextHandle): void {
  handle.ended = true;
  handle.controller?.abort();
}

function live({ ended, actor, command }: ContextHandle): void {
  if (ended) refuse(actor, command, "has ended");
}

/** Not a private field: it is found through whatever stands in front of the context as well, a proxy or an object made from it. */
const HANDLE = Symbol("handle");

/**
 * A class, since all contexts share its members: as an object's own they would be made for each attempt, which is a tenth of what
 * a step costs. What is a function can be taken off the context and called by itself.
 */
class Context implements AgentContext {
  readonly [HANDLE]: ContextHandle;

  constructor(handle: ContextHandle) {
    this[HANDLE] = handle;
  }

  get run(): string {
    return this[HANDLE].actor.id;
  }

  get path(): string {
    return this[HANDLE].command.path;
  }

  get turn(): number {
    return this[HANDLE].command.turn;
  }

  get attempt(): number {
    return this[HANDLE].command.attempt;
  }

  get feedback(): AgentContext["feedback"] {
    return this[HANDLE].command.feedback;
  }

  get signal(): AbortSignal {
    const handle = this[HANDLE];
    handle.controller ??= new AbortController();
    if (handle.aborted || handle.ended) handle.controller.abort();
    return handle.controller.signal;
  }

  get idempotencyKey(): string {
    const { core, actor, command } = this[HANDLE];
    const { path, turn } = command;
    return executionKeyOf({ namespace: core.namespace, run: actor.id, path, turn });
  }

  get traceparent(): string {
    const { core, actor, command } = this[HANDLE];
    return callTraceparent(core, actor, "attempt", command);
  }

  get once(): AgentContext["once"] {
    const handle = this[HANDLE];
    handle.once ??= onces(handle);
    return handle.once;
  }

  get usage(): AgentContext["usage"] {
    const handle = this[HANDLE];
    return (call) => {
      live(handle);
      handle.usage.push(usageRecord(handle.core.prices, call));
      handle.used?.(handle.usage);
    };
  }

  get deadline(): number | undefined {
    return this[HANDLE].time.deadlineAt;
  }

  get remainingMs(): AgentContext["remainingMs"] {
    const { core, time } = this[HANDLE];
    return () => leftMs(core, time);
  }

  get heartbeat(): AgentContext["heartbeat"] {
    const handle = this[HANDLE];
    return (progress) => {
      live(handle);
      beat(handle, progress);
    };
  }

  get lastProgress(): Json | undefined {
    const { agent, progress } = this[HANDLE].command;
    // What another agent said, for which this one stands in, means nothing to it.
    return progress?.agent === agent.id ? progress.value : undefined;
  }

  get log(): AgentLog {
    const handle = this[HANDLE];
    handle.log ??= agentLog(handle.core, handle.actor, "attempt", handle.command, () =>
      live(handle),
    );
    return handle.log;
  }

  get stream(): AgentContext["stream"] {
    const handle = this[HANDLE];
    return (chunk) => {
      live(handle);
      tellPartial(handle, chunk);
    };
  }
}

function mayBegin(handle: ContextHandle): void {
  if (handle.aborted) refuse(handle.actor, handle.command, "was aborted");
  live(handle);
}

function refuse(actor: Actor, { path, attempt }: Execute, why: string): never {
  throw new BatonError("CONTEXT_ENDED", `Attempt ${attempt} of ${path} in run ${actor.id} ${why}.`);
}

function leftMs(core: Core, { deadlineAt }: AttemptTime): number | undefined {
  return deadlineAt === undefined ? undefined : Math.max(0, deadlineAt - core.clock.now());
}

/** The attempt is at work; what it says besides is kept for its failure. */
function beat(handle: ContextHandle, progress: Json | undefined): void {
  const { core, time } = handle;
  time.beatMs = core.clock.monotonicMs();
  if (progress !== undefined) time.progress = tellProgress(handle, progress);
}

/** Gives partial output to whoever watches. */
function tellPartial({ core, actor, command }: ContextHandle, chunk: Json): void {
  const { path, attempt } = command;
  const watchers = core.watchers.get(actor.id);
  if (watchers === undefined) return;
  const sealed = sealJson(chunk, `partial output of ${path}`);
  for (const watcher of watchers) watcher.partial(path, attempt, sealed);
}

/** Checks what came with a heartbeat, and tells it to whoever watches. */
function tellProgress({ core, actor, command }: ContextHandle, given: Json): Json {
  const { path, attempt } = command;
  const what = `progress of ${path}`;
  const progress = sealJson(given, what);
  const { progressBytesMax } = core.limits;
  const bytes = Buffer.byteLength(canonicalJson(progress));
  if (bytes > progressBytesMax) {
    throw new BatonError(
      "VALUE_TOO_LARGE",
      `The ${what} has ${bytes} bytes; limits.progressBytesMax is ${progressBytesMax}.`,
    );
  }
  for (const watcher of core.watchers.get(actor.id) ?? [])
    watcher.progress(path, attempt, progress);
  return progress;
}

/**
 * `once`: an effect whose result is recorded before the agent sees it. Two calls with the same name while the first is
 * under way share it; a failed effect is forgotten.
 */
function onces(handle: ContextHandle): AgentContext["once"] {
  const { core, actor, command } = handle;
  const { path, turn, attempt, agent } = command;
  const isFallback = command.standsIn !== undefined;
  const by = isFallback ? { agent: agent.id } : {};
  const underWay = new Map<string, Promise<Json>>();
  const perform = async (name: string, effect: () => unknown): Promise<Json> => {
    const what = `result of once("${name}") in ${path}`;
    const value = sealJson(await effect(), what);
    const large = tooLarge(core.limits, value, what);
    if (large !== undefined) throw new BatonError("VALUE_TOO_LARGE", large);
    live(handle);
    await new Promise<void>((resolve, reject) => {
      const input = { kind: "once", path, turn, attempt, name, value, ...by } as const;
      deliver(core, actor, input, (arrived) => {
        if (arrived.kind === "failed") reject(arrived.error);
        else resolve();
      });
    });
    return value;
  };
  return async <X>(given: string, effect: () => X | Promise<X>): Promise<X> => {
    live(handle);
    // What the agent itself recorded is not what its fallback asks for, though both call it the same.
    const name = isFallback ? `${agent.name}/${given}` : given;
    const recorded = command.onces.get(name);
    if (recorded === undefined && !underWay.has(name)) mayBegin(handle);
    const result =
      recorded === undefined ? await (underWay.get(name) ?? begin(name, effect)) : recorded;
    // What was recorded under this name is what the same effect gave, in JSON: the caller's type is taken at its word.
    return result as X;
  };

  function begin(name: string, effect: () => unknown): Promise<Json> {
    const promise = perform(name, effect);
    underWay.set(name, promise);
    promise.catch(() => underWay.delete(name));
    return promise;
  }
}
