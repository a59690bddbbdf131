/**
 * Given, when, then for workflows: what the decider makes of what happens, without an engine, a store or an agent.
 *
 * @example
 * given(creditDecision, starts(application), gives("score", { score: 700 }))
 *   .when(gives("income", { monthly: 3_000 }))
 *   .says("step.sealed income")
 *   .commands("execute risk");
 */
import { type Input, takeTurn } from "../decide/accept.ts";
import { statusOf } from "../decide/decide.ts";
import type { Command } from "../decide/turn.ts";
import { canonicalJson } from "../journal/canonical.ts";
import { sha256Hex } from "../journal/hash.ts";
import { check } from "../model/check.ts";
import type { Author, Fact, Failure } from "../model/entry.ts";
import type { RunStatus } from "../model/run-status.ts";
import { type Json, sealJson } from "../model/json.ts";
import { DEFAULT_LIMITS, type Limits } from "../model/limits.ts";
import { newRun, type Run } from "../model/run.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { VIRTUAL_START_MS } from "./virtual-clock.ts";

/** Something that happens to a run, as plain data. Made by {@link starts}, {@link gives} and the others. */
export type Happening =
  | { readonly kind: "starts"; readonly input: unknown }
  | { readonly kind: "gives"; readonly path: string; readonly output: unknown }
  | {
      readonly kind: "fails";
      readonly path: string;
      readonly error: Failure;
      readonly final: boolean;
    }
  | { readonly kind: "answers"; readonly step: string; readonly value: Json; readonly by: Author }
  | { readonly kind: "cancels"; readonly reason: string; readonly by: Author }
  | { readonly kind: "passes"; readonly ms: number };

const SOMEBODY: Author = { kind: "person", id: "somebody" };

/** The run is started with `input`, which is checked against the workflow's contract. */
export const starts = (input: unknown): Happening => ({ kind: "starts", input });

/** The attempt, or the child run, under way at `path` gives `output`; an agent's is checked against its contract, as an engine does. */
export const gives = (path: string, output: unknown): Happening => ({
  kind: "gives",
  path,
  output,
});

/** The compensation under way at `path` ends well; where it fails, say {@link fails}. */
export const undoes = (path: string): Happening => gives(path, null);

/** The attempt, the compensation or the child run under way at `path` fails; with `final`, for good. */
export const fails = (
  path: string,
  { message = "It failed.", code = "Error", final = false } = {},
): Happening => ({ kind: "fails", path, error: { code, message }, final });

/** An approval (`{ approved, reason }`) or an awaited signal gets its answer. */
export const answers = (step: string, value: Json, by: Author = SOMEBODY): Happening => ({
  kind: "answers",
  step,
  value,
  by,
});

/** The run is cancelled. */
export const cancels = (reason = "It is not needed.", by: Author = SOMEBODY): Happening => ({
  kind: "cancels",
  reason,
  by,
});

/** Time passes. */
export const passes = (ms: number): Happening => ({ kind: "passes", ms });

/** What the decider made of what happened last; its methods throw an Error that shows both sides if it was not this. */
export interface Decided {
  /** What was recorded, in full. */
  readonly facts: readonly Fact[];
  /** In short: `step.sealed score`. */
  readonly said: readonly string[];
  /** In short: `execute score`, `startChild sub`, `abort`, `remind ok`, `compensate score`. */
  readonly commanded: readonly string[];
  readonly status: RunStatus;
  /** The state: `input`, and the output of each sealed step. */
  readonly state: Readonly<Record<string, Json>>;
  readonly says: (...lines: readonly string[]) => Decided;
  readonly commands: (...lines: readonly string[]) => Decided;
  /** Goes on from here. */
  readonly when: (...happenings: readonly Happening[]) => Decided;
}

export interface Given {
  readonly when: (...happenings: readonly Happening[]) => Decided;
}

interface Table {
  readonly run: Run;
  readonly under: Map<string, Command>;
  /** The journal so far: a run that goes back asks for it. */
  readonly facts: Fact[];
  nowMs: number;
  signals: number;
}

/** A run of `definition` to which all this has happened already. Chance is always 0: no jitter is taken off a pause. */
export function given(definition: WorkflowDefinition, ...happenings: readonly Happening[]): Given {
  return givenWith({}, definition, ...happenings);
}

/** As {@link given}, with other limits. */
export function givenWith(
  limits: Partial<Limits>,
  definition: WorkflowDefinition,
  ...happenings: readonly Happening[]
): Given {
  const when = (...more: readonly Happening[]) => {
    // Played anew each time: a run is changed in place, and one `given` may be asked more than once.
    const run = newRun("run", definition, { ...DEFAULT_LIMITS, ...limits });
    const under = new Map<string, Command>();
    const table: Table = { run, under, facts: [], nowMs: VIRTUAL_START_MS, signals: 0 };
    for (const each of happenings) happen(table, each);
    return decided(table, more, givenWith(limits, definition, ...happenings, ...more));
  };
  return { when };
}

function decided(table: Table, happenings: readonly Happening[], { when }: Given): Decided {
  const facts: Fact[] = [];
  const commands: Command[] = [];
  for (const each of happenings) {
    for (const turn of happen(table, each)) {
      facts.push(...turn.facts);
      commands.push(...turn.commands.filter(({ kind }) => kind !== "readHistory"));
    }
  }
  const said = facts.map(({ kind, path }) => (path === undefined ? kind : `${kind} ${path}`));
  const commanded = commands.map(inShort);
  const state = Object.fromEntries([...table.run.values].map(([key, { value }]) => [key, value]));
  const self: Decided = {
    facts,
    said,
    commanded,
    status: statusOf(table.run),
    state,
    says: (...lines) => same("said", said, lines) ?? self,
    commands: (...lines) => same("commanded", commanded, lines) ?? self,
    when,
  };
  return self;
}

function inShort(command: Command): string {
  if ("path" in command) return `${command.kind} ${command.path}`;
  if (command.kind === "readHistory") return command.kind;
  return command.step === undefined ? command.kind : `${command.kind} ${command.step}`;
}

function same(what: string, was: readonly string[], lines: readonly string[]): undefined {
  if (was.join("\n") === lines.join("\n")) return undefined;
  const list = (each: readonly string[]) =>
    each.map((line) => `\n  ${line}`).join("") || "\n  (nothing)";
  throw new Error(`The decider ${what}:${list(was)}\nand not:${list(lines)}`);
}

type Turn = ReturnType<typeof takeTurn>;

/** What the decider makes of it; the journal that it may ask for is handed over at once, as an engine does. */
function happen(table: Table, happening: Happening): readonly Turn[] {
  if (happening.kind === "passes") table.nowMs += happening.ms;
  const turn = taken(table, inputOf(table, happening));
  if (!turn.commands.some(({ kind }) => kind === "readHistory")) return [turn];
  return [turn, taken(table, { kind: "history", facts: [...table.facts] })];
}

function taken(table: Table, input: Input): Turn {
  const turn = takeTurn(table.run, [input], table.nowMs);
  table.facts.push(...turn.facts);
  for (const command of turn.commands)
    if ("path" in command) table.under.set(command.path, command);
  return turn;
}

function inputOf(table: Table, happening: Happening): Input {
  switch (happening.kind) {
    case "starts":
      return startOf(table.run.definition, happening.input);
    case "gives":
      return outcomeOf(table, happening.path, { ok: true, output: happening.output });
    case "fails":
      return outcomeOf(table, happening.path, { ok: false, ...happening });
    case "answers":
      table.signals += 1;
      return { ...happening, kind: "signal", id: `signal-${table.signals}` };
    case "cancels":
      return { ...happening, kind: "cancel" };
    case "passes":
      return { kind: "tick" };
  }
}

function startOf(definition: WorkflowDefinition, given: unknown): Input {
  const by: Author = { kind: "program", id: "test" };
  const checked = check(definition.input, given, `input of ${definition.id}`, "edge");
  if (checked.kind === "violated")
    return { kind: "refuseStart", by, violations: checked.violations };
  const inputHash = sha256Hex(canonicalJson(checked.value));
  return {
    kind: "start",
    by,
    engine: "test",
    manifest: "test",
    traceId: "test",
    input: checked.value,
    inputHash,
  };
}

type Outcome =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: Failure; readonly final: boolean };

function outcomeOf({ run, under }: Table, path: string, outcome: Outcome): Input {
  const command = run.performing.has(path) ? under.get(path) : undefined;
  if (command?.kind === "startChild") {
    const value = outcome.ok
      ? ({ kind: "completed", output: sealJson(outcome.output, "output"), seq: 1 } as const)
      : ({ kind: "failed", error: outcome.error, seq: 1 } as const);
    return { kind: "child", path, outcome: value };
  }
  if (command?.kind === "compensateChild") {
    const error = outcome.ok ? command.reason.error : outcome.error;
    const kind = outcome.ok ? "compensated" : "failed";
    return { kind: "child", path, outcome: { kind, error, seq: 1 } };
  }
  if (command?.kind === "compensate") {
    const { turn, attempt } = command;
    if (outcome.ok) return { kind: "compensated", path, turn, attempt };
    const { error, final } = outcome;
    return { kind: "compensationFailed", path, turn, attempt, error, final, random: 0 };
  }
  if (command?.kind !== "execute") {
    const open = [...run.performing.keys()].join(", ") || "nothing";
    throw new Error(`Nothing is under way at ${path}; what is: ${open}.`);
  }
  const { turn, attempt, agent, input } = command;
  const place = { path, turn, attempt };
  const inputHash = sha256Hex(canonicalJson(input));
  if (!outcome.ok)
    return {
      kind: "attemptFailed",
      ...place,
      error: outcome.error,
      final: outcome.final,
      random: 0,
    };
  const checked = check(agent.output, outcome.output, `output of ${agent.id}`, "edge");
  if (checked.kind === "ok") return { kind: "sealed", ...place, output: checked.value, inputHash };
  const message = `The output of ${agent.id} breaks ${agent.output.id}.`;
  const error = { code: "CONTRACT_VIOLATED", message, violations: checked.violations };
  return { kind: "attemptFailed", ...place, error, final: false, random: 0 };
}
