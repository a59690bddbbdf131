/**
 * Promise 6 as checks on what a life left: on the journals, and on the world outside. What is to be undone is found here a
 * second time, from the entries alone.
 */
import { parsePath } from "../../decide/evolve.ts";
import type { RecordedEntry } from "../../history/read.ts";
import type { PlannedCompensation } from "../../model/entry.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { partsOf } from "../../model/workflow-parts.ts";
import type { RunJournal } from "./invariants.ts";
import type { Effect, Outside, SeenCall } from "./outside.ts";

/** A way back of one run, as its journal tells it. */
interface WayBack {
  readonly plan: readonly PlannedCompensation[];
  /** Seq of `run.compensating`. */
  readonly seq: number;
  /** Seq of the savepoint that it led to, or is to lead to. */
  readonly to: number | undefined;
  /** Seq of `run.restored`, if it came to that. */
  readonly until: number;
  /** What earlier ways back of the run have dealt with. */
  readonly before: ReadonlySet<string>;
  /** By `path:turn`, where it was recorded as undone, or dealt with by a person. */
  readonly settled: ReadonlyMap<string, number>;
  readonly skipped: ReadonlySet<string>;
}

interface Parent {
  readonly run: string;
  readonly path: string;
}

interface Checked {
  readonly workflows: ReadonlyMap<string, WorkflowDefinition>;
  readonly byRun: ReadonlyMap<string, RunJournal>;
  readonly ways: ReadonlyMap<string, readonly WayBack[]>;
}

/** What is wrong with how runs went back. */
export function checkRollbacks(
  journals: readonly RunJournal[],
  workflows: ReadonlyMap<string, WorkflowDefinition>,
  outside: Outside,
): readonly string[] {
  const byRun = new Map(journals.map((journal) => [journal.run, journal]));
  const ways = new Map<string, readonly WayBack[]>();
  for (const { run, entries } of journals) ways.set(run, waysBackOf(entries));
  const checked = { workflows, byRun, ways };
  const broken: string[] = [];
  for (const [run, all] of ways) {
    const journal = byRun.get(run);
    const definition = workflows.get(journal?.workflow ?? "");
    if (journal === undefined || definition === undefined) continue;
    const begun = outside.calls.filter((call) => call.run === run && call.kind === "compensate");
    const problems = all.flatMap((way) => [
      ...planProblems(checked, journal, way, definition),
      ...recordProblems(journal, way),
      ...walkProblems(
        way,
        definition,
        begun.filter(({ atSeq }) => atSeq >= way.seq && atSeq < way.until),
      ),
    ]);
    broken.push(...problems.map((problem) => `${run} ${problem}`));
  }
  for (const effect of outside.effects()) {
    const definition = workflows.get(byRun.get(effect.run)?.workflow ?? "");
    if (definition === undefined || !compensableAgents(definition).has(effect.agent)) continue;
    const expected = expectedOf(checked, effect);
    if (!effect.executed || expected === "either" || (expected === "undone") === effect.undone)
      continue;
    const { run, path, turn, agent } = effect;
    const what = effect.undone ? "was undone, and should stand" : "stands, and should be undone";
    broken.push(`What ${agent} did at ${run} ${path} ${turn} ${what}.`);
  }
  return broken;
}

/** What at-most-once agents did more than once. A person who has it tried again answers for that. */
export function checkDelivery(
  journals: readonly RunJournal[],
  workflows: ReadonlyMap<string, WorkflowDefinition>,
  outside: Outside,
): readonly string[] {
  const byRun = new Map(journals.map((journal) => [journal.run, journal]));
  const broken: string[] = [];
  for (const { run, path, turn, agent, times } of outside.effects()) {
    const journal = byRun.get(run);
    const definition = workflows.get(journal?.workflow ?? "");
    if (times < 2 || journal === undefined || definition === undefined) continue;
    const isOnce = [...partsOf(definition).agents].some(
      ({ id, delivery }) => id === agent && delivery === "at-most-once",
    );
    const wasRetried = journal.entries.some(
      ({ entry }) =>
        entry.kind === "step.resolved" &&
        entry.path === path &&
        entry.payload["action"] === "retry",
    );
    if (isOnce && !wasRetried)
      broken.push(`${agent} is at-most-once, and acted ${times} times at ${run} ${path} ${turn}.`);
  }
  return broken;
}

const keyOf = ({ path, turn }: { readonly path: string; readonly turn: number }): string =>
  `${path}:${turn}`;

/** In the order in which the run went them. */
function waysBackOf(entries: readonly RecordedEntry[]): readonly WayBack[] {
  const ways: WayBack[] = [];
  let settled = new Map<string, number>();
  let skipped = new Set<string>();
  for (const { entry, value } of entries) {
    const { kind, path = "", turn = 0, seq, payload } = entry;
    const way = ways.at(-1);
    if (kind === "run.compensating") {
      const before = new Set([...(way?.before ?? []), ...(way?.settled.keys() ?? [])]);
      [settled, skipped] = [new Map(), new Set()];
      // The plan, and where it leads, are written by the engine alone, in this very form.
      const plan = (value ?? []) as unknown as readonly PlannedCompensation[];
      const to = payload["to"] as { readonly seq: number } | undefined;
      const until = Number.POSITIVE_INFINITY;
      ways.push({ plan, seq, to: to?.seq, until, before, settled, skipped });
    }
    if (kind === "run.restored" && way !== undefined) ways.splice(-1, 1, { ...way, until: seq });
    const isResolved = kind === "compensation.resolved" && payload["action"] !== "retry";
    if (kind === "compensation.sealed" || isResolved) settled.set(keyOf({ path, turn }), seq);
    if (isResolved && payload["action"] === "skip") skipped.add(keyOf({ path, turn }));
  }
  return ways;
}

/** The steps whose results stand at a savepoint that a run goes back to: they stay, with all that was done for them. */
function keptAt(entries: readonly RecordedEntry[], { seq, to }: WayBack): ReadonlySet<string> {
  const standing = new Map<string, number>();
  for (const { entry } of entries) {
    if (entry.seq >= seq) break;
    const { kind, path = "", payload } = entry;
    if (kind === "step.sealed") standing.set(path, entry.seq);
    // What a refusal leads to, and where a run went back to, are written by the engine alone, in these very forms.
    const then = payload["then"] as { readonly to?: string } | undefined;
    if (kind === "handoff.refused" && then?.to !== undefined) standing.delete(then.to);
    if (kind !== "run.restored") continue;
    for (const [step, at] of standing) if (at > Number(payload["seq"])) standing.delete(step);
  }
  return new Set([...standing].flatMap(([step, at]) => (at <= (to ?? -1) ? [step] : [])));
}

/** Whether the plan has all that was sealed by an agent that can be undone, once, the newest first. */
function planProblems(
  { workflows, byRun }: Checked,
  { entries }: RunJournal,
  way: WayBack,
  definition: WorkflowDefinition,
): readonly string[] {
  const { plan, seq: plannedAt, before } = way;
  const broken: string[] = [];
  const compensable = compensableAgents(definition);
  const planned = new Map<string, PlannedCompensation>();
  for (const each of plan) {
    if (planned.has(keyOf(each))) broken.push(`plans to undo ${keyOf(each)} twice.`);
    planned.set(keyOf(each), each);
  }
  const kept = keptAt(entries, way);
  const sealed = new Map<string, number>();
  const children = new Map<string, string>();
  for (const { entry } of entries) {
    const { kind, path = "", turn = 0, seq, agent, payload } = entry;
    if (seq >= plannedAt) break;
    if (kind === "step.opened" && typeof payload["run"] === "string")
      children.set(keyOf({ path, turn }), payload["run"]);
    if (kind !== "step.sealed" && kind !== "item.sealed" && !isOfChild(entry)) continue;
    const key = keyOf({ path, turn });
    // What its child had done by then is told of again when the run ends.
    if (sealed.has(key) && agent === undefined) continue;
    sealed.set(key, seq);
    const child = agent === undefined ? children.get(key) : undefined;
    const nested = workflows.get(byRun.get(child ?? "")?.workflow ?? "");
    const isDue =
      agent === undefined
        ? nested !== undefined && compensableAgents(nested).size > 0
        : compensable.has(agent);
    const mine = planned.get(key);
    const { step } = parsePath(path);
    if (before.has(key) || kept.has(step)) {
      if (mine !== undefined) broken.push(`plans to undo ${key}, which is to stay as it is.`);
      continue;
    }
    // Where an attempt of another agent may have acted there too, a person sees to both.
    if (isDue && mine?.seq !== seq && mine?.what !== "unknown")
      broken.push(`does not plan to undo ${key}, sealed in entry ${seq}.`);
    if (mine?.what === "run" && mine.run !== child)
      broken.push(`plans to undo run ${mine.run ?? ""} at ${path}, which is ${child ?? "none"}.`);
  }
  const results = plan.filter(({ what }) => what !== "unknown");
  for (const [i, each] of results.entries()) {
    if (each.seq > (results[i - 1]?.seq ?? Number.POSITIVE_INFINITY))
      broken.push(`plans to undo ${keyOf(each)} after what was sealed before it.`);
    if (sealed.get(keyOf(each)) !== each.seq)
      broken.push(`plans to undo ${keyOf(each)}, which was not sealed in entry ${each.seq}.`);
  }
  return broken;
}

/** Whether a child run that completed is the cause of what became of its delivery, of which nothing was published. */
function isOfChild({ kind, causation }: RecordedEntry["entry"]): boolean {
  const isSettled = kind === "step.parked" || kind === "step.skipped" || kind === "step.failed";
  return isSettled && causation !== undefined;
}

/** The ids of a workflow's agents, and of those nested in it, that can be undone. */
function compensableAgents(definition: WorkflowDefinition): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { id, compensate } of partsOf(definition).agents)
    if (compensate !== undefined) ids.add(id);
  return ids;
}

/** Whether what is recorded of the way back is what was planned, and all of it once the run has ended. */
function recordProblems(
  { entries, end }: RunJournal,
  { plan, seq: begunAt, until, settled }: WayBack,
): readonly string[] {
  const broken: string[] = [];
  const pending = new Map(plan.map((each) => [keyOf(each), each]));
  for (const { entry, value } of entries) {
    const { kind, path = "", turn = 0, seq, payload } = entry;
    if (seq < begunAt) continue;
    if (seq >= until) break;
    const key = keyOf({ path, turn });
    if (kind.startsWith("compensation.") && !pending.has(key))
      broken.push(`has ${kind} of ${key} in entry ${seq}, which is not to be undone any more.`);
    if (settled.get(key) === seq) pending.delete(key);
    if (kind === "run.compensating" && seq !== begunAt) broken.push("goes back twice.");
    if (kind !== "run.parked") continue;
    // Letters are written by the engine alone, each with its path.
    const letters = (value ?? []) as unknown as readonly PlannedCompensation[];
    const named = payload["paths"];
    if (!Array.isArray(named) || named.length === 0 || named.length !== letters.length)
      broken.push(`is parked in entry ${seq} without a dead letter.`);
    for (const letter of letters)
      if (!pending.has(keyOf(letter)))
        broken.push(`has a dead letter of ${keyOf(letter)} for nothing.`);
  }
  if (end === "run.compensated" || until < Number.POSITIVE_INFINITY)
    broken.push(...[...pending.keys()].map((key) => `has ended, and ${key} is not undone.`));
  return broken;
}

/** Whether each attempt to undo began only when all that must be undone before it was recorded as undone. */
function walkProblems(
  { plan, settled }: WayBack,
  definition: WorkflowDefinition,
  begun: readonly SeenCall[],
): readonly string[] {
  const broken: string[] = [];
  const isParallel = definition.compensation === "parallel";
  for (const call of begun) {
    const at = plan.findIndex((each) => keyOf(each) === keyOf(call));
    const mine = plan[at];
    if (mine === undefined) {
      broken.push(`undid ${keyOf(call)}, which is not in its plan.`);
      continue;
    }
    const before = isParallel
      ? plan.filter((other, i) => i < at && mustComeBefore(definition, other, mine))
      : plan.slice(0, at);
    for (const other of before) {
      if ((settled.get(keyOf(other)) ?? Number.POSITIVE_INFINITY) > call.atSeq)
        broken.push(`undid ${keyOf(mine)} before ${keyOf(other)}.`);
    }
  }
  return broken;
}

/** Whether `later` was computed from `mine`, directly or through others, or is a later round or turn of the same step. */
function mustComeBefore(
  { stepByName, dependents }: WorkflowDefinition,
  later: PlannedCompensation,
  mine: PlannedCompensation,
): boolean {
  const step = parsePath(mine.path).step;
  const other = parsePath(later.path).step;
  if (other === step) return stepByName.get(step)?.kind !== "map";
  const readers = new Set(dependents.get(step) ?? []);
  // A set that grows while it is walked gives what was added as well.
  for (const reader of readers) for (const next of dependents.get(reader) ?? []) readers.add(next);
  return readers.has(other);
}

/** What must have become of an effect, by how its run stands, and those that its run is part of. */
function expectedOf(
  { byRun, ways, workflows }: Checked,
  effect: Pick<Effect, "run" | "path" | "turn">,
): "stands" | "undone" | "either" {
  let at = effect;
  for (;;) {
    const { run } = at;
    const journal = byRun.get(run);
    const all = ways.get(run) ?? [];
    const key = keyOf(at);
    const way = all.find(({ plan }) => plan.some((each) => keyOf(each) === key));
    if (way !== undefined)
      return way.settled.has(key) && !way.skipped.has(key) ? "undone" : "either";
    const last = all.at(-1);
    // On its way back, or all the way back: what it does not plan to undo was never done.
    if (last !== undefined && last.until === Number.POSITIVE_INFINITY)
      return last.to === undefined ? "undone" : "either";
    if (hasPivot(workflows.get(journal?.workflow ?? ""), journal)) return "either";
    if (journal?.end === undefined) return "either";
    if (journal.end !== "run.completed") return "undone";
    // The engine wrote it, in this very form: a run that an event has begun is nobody's child.
    const parent = journal.entries[0]?.entry.payload["parent"] as Parent | undefined;
    if (parent === undefined) return "stands";
    // The child run of a later turn is named by it.
    const [, turn = "0"] = run.slice(run.lastIndexOf("/") + 1).split("~");
    at = { ...parent, turn: Number(turn) };
  }
}

/** Whether a run has sealed a pivot: what it did stands, however it ends. */
function hasPivot(
  definition: WorkflowDefinition | undefined,
  journal: RunJournal | undefined,
): boolean {
  return (journal?.entries ?? []).some(
    ({ entry }) =>
      entry.kind === "step.sealed" &&
      definition?.stepByName.get(entry.path ?? "")?.pivot !== undefined,
  );
}
