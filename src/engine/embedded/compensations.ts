/**
 * Attempts to compensate: one call of an agent's `compensate`, from its place in the queue to its outcome in the run's inbox.
 *
 * P1. An attempt reports exactly one outcome: the first of result, throw, timeout, and the end of the run in this process.
 * P2. Nothing is compensated on another input than the one that was executed: it is held against the recorded hash.
 * P3. The idempotency key is the same for every attempt, and another than the execution's.
 */
import type { CompensationOutcome } from "../../decide/saga.ts";
import type { Command } from "../../decide/turn.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { CompensationContext } from "../../model/agent-definition.ts";
import type { Failure, UsageRecord } from "../../model/entry.ts";
import { BatonError } from "../../model/errors.ts";
import type { LogLine } from "../../ports/log-sink.ts";
import { compensationKeyOf, executionKeyOf } from "../../journal/idempotency.ts";
import { usageRecord } from "../usage.ts";
import { failureOf } from "./attempts.ts";
import type { Actor, Core } from "./core.ts";
import { deliver } from "./inbox.ts";

type Compensate = Extract<Command, { readonly kind: "compensate" }>;

/** Begins an attempt to compensate as soon as the agent has a place. */
export function beginCompensation(core: Core, actor: Actor, command: Compensate): void {
  const { agent, path, turn, attempt } = command;
  let reported = false;
  let begun = false;
  let startedMs = 0;
  let stopTimeout: (() => void) | undefined;
  let leaveQueue: (() => void) | undefined;
  const context = compensationContext(core, actor, command);
  const place = { path, turn, attempt };
  const told = () => ({
    tookMs: Math.round(core.clock.monotonicMs() - startedMs),
    ...(context.usage.length === 0 ? {} : { usage: context.usage }),
  });
  const report = (outcome: CompensationOutcome) => {
    if (reported) return;
    reported = true;
    stopTimeout?.();
    leaveQueue?.();
    context.end();
    actor.attempts.delete(path);
    deliver(core, actor, outcome);
  };
  const fail = (error: Failure, final: boolean) =>
    report({
      kind: "compensationFailed",
      ...place,
      error,
      final,
      random: core.ids.random(),
      ...(begun ? told() : {}),
    });
  const begin = () => {
    begun = true;
    if (reported) return core.agentPlaces.leave(agent);
    startedMs = core.clock.monotonicMs();
    const timeoutMs = agent.compensation?.timeoutMs ?? agent.timeoutMs;
    if (timeoutMs !== undefined) {
      const message = `${agent.id} took longer than ${timeoutMs} ms to compensate.`;
      stopTimeout = core.clock.after(timeoutMs, () => fail({ code: "TIMEOUT", message }, false));
    }
    perform(command, context.context).then(
      () => {
        core.agentPlaces.leave(agent);
        report({ kind: "compensated", ...place, ...told() });
      },
      (error: unknown) => {
        core.agentPlaces.leave(agent);
        fail(failureOf(error), isFinal(command, error));
      },
    );
  };
  actor.attempts.set(path, {
    ...place,
    agent,
    end: (failure) => fail(failure, true),
    abort: (failure) => fail(failure, true),
  });
  leaveQueue = core.agentPlaces.take(agent, begin);
  // An attempt that ended while it began has left the queue already.
  if (reported) leaveQueue();
}

async function perform(command: Compensate, context: CompensationContext): Promise<void> {
  const { agent, path, input, inputHash, output } = command;
  if (inputHash !== undefined && sha256Hex(canonicalJson(input)) !== inputHash)
    throw new InputChanged(path);
  await agent.compensate?.(input, output, context);
}

/** The code has changed: what would be compensated is not what was executed. */
class InputChanged extends Error {
  readonly code = "INPUT_CHANGED";
  constructor(path: string) {
    super(
      `What was executed at ${path} had another input than today's workflow computes: it can't be compensated with this code.`,
    );
  }
}

function isFinal({ agent }: Compensate, error: unknown): boolean {
  if (error instanceof InputChanged) return true;
  try {
    return (agent.compensation?.retry ?? agent.retry).final?.(error) === true;
  } catch {
    // A policy that throws says nothing: the attempt is made again as if there were none.
    return false;
  }
}

interface CompensationHandle {
  readonly context: CompensationContext;
  readonly usage: readonly UsageRecord[];
  end(): void;
}

function compensationContext(core: Core, actor: Actor, command: Compensate): CompensationHandle {
  const { path, turn, attempt, agent, reason } = command;
  const controller = new AbortController();
  const usage: UsageRecord[] = [];
  let ended = false;
  const live = () => {
    if (!ended) return;
    throw new BatonError(
      "CONTEXT_ENDED",
      `Attempt ${attempt} to compensate ${path} in run ${actor.id} has ended.`,
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
  const place = { namespace: core.namespace, run: actor.id, path, turn };
  return {
    context: {
      signal: controller.signal,
      run: actor.id,
      path,
      turn,
      attempt,
      idempotencyKey: compensationKeyOf(place),
      executionKey: executionKeyOf(place),
      reason,
      usage: (call) => {
        live();
        usage.push(usageRecord(core.prices, call));
      },
      log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    },
    usage,
    end: () => {
      ended = true;
      controller.abort();
    },
  };
}
