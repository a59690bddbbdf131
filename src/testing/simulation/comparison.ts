/**
 * Promises 4 and 10: with the same answers from outside, a run that met faults ends as it ends without them.
 *
 * What comes from outside is part of the comparison: where a timeout struck, a signal came too late or a run was cancelled in
 * one of the two lives and not in the other, their ends may rightly differ, and nothing is compared.
 */
import type { Entry } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import { sameJson } from "../../model/json-pointer.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { partsOf } from "../../model/workflow-parts.ts";
import type { BrokenPromise, RunJournal } from "./invariants.ts";

/** What differs between the journals of a life with faults and of one without. */
export function compareLives(
  workflows: readonly WorkflowDefinition[],
  smooth: readonly RunJournal[],
  faulty: readonly RunJournal[],
): readonly BrokenPromise[] {
  const broken: BrokenPromise[] = [];
  const byRun = new Map(smooth.map((journal) => [journal.run, journal]));
  const [before, after] = [outsideOf(smooth), outsideOf(faulty)];
  const sleeps = sleepsOf(workflows);
  const givenUp = new Set([...smooth, ...faulty].flatMap(childrenGivenUp));
  for (const journal of faulty) {
    const { run } = journal;
    const other = byRun.get(run);
    const root = rootOf(run);
    if (other === undefined || before.get(root) !== after.get(root)) continue;
    // How far the rest of a run has come when it fails is a matter of time, also where its parent goes back and tries again.
    const parents = parentsOf(run);
    if ([run, ...parents].some((each) => givenUp.has(each))) continue;
    const parentsSucceed = parents.every((parent) => succeeded(byRun.get(parent)?.end));
    const rootSucceeds = succeeded(byRun.get(root)?.end);
    const whole = rootSucceeds && parentsSucceed && succeeded(journal.end);
    const ends = [endOf(journal), endOf(other)];
    // What is open waits for a person, in one life or in both.
    if (parentsSucceed && !ends.includes("open") && ends[0] !== ends[1]) {
      broken.push({
        promise: 4,
        message: `${run} ended as ${ends[0]}, and without faults as ${ends[1]}.`,
      });
      continue;
    }
    const [turns, otherTurns] = [turnsOf(journal), turnsOf(other)];
    for (const key of new Set([...Object.keys(other.state), ...Object.keys(journal.state)])) {
      if (sleeps.has(`${journal.workflow} ${key}`)) continue;
      // One that was stopped half-way may have another draft of what is sent back.
      if (!whole && turns.get(key) !== otherTurns.get(key)) continue;
      const [mine, theirs] = [journal.state[key], other.state[key]];
      if (mine === undefined || theirs === undefined ? !whole : sameJson(mine, theirs)) continue;
      const message = `${run} has ${said(mine)} in ${key}, and without faults ${said(theirs)}.`;
      broken.push({ promise: 10, message });
    }
    if (whole && !sameJson(journal.output ?? null, other.output ?? null))
      broken.push({ promise: 4, message: `${run} gave another output than without faults.` });
  }
  return broken;
}

export function succeeded(end: RunJournal["end"]): boolean {
  return end === "run.completed" || end === "run.refused";
}

/**
 * Whether a run succeeded. How one ends that did not is a matter of time: what had been done by then is compensated, and
 * an attempt that was cut off may have acted, so that the run is parked.
 */
export function endOf({ end, entries }: RunJournal): "completed" | "refused" | "failed" | "open" {
  if (end === "run.completed") return "completed";
  if (end === "run.refused") return "refused";
  if (end !== undefined || entries.at(-1)?.entry.kind === "run.parked") return "failed";
  return "open";
}

/** The turn in which each step was sealed last. */
function turnsOf({ entries }: RunJournal): ReadonlyMap<string, number> {
  const turns = new Map<string, number>();
  for (const { entry } of entries)
    if (entry.kind === "step.sealed") turns.set(entry.path ?? "", entry.turn ?? 0);
  return turns;
}

function said(value: RunJournal["output"]): string {
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 200);
}

/** Child runs of turns that a way back has given up: how far they came is a matter of time. */
function childrenGivenUp({ entries }: RunJournal): readonly string[] {
  const newest = new Map<string, string>();
  const givenUp: string[] = [];
  for (const { entry } of entries) {
    const { kind, path = "", payload } = entry;
    if (kind !== "step.opened" || typeof payload["run"] !== "string") continue;
    const before = newest.get(path);
    if (before !== undefined && before !== payload["run"]) givenUp.push(before);
    newest.set(path, payload["run"]);
  }
  return givenUp;
}

/** The runs that a run is part of: a child's id begins with its parent's. */
function parentsOf(run: string): readonly string[] {
  const names = run.split("/");
  return names.slice(1).map((_, i) => names.slice(0, i + 1).join("/"));
}

/** What all that follows from one beginning has in common. */
export function rootOf(run: string): string {
  return run.split("/")[0] ?? run;
}

/** Codes of what time ended. */
const OUT_OF_TIME = /"(TIMEOUT|DEADLINE_EXCEEDED|HEARTBEAT_MISSED|EVENT_MISSING)"/;

/**
 * By root run, what came from outside: signals, cancellation, and what time decided. `nameOf` gives what a run or path is
 * called in both lives; `more` what else of an entry comes from outside.
 */
export function outsideOf(
  journals: readonly RunJournal[],
  nameOf: (name: string) => string = (name) => name,
  more: (journal: RunJournal) => readonly string[] = () => [],
): ReadonlyMap<string, string> {
  const met = new Map<string, string[]>();
  // What an agent of the simulation answers depends on the turn, and so on how far a run went back.
  const restored = new Set(
    journals.flatMap(({ run, entries }) =>
      entries.some(({ entry }) => entry.kind === "run.restored") ? [rootOf(run)] : [],
    ),
  );
  for (const journal of journals) {
    const { run, entries } = journal;
    const all = met.get(rootOf(run)) ?? [];
    met.set(rootOf(run), all);
    for (const each of more(journal)) all.push(`${nameOf(run)} ${each}`);
    for (const { entry } of entries) {
      const { kind, path, turn, attempt, payload, by } = entry;
      const place = `${nameOf(run)} ${nameOf(path ?? "")} ${turn ?? 0}`;
      if (kind === "signal.received") all.push(`${place} signal`);
      const endsIt = kind === "run.cancelling" || kind === "run.compensating";
      if (endsIt && by.kind !== "engine") all.push(`${place} cancelled`);
      if (kind === "run.restored")
        all.push(
          `${place} restored ${JSON.stringify(payload["step"])} ${keptBy(entries, payload)}`,
        );
      if (restored.has(rootOf(run)) && kind === "attempt.failed")
        all.push(`${place} ${attempt ?? 0} failed`);
      // Which calls meet an open breaker is a matter of time.
      const { fallback, error } = payload;
      if (fallback !== undefined || isOpenBreaker(error))
        all.push(`${place} ${kind} ${attempt ?? 0} breaker`);
      if (kind === "attempt.probed") all.push(`${place} ${JSON.stringify(payload["answer"])}`);
      // What is left of a budget when a call comes is a matter of time, and of what was lost in crashes.
      if (isSpent(error)) all.push(`${place} ${kind} ${attempt ?? 0} ${JSON.stringify(error)}`);
      // Whether what was parked is tried again or given up is for a person to say.
      if (kind === "step.resolved") all.push(`${place} ${JSON.stringify(payload["action"])}`);
      // It differs what is not known: whether an answer was refused, or the process died before it came.
      if (kind === "step.parked" || kind === "attempt.unknown")
        all.push(`${place} ${JSON.stringify(error ?? null)}`);
      if (payload["timedOut"] === true || payload["reason"] === "timeout")
        all.push(`${place} late`);
      if (kind === "run.overdue" || OUT_OF_TIME.test(JSON.stringify(payload)))
        all.push(`${place} ${attempt ?? 0} timeout`);
    }
  }
  return new Map([...met].map(([root, all]) => [root, all.sort().join("\n")]));
}

/** What a savepoint keeps is what was sealed before it, and so a matter of time in a parallel workflow. */
function keptBy(entries: RunJournal["entries"], restored: Entry["payload"]): string {
  const before = entries.filter(({ entry }) => entry.seq <= Number(restored["seq"]));
  const sealed = before.flatMap(({ entry: { kind, path, turn } }) =>
    kind === "step.sealed" ? [`${path ?? ""}#${turn ?? 0}`] : [],
  );
  return sealed.sort().join(" ");
}

/** Whether it is the error of a call for which nothing was left. */
export function isSpent(error: Json | undefined): boolean {
  return error instanceof Object && "code" in error && error["code"] === "BUDGET_SPENT";
}

function isOpenBreaker(error: Json | undefined): boolean {
  return error instanceof Object && "code" in error && error["code"] === "BREAKER_OPEN";
}

/** A sleep gives the time at which it was over. */
export function sleepsOf(workflows: readonly WorkflowDefinition[]): ReadonlySet<string> {
  const sleeps = new Set<string>();
  for (const { id, steps } of workflows.flatMap((each) => [...partsOf(each).workflows])) {
    for (const { kind, name } of steps) if (kind === "sleep") sleeps.add(`${id} ${name}`);
  }
  return sleeps;
}
