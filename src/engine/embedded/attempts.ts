/**
 * Attempts: one execution of an agent, from its place in the queue to its outcome in the run's inbox.
 *
 * A1. An attempt reports exactly one outcome: the first of result, throw, timeout, and the end of its patience after an abort.
 * A2. Once it has reported, its context throws and what it still gives is ignored.
 * A3. What crosses into the run is checked here: the output against the agent's contract, its size, its JSON.
 */
import { check } from "../../model/check.ts";
import type { Failure, UsageRecord } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { Json } from "../../model/json.ts";
import type { Command } from "../../decide/turn.ts";
import { tooLarge } from "../value-size.ts";
import { deliver } from "./inbox.ts";
import { attemptContext, type ContextHandle } from "./attempt-context.ts";
import type { Actor, Core } from "./core.ts";

/** How long an attempt that was aborted is waited for, so that what it did is known: one that heeds its signal ends at once. */
const ABORT_GRACE_MS = 5_000;

type Execute = Extract<Command, { readonly kind: "execute" }>;

/** An attempt from the moment it is wanted. */
interface Running {
  readonly core: Core;
  readonly actor: Actor;
  readonly command: Execute;
  begun: boolean;
  reported: boolean;
  startedMs: number;
  context: ContextHandle | undefined;
  stopTimeout: (() => void) | undefined;
  stopGrace: (() => void) | undefined;
  leaveQueue: (() => void) | undefined;
}

/** Begins an attempt as soon as its agent has a place. */
export function beginAttempt(core: Core, actor: Actor, command: Execute): void {
  const running: Running = {
    core,
    actor,
    command,
    begun: false,
    reported: false,
    startedMs: 0,
    context: undefined,
    stopTimeout: undefined,
    stopGrace: undefined,
    leaveQueue: undefined,
  };
  const { agent, path, turn, attempt } = command;
  actor.attempts.set(path, {
    path,
    turn,
    attempt,
    agent,
    end: (failure) => fail(running, failure, true),
    abort: (failure) => abort(running, failure),
  });
  running.leaveQueue = core.agentPlaces.take(agent, () => begin(running));
  // An attempt that ended while it began has left the queue already.
  if (running.reported) running.leaveQueue();
}

function begin(running: Running): void {
  const { core, actor, command } = running;
  const { agent } = command;
  const { timeoutMs } = agent;
  running.begun = true;
  if (running.reported) return core.agentPlaces.leave(agent);
  running.startedMs = core.clock.monotonicMs();
  running.context = attemptContext(core, actor, command);
  if (timeoutMs !== undefined) {
    const error = { code: "TIMEOUT", message: `${agent.id} took longer than ${timeoutMs} ms.` };
    running.stopTimeout = core.clock.after(timeoutMs, () => fail(running, error, false));
  }
  executeNow(running, running.context);
}

function abort(running: Running, failure: Failure): void {
  if (!running.begun) return fail(running, failure, true);
  running.context?.abort();
  running.stopGrace ??= running.core.clock.after(ABORT_GRACE_MS, () =>
    fail(running, failure, true),
  );
}

function succeed(running: Running, raw: unknown): void {
  if (running.reported) return;
  const { core, actor, command } = running;
  const { path, turn, attempt, input } = command;
  const checked = checkedOutput(core, command, raw);
  if (checked.kind === "refused") return fail(running, checked.error, checked.final);
  const extra = told(running);
  close(running);
  const inputHash = sha256Hex(canonicalJson(input));
  deliver(core, actor, {
    kind: "sealed",
    path,
    turn,
    attempt,
    output: checked.output,
    inputHash,
    ...extra,
  });
}

function thrown(running: Running, error: unknown): void {
  if (!running.reported) fail(running, failureOf(error), isFinal(running.command, error));
}

function fail(running: Running, error: Failure, final: boolean): void {
  const { core, actor, command } = running;
  const { path, turn, attempt } = command;
  const extra = running.begun ? told(running) : {};
  if (!close(running)) return;
  const random = core.ids.random();
  deliver(core, actor, {
    kind: "attemptFailed",
    path,
    turn,
    attempt,
    error,
    final,
    random,
    ...extra,
  });
}

/** What is told of an attempt besides its outcome. */
function told({ core, context, startedMs }: Running): {
  readonly tookMs: number;
  readonly usage?: readonly UsageRecord[];
} {
  const usage = context?.usage ?? [];
  const tookMs = Math.round(core.clock.monotonicMs() - startedMs);
  return { tookMs, ...(usage.length === 0 ? {} : { usage }) };
}

/** Gives false if its outcome was reported before (A1). */
function close(running: Running): boolean {
  if (running.reported) return false;
  running.reported = true;
  running.stopTimeout?.();
  running.stopGrace?.();
  running.leaveQueue?.();
  running.context?.end();
  running.actor.attempts.delete(running.command.path);
  return true;
}

/** The agent's place is given back when it really ends, not when its outcome is no longer waited for: an agent that ignores its abort still uses what the limit protects. */
function executeNow(running: Running, { context }: ContextHandle): void {
  const { agent, input } = running.command;
  const leave = () => running.core.agentPlaces.leave(agent);
  let given: unknown;
  try {
    given = agent.execute(input, context);
  } catch (error) {
    leave();
    thrown(running, error);
    return;
  }
  if (!isThenable(given)) {
    leave();
    succeed(running, given);
    return;
  }
  Promise.resolve(given).then(
    (raw) => {
      leave();
      succeed(running, raw);
    },
    (error: unknown) => {
      leave();
      thrown(running, error);
    },
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}

type CheckedOutput =
  | { readonly kind: "ok"; readonly output: Json }
  | { readonly kind: "refused"; readonly error: Failure; readonly final: boolean };

function checkedOutput(core: Core, command: Execute, raw: unknown): CheckedOutput {
  const { agent } = command;
  try {
    const checked = check(agent.output, raw, `output of ${agent.id}`, "edge");
    if (checked.kind === "violated") {
      const message = `The output of ${agent.id} breaks ${agent.output.id}: ${checked.violations[0]?.message ?? ""}`;
      return {
        kind: "refused",
        error: { code: "CONTRACT_VIOLATED", message, violations: checked.violations },
        final: false,
      };
    }
    const message = tooLarge(core.limits, checked.value, `output of ${agent.id}`);
    if (message === undefined) return { kind: "ok", output: checked.value };
    return { kind: "refused", error: { code: "VALUE_TOO_LARGE", message }, final: true };
  } catch (error) {
    // A contract that can't be relied on (asynchronous, or unstable) fails the step: another attempt would meet it again.
    return { kind: "refused", error: failureOf(error), final: true };
  }
}

function isFinal(command: Execute, error: unknown): boolean {
  try {
    return command.agent.retry.final?.(error) === true;
  } catch {
    // A policy that throws says nothing: the attempt is retried as if there were none.
    return false;
  }
}

/** What is recorded of an error: never its stack, which speaks of the machine. */
export function failureOf(error: unknown): Failure {
  if (isBatonError(error)) return { code: error.code, message: error.message };
  if (!(error instanceof Error)) return { code: "THROWN", message: wellFormed(String(error)) };
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return { code: wellFormed(code), message: wellFormed(error.message) };
}

/** Messages come from anywhere; a lone surrogate in one must not keep a failure from being recorded. */
function wellFormed(text: string): string {
  return text.slice(0, 4_000).toWellFormed();
}
