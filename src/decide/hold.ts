/**
 * A hold: an attempt that met a closed gate (an open breaker, a spent budget), and waits. It uses up no attempt, and is recorded once, however often the
 * gate refuses it until it is let through.
 *
 * H1. What is held is asked for again at its `dueAt`, which is in the journal, or as soon as the gate lets go of it.
 * H2. A refusal after the first changes nothing in the journal: it only puts off when this process asks again.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Gate } from "../model/gate.ts";
import type { Run } from "../model/run.ts";
import { takePerforming } from "./call.ts";
import { parsePath } from "./evolve.ts";
import { type Deliberation, ENGINE, say } from "./turn.ts";

/** An attempt was not let through. */
export interface Held {
  readonly kind: "held";
  readonly path: string;
  readonly turn: number;
  readonly attempt: number;
  readonly agent: AgentDefinition;
  readonly gate: Gate;
  readonly dueAt: number;
  readonly until?: number;
  /** It was a probe, which takes no place among the items of a map. */
  readonly probe?: true;
}

/** A gate may let through what it held: what waits for it asks again. */
export interface Released {
  readonly kind: "released";
  readonly gate: Gate;
}

/** Takes the attempt off what is under way, and records that it waits (H2). */
export function holdAttempt(turn: Deliberation, input: Held): void {
  const { run } = turn;
  const { path, gate, dueAt, until, agent } = input;
  const performing = takePerforming(run, input);
  if (performing === undefined) return;
  const state = run.steps.get(performing.step);
  const isItem = state?.kind === "open" && state.opening.step === "map" && input.probe !== true;
  if (isItem && state.items !== undefined) state.items.executing -= 1;
  if (run.phase.kind !== "going") return;
  const known = run.holds.get(path);
  if (known?.turn === input.turn && known.attempt === input.attempt && known.gate === gate) {
    run.holds.set(path, { ...known, dueAt });
    run.timers.push({ dueAt, kind: "held", step: known.step, path });
    return;
  }
  say(turn, {
    kind: "attempt.held",
    path,
    turn: input.turn,
    attempt: input.attempt,
    by: ENGINE,
    agent: agent.id,
    reads: performing.reads,
    payload: { gate, dueAt, ...(until === undefined ? {} : { until }) },
  });
}

/** Makes due now what waits for the gate. */
export function release(turn: Deliberation, { gate }: Released): void {
  const { run } = turn;
  if (run.phase.kind !== "going") return;
  for (const [path, hold] of run.holds) {
    if (hold.gate !== gate || run.performing.has(path) || hold.dueAt <= turn.nowMs) continue;
    run.holds.set(path, { ...hold, dueAt: turn.nowMs });
    run.timers.push({ dueAt: turn.nowMs, kind: "held", step: hold.step, path });
  }
}

/** How many items of a map wait at a gate; one whose time has come takes its place again. */
export function heldItems(run: Run, step: string, nowMs: number): number {
  if (run.holds.size === 0) return 0;
  let count = 0;
  for (const [path, hold] of run.holds)
    if (hold.step === step && hold.dueAt > nowMs && !run.performing.has(path)) count += 1;
  return count;
}

/** Whether the attempt at a path still waits for that very moment. */
export function isHeldUntil(run: Run, path: string, dueAt: number): boolean {
  const { step } = parsePath(path);
  const state = run.steps.get(step);
  const settled = state !== undefined && state.kind !== "open";
  return !settled && !run.performing.has(path) && run.holds.get(path)?.dueAt === dueAt;
}
