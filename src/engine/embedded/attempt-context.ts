/** What an attempt is given besides its input. Made lazily where it costs: most agents never look at their signal. */
import type { Command } from "../../decide/turn.ts";
import type { AgentContext, AgentLog } from "../../model/agent-definition.ts";
import type { UsageRecord } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import { type Json, sealJson } from "../../model/json.ts";
import type { LogLine } from "../../ports/log-sink.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { executionKeyOf } from "../../journal/idempotency.ts";
import { usageRecord } from "../usage.ts";
import { tooLarge } from "../value-size.ts";
import type { AttemptTime } from "./attempt-time.ts";
import { deliver } from "./inbox.ts";
import type { Actor, Core } from "./core.ts";

type Execute = Extract<Command, { readonly kind: "execute" }>;

export interface ContextHandle {
  readonly context: AgentContext;
  readonly usage: readonly UsageRecord[];
  /** Aborts the signal; no new effect begins. */
  abort(): void;
  /** Aborts the signal; from now on the context throws. */
  end(): void;
}

/**
 * Made for every attempt: what it holds is kept in one scope, so that it costs as little as it can. `used` is told of each call
 * of a model that was reported; where it throws, the agent is told so.
 */
export function attemptContext(
  core: Core,
  actor: Actor,
  command: Execute,
  time: AttemptTime,
  used?: (usage: readonly UsageRecord[]) => void,
): ContextHandle {
  const { path, turn, attempt, feedback, agent, progress: last } = command;
  const usage: UsageRecord[] = [];
  let controller: AbortController | undefined;
  let aborted = false;
  let ended = false;
  let agentLog: AgentLog | undefined;
  const live = () => {
    if (ended) refuse(actor, command, "has ended");
  };
  const mayBegin = () => {
    if (aborted) refuse(actor, command, "was aborted");
    live();
  };
  const context: AgentContext = {
    run: actor.id,
    path,
    turn,
    attempt,
    feedback,
    once: onces(core, actor, command, { mayBegin, live }),
    usage: (call) => {
      live();
      usage.push(usageRecord(core.prices, call));
      used?.(usage);
    },
    deadline: time.deadlineAt,
    remainingMs: time.deadlineAt === undefined ? unbounded : () => leftMs(core, time),
    heartbeat: (progress) => {
      live();
      beat(core, actor, command, time, progress);
    },
    // What another agent said, for which this one stands in, means nothing to it.
    lastProgress: last?.agent === agent.id ? last.value : undefined,
    stream: (chunk) => {
      live();
      tellPartial(core, actor, command, chunk);
    },
    // What is made only when it is asked for stands last: a literal is slow from its first getter on.
    get signal() {
      controller ??= new AbortController();
      if (aborted || ended) controller.abort();
      return controller.signal;
    },
    get idempotencyKey() {
      return executionKeyOf({ namespace: core.namespace, run: actor.id, path, turn });
    },
    get log() {
      agentLog ??= logOf(core, actor, command, live);
      return agentLog;
    },
  };
  return {
    context,
    usage,
    abort: () => {
      aborted = true;
      controller?.abort();
    },
    end: () => {
      ended = true;
      controller?.abort();
    },
  };
}

function refuse(actor: Actor, { path, attempt }: Execute, why: string): never {
  throw new BatonError("CONTEXT_ENDED", `Attempt ${attempt} of ${path} in run ${actor.id} ${why}.`);
}

/** Shared by all that have no deadline. */
function unbounded(): undefined {
  return undefined;
}

function leftMs(core: Core, { deadlineAt }: AttemptTime): number | undefined {
  return deadlineAt === undefined ? undefined : Math.max(0, deadlineAt - core.clock.now());
}

/** The attempt is at work; what it says besides is kept for its failure. */
function beat(
  core: Core,
  actor: Actor,
  command: Execute,
  time: AttemptTime,
  progress: Json | undefined,
): void {
  time.beatMs = core.clock.monotonicMs();
  if (progress !== undefined) time.progress = tellProgress(core, actor, command, progress);
}

/** Gives partial output to whoever watches. */
function tellPartial(core: Core, actor: Actor, { path, attempt }: Execute, chunk: Json): void {
  const watchers = core.watchers.get(actor.id);
  if (watchers === undefined) return;
  const sealed = sealJson(chunk, `partial output of ${path}`);
  for (const watcher of watchers) watcher.partial(path, attempt, sealed);
}

/** Checks what came with a heartbeat, and tells it to whoever watches. */
function tellProgress(core: Core, actor: Actor, { path, attempt }: Execute, given: Json): Json {
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

function logOf(core: Core, actor: Actor, command: Execute, live: () => void): AgentLog {
  const { path, attempt, agent } = command;
  const place = { run: actor.id, path, attempt, agent: agent.id };
  const at =
    (level: LogLine["level"]) => (message: string, data?: Readonly<Record<string, unknown>>) => {
      live();
      core.log({
        level,
        message,
        at: core.clock.now(),
        ...place,
        ...(data === undefined ? {} : { data }),
      });
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/**
 * `once`: an effect whose result is recorded before the agent sees it. Two calls with the same name while the first is
 * under way share it; a failed effect is forgotten.
 */
function onces(
  core: Core,
  actor: Actor,
  command: Execute,
  { mayBegin, live }: { readonly mayBegin: () => void; readonly live: () => void },
): AgentContext["once"] {
  const { path, turn, attempt, agent } = command;
  const isFallback = command.standsIn !== undefined;
  const by = isFallback ? { agent: agent.id } : {};
  const underWay = new Map<string, Promise<Json>>();
  const perform = async (name: string, effect: () => unknown): Promise<Json> => {
    const what = `result of once("${name}") in ${path}`;
    const value = sealJson(await effect(), what);
    const large = tooLarge(core.limits, value, what);
    if (large !== undefined) throw new BatonError("VALUE_TOO_LARGE", large);
    live();
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
    live();
    // What the agent itself recorded is not what its fallback asks for, though both call it the same.
    const name = isFallback ? `${agent.name}/${given}` : given;
    const recorded = command.onces.get(name);
    if (recorded === undefined && !underWay.has(name)) mayBegin();
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
