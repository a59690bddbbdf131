/**
 * Replay: a journal against today's code, without calling an agent.
 *
 * The run is folded from what was recorded, never from what today's code would have said instead; at each entry, today's
 * user functions and contracts are asked, by the decider's own helpers, what they make of the very state that the entry was
 * decided on. So each difference is found where it begins, and one does not hide the ones after it.
 */
import { evolve, parsePath } from "../decide/evolve.ts";
import { gate, tryCall, viewOf } from "../decide/handoff.ts";
import { planBack } from "../decide/going-back.ts";
import { sagaHistory } from "../decide/saga-history.ts";
import { check } from "../model/check.ts";
import type { Fact, FactOf } from "../model/entry.ts";
import { sealJson } from "../model/json.ts";
import { sameJson } from "../model/json-pointer.ts";
import { DEFAULT_LIMITS, type Limits } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";
import { factOf, type RecordedEntry, runIdOf } from "./read.ts";
import { itemsOf } from "../decide/step-call.ts";
import { compareContract, type ReplayDifference, type Replaying } from "./replay-difference.ts";
import { compareOverdue, compareRunDeadline } from "./replay-deadline.ts";
import { compareConclusion, compareDelivered, isDelivered } from "./replay-delivery.ts";
import { comparePublished, compareReceived, compareSilence } from "./replay-event.ts";
import { compareRefusal } from "./replay-refusal.ts";
import { compareStep } from "./replay-step.ts";

export type { ReplayDifference } from "./replay-difference.ts";

export interface ReplayReport {
  readonly run: string;
  readonly workflow: string;
  readonly entries: number;
  readonly same: boolean;
  /** In order of `seq`; the first {@link DIFFERENCES_MAX} of them. */
  readonly differences: readonly ReplayDifference[];
}

/** Where a wide map differs in every item, a thousand tell as much as a hundred thousand. */
export const DIFFERENCES_MAX = 1_000;

/**
 * Compares a run's journal with what today's `definition` decides on the recorded facts, under today's `limits`.
 * @throws BatonError RUN_NOT_FOUND for no entries
 */
export function replay(
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
  limits: Limits = DEFAULT_LIMITS,
): ReplayReport {
  const id = runIdOf(entries);
  const differences: ReplayDifference[] = [];
  const differ = (difference: ReplayDifference): void => {
    if (differences.length < DIFFERENCES_MAX) differences.push(difference);
  };
  const facts = entries.map(factOf);
  const replaying: Replaying = {
    facts,
    run: newRun(id, definition, limits),
    definition,
    differ,
    seen: new Set(),
    givenUp: new Map(),
    announced: undefined,
  };
  for (const fact of facts) {
    compareSilence(replaying, fact);
    if (fact.path === undefined) compareRun(replaying, fact);
    else compareFact(replaying, fact, fact.path);
    if (fact.kind === "step.failed" || fact.kind === "step.skipped") keepItems(replaying, fact);
    evolve(replaying.run, fact);
  }
  compareSilence(replaying, undefined);
  return {
    run: id,
    workflow: definition.id,
    entries: entries.length,
    same: differences.length === 0,
    differences,
  };
}

/** A step that is given up or skipped forgets its items; what became of those that were under way is recorded after it. */
function keepItems({ run, definition, givenUp }: Replaying, { path = "" }: Fact): void {
  const step = definition.stepByName.get(path);
  const items = step === undefined ? undefined : itemsOf(run, step);
  if (items !== undefined) givenUp.set(path, items);
}

function compareRun(replaying: Replaying, fact: Fact): void {
  const { definition, differ } = replaying;
  if (fact.kind === "run.started") {
    const { workflow } = fact.payload;
    if (workflow !== definition.id) {
      const message = `The run is one of ${workflow}; today's definition is ${definition.id}.`;
      differ({
        seq: fact.seq,
        path: "",
        what: "workflow",
        message,
        recorded: workflow,
        today: definition.id,
      });
    }
    compareContract(replaying, fact, definition.input, "The input");
    compareRunDeadline(replaying, fact);
  }
  if (fact.kind === "run.overdue") compareOverdue(replaying, fact);
  if (fact.kind === "event.received") compareReceived(replaying, fact);
  if (fact.kind === "run.completed") compareOutput(replaying, fact);
  if (fact.kind === "run.compensating") comparePlan(replaying, fact);
  // Of what was given up before it, nothing is under way any more.
  if (fact.kind === "run.restored") replaying.givenUp.clear();
}

/** Whether today's workflow would undo the same, in the same order. */
function comparePlan(
  { definition, differ, facts, run }: Replaying,
  fact: FactOf<"run.compensating">,
): void {
  const before = facts.filter(({ seq }) => seq < fact.seq);
  const history = sagaHistory(definition, before, run.limits);
  const today = sealJson(planBack(run, history, fact.payload.to), "plan");
  if (sameJson(fact.value ?? null, today)) return;
  const message = "Today the run would compensate something else, or in another order.";
  const { seq, value = null } = fact;
  differ({ seq, path: "", what: "compensation", message, recorded: value, today });
}

/** What the run gave, and whether today's graph would have ended there. */
function compareOutput(replaying: Replaying, fact: FactOf<"run.completed">): void {
  const { run, definition, differ } = replaying;
  const { seq, value = null } = fact;
  if (definition.choreography !== undefined) return compareConclusion(replaying, fact);
  for (const { name } of definition.steps) {
    if (isSettled(run, name)) continue;
    const message = `Today's workflow has the step ${name}, which the run ended without.`;
    differ({ seq, path: name, what: "step", message });
  }
  const { view } = viewOf(run, [...run.values.keys()]);
  const projected = tryCall("output", () => {
    const given = definition.project(view);
    return definition.output === undefined
      ? { kind: "ok" as const, value: sealJson(given, `output of ${definition.id}`) }
      : check(definition.output, given, `output of ${definition.id}`, "edge");
  });
  const violations = projected.ok
    ? projected.value.kind === "violated" && projected.value.violations
    : projected.violations;
  if (violations !== false) {
    const message = "Today the run's output would be refused.";
    return differ({
      seq,
      path: "",
      what: "output",
      message,
      recorded: value,
      today: sealJson(violations, "violations"),
    });
  }
  const today = projected.ok && projected.value.kind === "ok" ? projected.value.value : null;
  if (sameJson(value, today)) return;
  differ({
    seq,
    path: "",
    what: "output",
    message: "Today the run would give another output.",
    recorded: value,
    today,
  });
}

function compareFact(replaying: Replaying, fact: Fact, path: string): void {
  const { definition, seen, differ } = replaying;
  if (isPublication(fact) && path === "input") return comparePublished(replaying, fact);
  const { step: name } = parsePath(path);
  const step = definition.stepByName.get(name);
  if (step === undefined) {
    if (seen.has(name)) return;
    seen.add(name);
    const message = `Today's workflow has no step ${name}.`;
    return differ({ seq: fact.seq, path, what: "step", message, recorded: name });
  }
  if (fact.kind === "signal.received" || fact.kind === "reminder.due") return;
  // What was compensated follows from the plan, and how it went from agents and people.
  if (fact.kind.startsWith("compensation.")) return;
  if (step.kind === "subscription") {
    if (!isDelivered(replaying, fact, step)) return;
    if (isPublication(fact)) return comparePublished(replaying, fact);
    if (fact.kind === "step.resolved") seen.add(`${path}:resolved`);
    if (fact.kind === "handoff.refused") {
      for (const what of ["gate", "refused"]) seen.add(`${path}:${what}`);
      return compareRefusal(replaying, fact, step);
    }
    compareDelivered(replaying, fact, step);
    return compareStep(replaying, fact, step);
  }
  if (fact.kind === "handoff.refused") return compareRefusal(replaying, fact, step);
  compareGate(replaying, fact, step);
  if (isPublication(fact)) return comparePublished(replaying, fact);
  compareStep(replaying, fact, step);
}

function isPublication(fact: Fact): fact is FactOf<"event.published" | "event.refused"> {
  return fact.kind === "event.published" || fact.kind === "event.refused";
}

/** The first entry of a step in a turn shows that its gate was decided; what it decided is compared there. */
function compareGate(replaying: Replaying, fact: Fact, step: StepDefinition): void {
  const { run, seen, differ } = replaying;
  const { seq } = fact;
  const turn = `${step.name}:${fact.turn ?? run.turns.get(step.name) ?? 0}`;
  if (seen.has(turn)) return;
  seen.add(turn);
  const early = step.needs.filter((need) => need !== "input" && !isSettled(run, need));
  if (early.length > 0) {
    const message = `Today ${step.name} waits for ${early.join(", ")}, which had not been settled yet.`;
    return differ({ seq, path: step.name, what: "order", message, today: early });
  }
  // What was carried, and what failed, follows from other entries.
  if (fact.kind === "step.carried" || fact.kind === "step.failed") return;
  const wasSkipped = fact.kind === "step.skipped" && fact.payload.reason === "when";
  // Skips for the other reasons follow from an entry that is compared by itself.
  if (fact.kind === "step.skipped" && !wasSkipped) return;
  const passed = gate(run, step);
  if (passed.kind === "refused") {
    const message = `Today the handoff to ${step.name} would be refused.`;
    const today = sealJson(passed.violations, "violations");
    return differ({ seq, path: step.name, what: "requirement", message, today });
  }
  const isSkipped = passed.kind === "skip";
  if (isSkipped === wasSkipped) return;
  const message = isSkipped
    ? `Today ${step.name} would be skipped.`
    : `Today ${step.name} would not be skipped.`;
  differ({
    seq,
    path: step.name,
    what: "skipped",
    message,
    recorded: wasSkipped,
    today: isSkipped,
  });
}

function isSettled(run: Run, step: string): boolean {
  return run.values.has(step) || run.steps.get(step)?.kind === "skipped";
}
