/**
 * Attempts to compensate: one call of an agent's `compensate`, from its place in the queue to its outcome in the run's inbox.
 *
 * P1. An attempt reports exactly one outcome: the first of result, throw, timeout, and the end of the run in this process.
 * P2. Nothing is compensated on another input than the one that was executed: it is held against the recorded hash.
 * P3. The idempotency key is the same for every attempt, and another than the execution's.
 * P4. An agent's breaker and rate are asked before each attempt. Where they don't let it through it waits: what was done must
 *     be undone, so that neither failing fast nor another agent is an answer, and no queue is too full for it.
 * P5. No budget refuses one, for the same reason; what it uses is spent of them all the same.
 */
import type { CallOutcome } from "../../decide/breaker.ts";
import type { CompensationOutcome } from "../../decide/saga.ts";
import type { Command } from "../../decide/turn.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { CompensationContext } from "../../model/agent-definition.ts";
import type { Failure, UsageRecord } from "../../model/entry.ts";
import type { Gate } from "../../model/gate.ts";
import { BatonError } from "../../model/errors.ts";
import { compensationKeyOf, executionKeyOf } from "../../journal/idempotency.ts";
import { usageRecord } from "../usage.ts";
import { agentLog } from "./agent-log.ts";
import { failureOf } from "./attempt-output.ts";
import { approach, type AtTheDoor, ignoreStopped } from "./breaker-door.ts";
import type { Refusal } from "./breakers.ts";
import { spendUnreserved } from "./budget-door.ts";
import { callTraceparent } from "./call-span.ts";
import { failedCall, IGNORED, SUCCEEDED } from "./call-outcome.ts";
import type { Actor, Core } from "./core.ts";
import { deliver } from "./inbox.ts";

type Compensate = Extract<Command, { readonly kind: "compensate" }>;

/** An attempt to compensate from the moment it is wanted. */
interface Running extends AtTheDoor {
  readonly command: Compensate;
  readonly context: CompensationHandle;
  begun: boolean;
  startedMs: number;
  stopTimeout: (() => void) | undefined;
  /** Whether the agent has really ended. */
  returned: boolean;
  stopOutstaying: (() => void) | undefined;
}

/** Begins an attempt to compensate as soon as the agent has a place, and its breaker and rate let it through. */
export function beginCompensation(core: Core, actor: Actor, command: Compensate): void {
  const { agent, path, turn, attempt } = command;
  const running: Running = {
    core,
    actor,
    command,
    context: compensationContext(core, actor, command),
    begun: false,
    reported: false,
    startedMs: 0,
    stopTimeout: undefined,
    leaveQueue: undefined,
    returned: false,
    stopOutstaying: undefined,
    ticket: undefined,
    leaveBreaker: undefined,
    slot: undefined,
  };
  const end = (failure: Failure) => fail(running, failure, true, IGNORED);
  actor.attempts.set(path, { path, turn, attempt, agent, end, abort: end });
  // However many wait for a place: it waits with them.
  approach(running, {
    begin: () => begin(running),
    close: () => close(running),
    refused: ({ name }, refusal) => held(running, `breaker/${name}`, refusal),
    held: (gate, refusal) => held(running, gate, refusal),
  });
}

/** It waits, whatever the agent says of an open breaker (P4). */
function held(running: Running, gate: Gate, refusal: Refusal): void {
  const { core, actor, command } = running;
  const { path, turn, attempt, agent } = command;
  if (!close(running)) return;
  const place = { path, turn, attempt, agent, gate, ...refusal } as const;
  deliver(core, actor, { kind: "compensationHeld", ...place });
}

function begin(running: Running): void {
  const { core, actor, command } = running;
  const { agent, path } = command;
  if (running.reported) return core.agentPlaces.leave(agent);
  running.begun = true;
  running.startedMs = core.clock.monotonicMs();
  const failed = (error: Failure, final: boolean, cause: unknown) => {
    const place = { run: actor.id, path, at: core.clock.now() };
    const outcome =
      cause instanceof InputChanged ? IGNORED : failedCall(agent, place, { error, cause });
    fail(running, error, final, outcome);
  };
  const timeoutMs = agent.compensation?.timeoutMs ?? agent.timeoutMs;
  if (timeoutMs !== undefined) {
    const message = `${agent.id} took longer than ${timeoutMs} ms to compensate.`;
    const error = { code: "TIMEOUT", message };
    running.stopTimeout = core.clock.after(timeoutMs, () => failed(error, false, error));
  }
  const returned = () => {
    running.returned = true;
    running.stopOutstaying?.();
  };
  const { context } = running.context;
  core
    .inOwnContext(() => perform(command, context))
    .then(
      () => {
        returned();
        core.agentPlaces.leave(agent);
        succeed(running);
      },
      (error: unknown) => {
        returned();
        // First told, then left: a breaker that opens on it must not let the next in line through.
        if (!running.reported) failed(failureOf(error), isFinal(command, error), error);
        core.agentPlaces.leave(agent);
      },
    );
}

function succeed(running: Running): void {
  const extra = told(running);
  if (!close(running)) return;
  spendUnreserved(running, running.context.usage, extra.tookMs);
  const { path, turn, attempt } = running.command;
  tell(running, { kind: "compensated", path, turn, attempt, ...extra }, SUCCEEDED);
}

function fail(running: Running, error: Failure, final: boolean, outcome: CallOutcome): void {
  const { core, command, begun } = running;
  const { path, turn, attempt } = command;
  const extra = begun ? told(running) : undefined;
  if (!close(running)) return;
  if (extra !== undefined) spendUnreserved(running, running.context.usage, extra.tookMs);
  const random = core.ids.random();
  const kind = "compensationFailed";
  tell(running, { kind, path, turn, attempt, error, final, random, ...extra }, outcome);
}

function told({ core, context, startedMs }: Running) {
  const tookMs = Math.round(core.clock.monotonicMs() - startedMs);
  return { tookMs, ...(context.usage.length === 0 ? {} : { usage: context.usage }) };
}

/** Gives false if its outcome was reported before (P1). */
function close(running: Running): boolean {
  if (running.reported) return false;
  running.reported = true;
  running.stopTimeout?.();
  running.leaveQueue?.();
  running.leaveBreaker?.();
  running.context.end();
  const { core, actor, command, begun, returned } = running;
  const { path, attempt, agent } = command;
  actor.attempts.delete(path);
  if (agent.concurrency !== undefined && begun && !returned)
    running.stopOutstaying = core.agentPlaces.outstay({ run: actor.id, path, attempt, agent });
  return true;
}

/** Tells the run an outcome; where it changed a breaker, once that is in the journal. */
function tell(running: Running, ended: CompensationOutcome, outcome: CallOutcome): void {
  const { core, actor, command, ticket } = running;
  if (ticket === undefined) return deliver(core, actor, ended);
  const { mark, recorded } = core.breakers.report(ticket, outcome);
  const input = mark === undefined ? ended : { ...ended, breaker: mark };
  if (recorded === undefined) return deliver(core, actor, input);
  const { path, turn, attempt, agent } = command;
  // Until then it is still under way to whoever waits for the engine to end.
  actor.attempts.set(path, { path, turn, attempt, agent, end: nothing, abort: nothing });
  recorded.then(() => {
    actor.attempts.delete(path);
    deliver(core, actor, input);
  }, ignoreStopped);
}

function nothing(): void {}

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
  const { path, turn, attempt, reason } = command;
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
      get traceparent() {
        return callTraceparent(core, actor, "compensation", command);
      },
      reason,
      usage: (call) => {
        live();
        usage.push(usageRecord(core.prices, call));
      },
      log: agentLog(core, actor, "compensation", command, live),
    },
    usage,
    end: () => {
      ended = true;
      controller.abort();
    },
  };
}
