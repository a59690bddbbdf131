/** What an attempt is given besides its input. Made lazily where it costs: most agents never look at their signal. */
import type { Command } from "../../decide/turn.ts";
import type { AgentContext, AgentLog } from "../../model/agent-definition.ts";
import type { UsageRecord } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import { type Json, sealJson } from "../../model/json.ts";
import type { LogLine } from "../../ports/log-sink.ts";
import { executionKeyOf } from "../../journal/idempotency.ts";
import { usageRecord } from "../usage.ts";
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

export function attemptContext(core: Core, actor: Actor, command: Execute): ContextHandle {
  const { path, turn, attempt, agent, feedback } = command;
  const usage: UsageRecord[] = [];
  let controller: AbortController | undefined;
  let aborted = false;
  let ended = false;
  const live = () => {
    if (ended)
      throw new BatonError(
        "CONTEXT_ENDED",
        `Attempt ${attempt} of ${path} in run ${actor.id} has ended.`,
      );
  };
  const log =
    (level: LogLine["level"]) => (message: string, data?: Readonly<Record<string, unknown>>) => {
      live();
      core.log({
        level,
        message,
        at: core.clock.now(),
        run: actor.id,
        path,
        attempt,
        agent: agent.id,
        ...(data === undefined ? {} : { data }),
      });
    };
  let agentLog: AgentLog | undefined;
  const mayBegin = () => {
    if (aborted)
      throw new BatonError(
        "CONTEXT_ENDED",
        `Attempt ${attempt} of ${path} in run ${actor.id} was aborted.`,
      );
    live();
  };
  const memo = onces(core, actor, command, { mayBegin, live });
  const context: AgentContext = {
    get signal() {
      controller ??= new AbortController();
      if (aborted || ended) controller.abort();
      return controller.signal;
    },
    run: actor.id,
    path,
    turn,
    attempt,
    get idempotencyKey() {
      return executionKeyOf({ namespace: core.namespace, run: actor.id, path, turn });
    },
    feedback,
    once: memo,
    usage: (call) => {
      live();
      usage.push(usageRecord(core.prices, call));
    },
    get log() {
      agentLog ??= {
        debug: log("debug"),
        info: log("info"),
        warn: log("warn"),
        error: log("error"),
      };
      return agentLog;
    },
    stream: (chunk) => {
      live();
      const watchers = core.watchers.get(actor.id);
      if (watchers === undefined) return;
      const sealed = sealJson(chunk, `partial output of ${path}`);
      for (const watcher of watchers) watcher.partial(path, attempt, sealed);
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
  const { path, turn, attempt } = command;
  const underWay = new Map<string, Promise<Json>>();
  const perform = async (name: string, effect: () => unknown): Promise<Json> => {
    const value = sealJson(await effect(), `result of once("${name}") in ${path}`);
    live();
    await new Promise<void>((resolve, reject) => {
      deliver(core, actor, { kind: "once", path, turn, attempt, name, value }, (arrived) => {
        if (arrived.kind === "failed") reject(arrived.error);
        else resolve();
      });
    });
    return value;
  };
  return async <X>(name: string, effect: () => X | Promise<X>): Promise<X> => {
    live();
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
