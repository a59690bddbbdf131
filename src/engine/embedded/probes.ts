/**
 * Probes: one call of an agent's `probe`, from its place in the queue to its answer in the run's inbox.
 *
 * R1. A probe reports exactly one answer: the first of result, throw, timeout, and the end of the run in this process.
 * R2. Nothing is asked about on another input than the one that was executed: it is held against the recorded hash.
 * R3. It passes the agent's breaker and rate as any call does, and waits where they don't let it through: no fallback can tell
 *     what the agent did.
 */
import type { CallOutcome } from "../../decide/breaker.ts";
import type { Probed } from "../../decide/probing.ts";
import type { Command } from "../../decide/turn.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import { executionKeyOf } from "../../journal/idempotency.ts";
import type { ProbeContext } from "../../model/agent-definition.ts";
import type { Failure, UsageRecord } from "../../model/entry.ts";
import type { Gate } from "../../model/gate.ts";
import { BatonError } from "../../model/errors.ts";
import { usageRecord } from "../usage.ts";
import { agentLog } from "./agent-log.ts";
import { checkedOutput, failureOf } from "./attempt-output.ts";
import { approach, type AtTheDoor, ignoreStopped } from "./breaker-door.ts";
import type { Refusal } from "./breakers.ts";
import { spendUnreserved } from "./budget-door.ts";
import { callTraceparent } from "./call-span.ts";
import { failedCall, IGNORED, SUCCEEDED } from "./call-outcome.ts";
import type { Actor, Core } from "./core.ts";
import { deliver } from "./inbox.ts";

type Probe = Extract<Command, { readonly kind: "probe" }>;
type Answer = Pick<Probed, "answer" | "output" | "inputHash" | "error" | "final">;

/** A probe from the moment it is wanted. */
interface Running extends AtTheDoor {
  readonly command: Probe;
  readonly controller: AbortController;
  readonly usage: UsageRecord[];
  begun: boolean;
  startedMs: number;
  stopTimeout: (() => void) | undefined;
}

/** Begins a probe as soon as the agent has a place, and its breaker and rate let it through. */
export function beginProbe(core: Core, actor: Actor, command: Probe): void {
  const { agent, path, turn, attempt } = command;
  const running: Running = {
    core,
    actor,
    command,
    controller: new AbortController(),
    usage: [],
    begun: false,
    reported: false,
    startedMs: core.clock.monotonicMs(),
    stopTimeout: undefined,
    leaveQueue: undefined,
    ticket: undefined,
    leaveBreaker: undefined,
    slot: undefined,
  };
  const end = (error: Failure) => report(running, { answer: "failed", error }, IGNORED);
  actor.attempts.set(path, { path, turn, attempt, agent, end, abort: end });
  const held = (gate: Gate, refusal: Refusal) => {
    if (!close(running)) return;
    const place = { kind: "held", path, turn, attempt, agent, gate, probe: true } as const;
    deliver(core, actor, { ...place, ...refusal });
  };
  // However many wait for a place: it waits with them.
  approach(running, {
    begin: () => begin(running),
    close: () => close(running),
    refused: ({ name }, refusal) => held(`breaker/${name}`, refusal),
    held,
  });
}

function begin(running: Running): void {
  const { core, command } = running;
  const { agent } = command;
  if (running.reported) return core.agentPlaces.leave(agent);
  running.begun = true;
  running.startedMs = core.clock.monotonicMs();
  const { timeoutMs } = agent;
  if (timeoutMs !== undefined) {
    const message = `The probe of ${agent.id} took longer than ${timeoutMs} ms.`;
    const error = { code: "TIMEOUT", message };
    running.stopTimeout = core.clock.after(timeoutMs, () => failed(running, error, error));
  }
  ask(running).then(
    (answer) => {
      core.agentPlaces.leave(agent);
      report(running, answer, SUCCEEDED);
    },
    (error: unknown) => {
      // First told, then left: a breaker that opens on it must not let the next in line through.
      failed(running, failureOf(error), error);
      core.agentPlaces.leave(agent);
    },
  );
}

async function ask(running: Running): Promise<Answer> {
  const { core, command } = running;
  const { agent, path, input } = command;
  const inputHash = sha256Hex(canonicalJson(input));
  if (command.inputHash !== undefined && inputHash !== command.inputHash) {
    const message = `What was executed at ${path} had another input than today's workflow computes.`;
    return { answer: "failed", error: { code: "INPUT_CHANGED", message }, final: true };
  }
  const given = await agent.probe?.(input, probeContext(running));
  if (!isAnswer(given)) {
    const message = `The probe of ${agent.id} answered neither done, notDone nor unknown.`;
    return { answer: "failed", error: { code: "ANSWER_INVALID", message } };
  }
  if (given.kind !== "done") return { answer: given.kind };
  const checked = checkedOutput(core, agent, given.output);
  return checked.kind === "ok"
    ? { answer: "done", output: checked.output, inputHash }
    : { answer: "failed", error: checked.error };
}

/** A probe is code of a user's, whatever the compiler was told of it. */
function isAnswer(
  given: unknown,
): given is { readonly kind: "done" | "notDone" | "unknown"; readonly output?: unknown } {
  if (typeof given !== "object" || given === null || !("kind" in given)) return false;
  return given.kind === "done" || given.kind === "notDone" || given.kind === "unknown";
}

function failed(running: Running, error: Failure, cause: unknown): void {
  const { core, actor, command } = running;
  if (running.reported) return;
  const place = { run: actor.id, path: command.path, at: core.clock.now() };
  report(running, { answer: "failed", error }, failedCall(command.agent, place, { error, cause }));
}

/** Tells the run the answer; where that changed a breaker, once it is in the journal. */
function report(running: Running, answer: Answer, outcome: CallOutcome): void {
  const { core, actor, command, ticket, usage } = running;
  if (!close(running)) return;
  const { path, turn, attempt, probe, agent } = command;
  const tookMs = Math.round(core.clock.monotonicMs() - running.startedMs);
  if (running.begun) spendUnreserved(running, usage, tookMs);
  const input: Probed = {
    kind: "probed",
    path,
    turn,
    attempt,
    probe,
    ...answer,
    random: core.ids.random(),
    tookMs,
    ...(usage.length === 0 ? {} : { usage }),
  };
  const reported = ticket === undefined ? undefined : core.breakers.report(ticket, outcome);
  if (reported?.mark === undefined) return deliver(core, actor, input);
  const marked = { ...input, breaker: reported.mark };
  if (reported.recorded === undefined) return deliver(core, actor, marked);
  // Until then it is still under way to whoever waits for the engine to end.
  actor.attempts.set(path, { path, turn, attempt, agent, end: nothing, abort: nothing });
  reported.recorded.then(() => {
    actor.attempts.delete(path);
    deliver(core, actor, marked);
  }, ignoreStopped);
}

function nothing(): void {}

/** Gives false if its answer was reported before (R1). */
function close(running: Running): boolean {
  if (running.reported) return false;
  running.reported = true;
  running.stopTimeout?.();
  running.leaveQueue?.();
  running.leaveBreaker?.();
  running.controller.abort();
  running.actor.attempts.delete(running.command.path);
  return true;
}

function probeContext(running: Running): ProbeContext {
  const { core, actor, command, controller, usage } = running;
  const { path, turn, attempt, error } = command;
  const live = () => {
    if (!running.reported) return;
    throw new BatonError("CONTEXT_ENDED", `The probe of ${path} in run ${actor.id} has ended.`);
  };
  return {
    signal: controller.signal,
    run: actor.id,
    path,
    turn,
    attempt,
    idempotencyKey: executionKeyOf({ namespace: core.namespace, run: actor.id, path, turn }),
    get traceparent() {
      return callTraceparent(core, actor, "attempt", command);
    },
    error,
    usage: (call) => {
      live();
      usage.push(usageRecord(core.prices, call));
    },
    log: agentLog(core, actor, "attempt", command, live),
  };
}
