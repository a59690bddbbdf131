/**
 * Planning a fork: which results of a run a new run may begin with.
 *
 * F1. A step is carried only as its sealed output, and only if it was sealed at or before the version.
 * F2. A step is carried only if the definition still has it, of the same kind and with the same agent, and if everything
 *     that it needs is carried (or was skipped) and had been settled before it: nothing stands on what will be computed anew.
 * F3. An agent with side effects that has acted in the parent does not act again unless that is asked for.
 */
import type { Agent } from "../model/agent.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Author, EntryKind, FactOf, Position } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import { type Json, sealJson } from "../model/json.ts";
import type { StepDefinition, StepKind, WorkflowDefinition } from "../model/workflow-definition.ts";
import type { Carried } from "../decide/accept.ts";
import { parsePath } from "../decide/evolve.ts";
import { agentsWithin, replaceAgents } from "./fork-agents.ts";
import { factOf, type RecordedEntry, runIdOf } from "./read.ts";
import { keysAt, type Sealing } from "./state.ts";

export interface ForkOptions {
  /** Start from this version of the parent. */
  readonly at: number;
  /** Another input; only at version 0. */
  readonly input?: unknown;
  /** Agents to use instead, by step name; what depends on them is computed anew. */
  readonly agents?: Readonly<Record<string, AgentDefinition | Agent<never, unknown>>>;
  readonly id?: string;
  readonly by?: Author;
  /** Let agents with side effects act again. Refused otherwise. */
  readonly allowSideEffects?: boolean;
}

/** A result of the parent that the fork begins with. `seq`, `version`, `turn` and `reads` are the parent's. */
export interface CarriedStep {
  readonly kind: "carried";
  readonly key: string;
  readonly seq: number;
  readonly hash: string;
  readonly version: number;
  readonly turn: number;
  readonly value: Json;
  readonly agent?: string;
  readonly inputHash?: string;
  readonly reads: Readonly<Record<string, number>>;
}

/** A step that the parent had skipped, and that the fork need not decide again. */
export interface CarriedSkip {
  readonly kind: "skipped";
  readonly key: string;
  readonly seq: number;
  readonly reason: FactOf<"step.skipped">["payload"]["reason"];
  readonly reads: Readonly<Record<string, number>>;
}

/** What a new run begins with. */
export interface ForkPlan {
  /** The definition, with the agents that replace its own. */
  readonly definition: WorkflowDefinition;
  /** For `run.started`. */
  readonly fork: Position & { readonly hash: string; readonly version: number };
  /** Sealed; to be checked against the workflow's contract by the caller where it is another one. */
  readonly input: Json;
  readonly hasOtherInput: boolean;
  /** In the parent's order. */
  readonly carried: readonly CarriedStep[];
  readonly skipped: readonly CarriedSkip[];
  /** Steps that were settled at that version and are computed anew, in the parent's order. */
  readonly dropped: readonly string[];
}

/**
 * What a fork of a run at a version begins with.
 *
 * @param entries all of the parent's.
 * @param definition of the same workflow, in the parent's version or another one.
 * @throws BatonError FORK_REFUSED, VERSION_NOT_FOUND, RUN_NOT_FOUND; VALUE_NOT_JSON for another input that isn't
 */
export function planFork(
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
  options: ForkOptions,
): ForkPlan {
  const run = runIdOf(entries);
  const { keys, version, seq } = keysAt(entries, options.at);
  const input = keys.get("input")?.recorded;
  const head = entries[seq];
  if (input === undefined || head === undefined)
    refuse(run, "its journal does not begin with an input");
  refuseOtherWorkflow(run, input, definition);
  if (definition.choreography !== undefined)
    refuse(run, "it is a run of a choreography, whose deliveries are not carried over");
  const hasOtherInput = options.input !== undefined;
  if (hasOtherInput && version !== 0)
    refuse(run, `another input is possible at version 0 only, not at ${version}`);
  const used = replaceAgents(definition, options.agents ?? {}, (why) => refuse(run, why));
  const settled = settledAt(entries, keys, seq);
  const kept = keptSteps(
    used,
    settled,
    new Set(Object.keys(options.agents ?? {})),
    stepKinds(entries),
  );
  if (options.allowSideEffects !== true) refuseSideEffects(run, entries, used, kept);
  const inOrder = [...settled.values()].sort((a, b) => a.seq - b.seq);
  return {
    definition: used,
    fork: { stream: head.entry.stream, seq, hash: head.hash, version },
    input: hasOtherInput ? sealJson(options.input, "input of the fork") : (input.value ?? null),
    hasOtherInput,
    carried: inOrder.flatMap((step) =>
      step.kind === "carried" && kept.has(step.key) ? [step] : [],
    ),
    skipped: inOrder.flatMap((step) =>
      step.kind === "skipped" && kept.has(step.key) ? [step] : [],
    ),
    dropped: inOrder.flatMap(({ key }) => (kept.has(key) ? [] : [key])),
  };
}

/**
 * What is carried, as the decider takes it in when the fork starts: in the parent's order, with `reads` that name entries of
 * the fork itself (`run.started` is its entry 0), so that its lineage can be followed without the parent.
 * Turns begin anew: a carried result is the fork's turn 0, whichever turn of the parent gave it.
 */
export function carriedInputs(plan: ForkPlan): readonly Carried[] {
  const seqHere = new Map<string, number>([["input", 0]]);
  const steps: readonly Settled[] = [...plan.carried, ...plan.skipped];
  return [...steps]
    .sort((a, b) => a.seq - b.seq)
    .map((step, index) => {
      const reads: Record<string, number> = {};
      for (const key of Object.keys(step.reads)) {
        const seq = seqHere.get(key);
        if (seq !== undefined) reads[key] = seq;
      }
      seqHere.set(step.key, index + 1);
      if (step.kind === "skipped")
        return { kind: "skipped", key: step.key, reason: step.reason, reads };
      const { key, value, seq, hash, agent, inputHash } = step;
      return {
        kind: "sealed",
        key,
        value,
        turn: 0,
        from: { stream: plan.fork.stream, seq, hash },
        reads,
        ...(agent === undefined ? {} : { agent }),
        ...(inputHash === undefined ? {} : { inputHash }),
      };
    });
}

type Settled = CarriedStep | CarriedSkip;

/** Every step that was sealed or skipped once the entry `seq` was in the journal, by name. */
function settledAt(
  entries: readonly RecordedEntry[],
  keys: ReadonlyMap<string, Sealing>,
  seq: number,
): Map<string, Settled> {
  const settled = new Map<string, Settled>();
  for (const { key, version, recorded } of keys.values()) {
    if (key !== "input") settled.set(key, carriedStep(key, version, recorded));
  }
  for (const recorded of entries.slice(0, seq)) {
    const fact = factOf(recorded);
    if (fact.kind === "run.restored") takeBackSkips(settled, fact.payload.seq);
    if (fact.kind !== "step.skipped" || fact.path === undefined || settled.has(fact.path)) continue;
    const { reason } = fact.payload;
    settled.set(fact.path, {
      kind: "skipped",
      key: fact.path,
      seq: fact.seq,
      reason,
      reads: fact.reads ?? {},
    });
  }
  return settled;
}

/** A run that went back to a savepoint decides anew what it skipped after it. */
function takeBackSkips(settled: Map<string, Settled>, seq: number): void {
  for (const [key, each] of settled)
    if (each.kind === "skipped" && each.seq > seq) settled.delete(key);
}

function carriedStep(
  key: string,
  version: number,
  { entry, hash, value = null }: RecordedEntry,
): CarriedStep {
  return {
    kind: "carried",
    key,
    seq: entry.seq,
    hash,
    version,
    turn: entry.turn ?? 0,
    value,
    ...(entry.agent === undefined ? {} : { agent: entry.agent }),
    ...(entry.inputHash === undefined ? {} : { inputHash: entry.inputHash }),
    reads: entry.reads ?? {},
  };
}

/** The settled steps that may be kept (F1, F2). Steps stand after what they need, so that one pass settles it. */
function keptSteps(
  definition: WorkflowDefinition,
  settled: ReadonlyMap<string, Settled>,
  replaced: ReadonlySet<string>,
  kinds: ReadonlyMap<string, StepKind>,
): ReadonlySet<string> {
  const kept = new Set<string>();
  for (const step of definition.steps) {
    const was = settled.get(step.name);
    if (was === undefined || replaced.has(step.name)) continue;
    if ((kinds.get(step.name) ?? step.kind) !== step.kind) continue;
    if (was.kind === "carried" && !sameAgent(step, was)) continue;
    const stands = step.needs.every(
      (need) => need === "input" || standsOn(need, was, kept, settled),
    );
    if (stands) kept.add(step.name);
  }
  return kept;
}

function sameAgent(step: StepDefinition, was: CarriedStep): boolean {
  if (was.agent === undefined) return true;
  return agentsWithin(step).some((agent) => agent.id === was.agent);
}

function standsOn(
  need: string,
  was: Settled,
  kept: ReadonlySet<string>,
  settled: ReadonlyMap<string, Settled>,
): boolean {
  const needed = settled.get(need);
  if (needed === undefined || !kept.has(need) || needed.seq > was.seq) return false;
  const read = was.reads[need];
  return read === undefined || read === needed.seq;
}

/** The kind of each step, as far as the journal tells: a step that was never opened is a call of one agent. */
function stepKinds(entries: readonly RecordedEntry[]): ReadonlyMap<string, StepKind> {
  const kinds = new Map<string, StepKind>();
  for (const recorded of entries) {
    const fact = factOf(recorded);
    if (fact.path === undefined) continue;
    if (fact.kind === "step.opened" && fact.payload.step !== "gathering")
      kinds.set(fact.path, fact.payload.step);
    if (fact.kind === "step.sealed" && !kinds.has(fact.path)) kinds.set(fact.path, "agent");
  }
  return kinds;
}

function refuseOtherWorkflow(
  run: string,
  input: RecordedEntry,
  definition: WorkflowDefinition,
): void {
  const fact = factOf(input);
  const workflow = fact.kind === "run.started" ? fact.payload.workflow : "";
  const name = workflow.slice(0, workflow.lastIndexOf("@"));
  if (name !== definition.name)
    refuse(run, `it is a run of ${workflow}, not of ${definition.name}`);
}

/** Kinds that show that an agent, or a child run, was set to work. */
const ACTING: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "step.opened",
  "step.sealed",
  "step.carried",
  "item.sealed",
  "attempt.failed",
  "attempt.begun",
  "once.recorded",
]);

/** F3: what has acted and would act again, by step. */
function refuseSideEffects(
  run: string,
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
  kept: ReadonlySet<string>,
): void {
  const acted = new Set<string>();
  for (const { entry } of entries) {
    if (entry.path !== undefined && ACTING.has(entry.kind)) acted.add(parsePath(entry.path).step);
  }
  const again: string[] = [];
  for (const step of definition.steps) {
    if (kept.has(step.name) || !acted.has(step.name)) continue;
    const agents = agentsWithin(step).filter((agent) => agent.sideEffects);
    if (agents.length > 0) again.push(`${step.name} (${agents.map(({ id }) => id).join(", ")})`);
  }
  if (again.length === 0) return;
  refuse(run, `agents with side effects would act again: ${again.join("; ")}`, {
    hint: "Fork at a later version, or pass `allowSideEffects: true` (`--allow-side-effects`) if they may act a second time.",
    steps: again,
  });
}

function refuse(
  run: string,
  why: string,
  more: { readonly hint?: string; readonly steps?: readonly string[] } = {},
): never {
  const { hint, steps } = more;
  throw new BatonError("FORK_REFUSED", `Run ${run} can't be forked so: ${why}.`, {
    ...(hint === undefined ? {} : { hint }),
    details: { run, ...(steps === undefined ? {} : { steps }) },
  });
}
