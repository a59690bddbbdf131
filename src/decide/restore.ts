/**
 * Restoring: a run that has gone back to a savepoint is as it was there, and goes on. Part of evolve: no I/O, no clock, and no
 * user function.
 *
 * R1. What was settled when the savepoint was sealed, and still stands, is kept. Every other step is taken back whole.
 * R2. A step of which anything was recorded, or that was in the plan, begins its next turn: no result, and no key of an
 *     outside call, is of the same path and turn as before. A step that had not begun begins as it would have.
 * R3. Versions and turns never go back: history is added to.
 */
import type { FactOf } from "../model/entry.ts";
import { newTimers, type Run } from "../model/run.ts";
import { parsePath } from "./path.ts";
import { ready } from "./readiness.ts";

/** Whether what a step came to was settled by the entry `seq`, and still stands (R1). */
export function isKept(run: Run, step: string, seq: number): boolean {
  const sealed = run.values.get(step);
  if (sealed !== undefined) return sealed.seq <= seq;
  const state = run.steps.get(step);
  return state?.kind === "skipped" && state.seq <= seq;
}

/** Applies `run.restored`: resets exactly what came after the savepoint. The clocks of steps begin anew. */
export function restore(run: Run, { payload, at }: FactOf<"run.restored">): void {
  const { seq } = payload;
  const begun = stepsBegun(run);
  const kept = new Set(["input"]);
  for (const { name } of run.definition.steps) if (isKept(run, name, seq)) kept.add(name);
  run.agenda.clear();
  run.stepDeadlines?.clear();
  run.unmetNeeds.clear();
  run.unsettledSteps = 0;
  for (const { name, needs } of run.definition.steps) {
    if (kept.has(name)) continue;
    run.unsettledSteps += 1;
    run.steps.delete(name);
    if (begun.has(name)) takeBack(run, name);
    const unmet = needs.filter((need) => !kept.has(need)).length;
    if (unmet === 0) ready(run, name, at);
    else run.unmetNeeds.set(name, unmet);
  }
  for (const [key, value] of run.values) if (value.seq > seq) run.values.delete(key);
  // What is settled has none of these, and what is not begins anew.
  for (const each of [run.calls, run.holds, run.intents, run.unknowns, run.parked, run.onces])
    each.clear();
  run.suspicions.clear();
  run.reminders.clear();
  run.timers = newTimers();
  run.abortCommanded = false;
  run.history = undefined;
  const cancelled = run.rollback?.cancelled;
  run.rollback = undefined;
  run.phase = cancelled === undefined ? { kind: "going" } : { kind: "cancelling", ...cancelled };
}

/** Whether what is parked is a step as a whole that has been opened; a branch that calls an agent makes its call again. */
export function isParkedWhole(run: Run, path: string): boolean {
  const state = run.steps.get(path);
  if (state?.kind !== "open") return false;
  return state.opening.step !== "branch" || state.opening.run !== undefined;
}

/** Begins a step anew that is open, in its next turn. */
export function beginAnew(run: Run, step: string): void {
  run.steps.delete(step);
  run.reminders.delete(step);
  const waits = [run.calls, run.holds, run.intents, run.unknowns, run.parked, run.suspicions];
  for (const each of waits)
    for (const path of [...each.keys()]) if (parsePath(path).step === step) each.delete(path);
  takeBack(run, step);
}

/** The next turn of a step, which hears no answer that was given to an earlier one. */
function takeBack(run: Run, step: string): void {
  const turn = (run.turns.get(step) ?? 0) + 1;
  run.turns.set(step, turn);
  run.restarts.set(step, turn);
  run.signals.delete(step);
}

/** Steps that have left something in the journal, or may have acted (R2). */
function stepsBegun(run: Run): ReadonlySet<string> {
  const begun = new Set([...run.steps.keys(), ...(run.rollback?.pendingOf.keys() ?? [])]);
  for (const each of [run.calls, run.holds, run.intents, run.unknowns, run.parked])
    for (const path of each.keys()) begun.add(parsePath(path).step);
  for (const key of run.onces.keys()) begun.add(parsePath(key.slice(0, key.lastIndexOf(":"))).step);
  return begun;
}
