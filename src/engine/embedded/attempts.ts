/**
 * Attempts: one execution of an agent, from its place in the queue to its outcome in the run's inbox.
 *
 * A1. An attempt reports exactly one outcome: the first of result, throw, timeout, and the end of its patience after an abort.
 * A2. Once it has reported, its context throws and what it still gives is ignored.
 * A3. What crosses into the run is checked here: the output against the agent's contract, its size, its JSON.
 */
import { check } from "../../model/check.ts";
import type { Failure } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { Json } from "../../model/json.ts";
import type { Command } from "../../decide/turn.ts";
import { deliver } from "./inbox.ts";
import { attemptContext, type ContextHandle } from "./attempt-context.ts";
import type { Actor, Core } from "./core.ts";

/** How long an attempt that was aborted is waited for, so that what it did is known: one that heeds its signal ends at once. */
const ABORT_GRACE_MS = 5_000;

type Execute = Extract<Command, { readonly kind: "execute" }>;

/** Begins an attempt as soon as its agent has a place. */
export function beginAttempt(core: Core, actor: Actor, command: Execute): void {
  const { agent, path, turn, attempt } = command;
  let reported = false;
  let begun = false;
  let context: ContextHandle | undefined;
  let stopTimeout: (() => void) | undefined;
  let stopGrace: (() => void) | undefined;
  let leaveQueue: (() => void) | undefined;
  let startedMs = 0;

  const close = (): boolean => {
    if (reported) return false;
    reported = true;
    stopTimeout?.();
    stopGrace?.();
    leaveQueue?.();
    context?.end();
    actor.attempts.delete(path);
    return true;
  };
  const place = { path, turn, attempt };
  const told = () => {
    const usage = context?.usage ?? [];
    return {
      tookMs: Math.round(core.clock.monotonicMs() - startedMs),
      ...(usage.length === 0 ? {} : { usage }),
    };
  };
  const fail = (error: Failure, final: boolean) => {
    const extra = begun ? told() : {};
    if (close())
      deliver(core, actor, {
        kind: "attemptFailed",
        ...place,
        error,
        final,
        random: core.ids.random(),
        ...extra,
      });
  };
  const succeed = (raw: unknown) => {
    if (reported) return;
    const checked = checkedOutput(core, command, raw);
    if (checked.kind === "refused") return fail(checked.error, checked.final);
    const extra = told();
    close();
    deliver(core, actor, {
      kind: "sealed",
      ...place,
      output: checked.output,
      inputHash: sha256Hex(canonicalJson(command.input)),
      ...extra,
    });
  };
  const thrown = (error: unknown) => {
    if (!reported) fail(failureOf(error), isFinal(command, error));
  };
  const begin = () => {
    begun = true;
    if (reported) return core.agentPlaces.leave(agent);
    startedMs = core.clock.monotonicMs();
    context = attemptContext(core, actor, command);
    if (agent.timeoutMs !== undefined) {
      const { timeoutMs } = agent;
      stopTimeout = core.clock.after(timeoutMs, () => {
        fail({ code: "TIMEOUT", message: `${agent.id} took longer than ${timeoutMs} ms.` }, false);
      });
    }
    executeNow(command, context, succeed, thrown, () => core.agentPlaces.leave(agent));
  };
  const abort = (failure: Failure) => {
    if (!begun) return fail(failure, true);
    context?.abort();
    stopGrace ??= core.clock.after(ABORT_GRACE_MS, () => fail(failure, true));
  };
  actor.attempts.set(path, {
    path,
    turn,
    attempt,
    agent,
    end: (failure) => fail(failure, true),
    abort,
  });
  leaveQueue = core.agentPlaces.take(agent, begin);
  // An attempt that ended while it began has left the queue already.
  if (reported) leaveQueue();
}

/** The agent's place is given back when it really ends, not when its outcome is no longer waited for: an agent that ignores its abort still uses what the limit protects. */
function executeNow(
  command: Execute,
  context: ContextHandle,
  succeed: (raw: unknown) => void,
  thrown: (error: unknown) => void,
  leave: () => void,
): void {
  let given: unknown;
  try {
    given = command.agent.execute(command.input, context.context);
  } catch (error) {
    leave();
    thrown(error);
    return;
  }
  if (!isThenable(given)) {
    leave();
    succeed(given);
    return;
  }
  Promise.resolve(given).then(
    (raw) => {
      leave();
      succeed(raw);
    },
    (error: unknown) => {
      leave();
      thrown(error);
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
    const { outputBytesMax } = core.limits;
    const bytes = sizeAtLeast(checked.value, outputBytesMax)
      ? Buffer.byteLength(canonicalJson(checked.value))
      : 0;
    if (bytes <= outputBytesMax) return { kind: "ok", output: checked.value };
    const message = `The output of ${agent.id} has ${bytes} bytes; limits.outputBytesMax is ${outputBytesMax}.`;
    return { kind: "refused", error: { code: "VALUE_TOO_LARGE", message }, final: true };
  } catch (error) {
    // A contract that can't be relied on (asynchronous, or unstable) fails the step: another attempt would meet it again.
    return { kind: "refused", error: failureOf(error), final: true };
  }
}

/** Whether a value could have that many bytes, without writing it: it stops counting as soon as it knows. */
function sizeAtLeast(value: Json, bytesMax: number): boolean {
  let left = bytesMax;
  const spend = (part: Json): boolean => {
    if (typeof part === "string") left -= part.length * 6 + 2;
    else if (typeof part === "object" && part !== null) {
      left -= 2;
      for (const [key, field] of Object.entries(part)) {
        left -= key.length * 6 + 4;
        if (left < 0 || spend(field)) return true;
      }
    } else left -= 26;
    return left < 0;
  };
  return spend(value);
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
