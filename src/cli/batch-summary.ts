/**
 * What became of a batch, counted.
 */
import type { Failure } from "../model/entry.ts";
import type { Violation } from "../model/violation.ts";
import { fieldOf } from "./arguments.ts";
import type { Cli } from "./cli.ts";
import { isForPerson, isParked, nextCommand, type Settled, type Wait } from "./settle.ts";
import { clip, count, printable, took } from "./text.ts";

/** What stands in the place of a contract where a step's own `requires` was broken. */
const REQUIRES = "requires";

export interface BatchSummary {
  readonly file: string;
  readonly workflow: string;
  readonly runs: number;
  /** Runs that were there before this batch. */
  readonly found: number;
  /** How many runs have each status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Completed runs by the output's field that --count named. */
  readonly outputs?: Readonly<Record<string, number>>;
  /** How many runs were refused at each contract and each rule of a step, the input's contract among them. */
  readonly refusedAt: Readonly<Record<string, number>>;
  /** How many runs failed for each reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Approvals that the config's policy answered. */
  readonly answered: number;
  readonly malformedLines: number;
  /** Of the malformed lines, those whose id has another input. */
  readonly conflicts: number;
  /** The first of the malformed lines. */
  readonly malformed: readonly { readonly line: number; readonly error: string }[];
  /** The first of what is waited for. */
  readonly waits: readonly Wait[];
  readonly tookMs: number;
  readonly runsPerSecond: number;
  readonly interrupted: boolean;
}

/** Malformed lines and waits that are named one by one; the rest is counted. */
const NAMED_MAX = 20;
/** Different values that --count tells apart, so that counting by an id can't fill the memory. */
const OUTPUTS_MAX = 1_000;

/** Counts while a batch runs; its size does not grow with the batch. */
export class Tally {
  settled = 0;
  found = 0;
  answered = 0;
  conflicts = 0;
  private readonly countField: string | undefined;
  private malformedLines = 0;
  private readonly statuses = new Map<string, number>();
  private readonly outputs = new Map<string, number>();
  private readonly refusedAt = new Map<string, number>();
  private readonly failures = new Map<string, number>();
  private readonly malformed: { readonly line: number; readonly error: string }[] = [];
  private readonly waits: Wait[] = [];

  constructor(countField: string | undefined) {
    this.countField = countField;
  }

  refuseLine(line: number, error: string): void {
    this.malformedLines += 1;
    if (this.malformed.length < NAMED_MAX) this.malformed.push({ line, error });
  }

  settle(_run: string, settled: Settled): void {
    this.settled += 1;
    if (settled.kind === "waiting") {
      add(this.statuses, isParked(settled) ? "parked" : "waiting");
      if (this.waits.length < NAMED_MAX) this.waits.push(...settled.waits);
      return;
    }
    const { outcome } = settled;
    add(this.statuses, outcome.kind);
    if (outcome.kind === "refused") this.countContracts(outcome.violations, "input");
    if (outcome.kind === "failed" || outcome.kind === "compensated")
      this.countFailure(outcome.error, outcome.step);
    if (outcome.kind !== "completed" || this.countField === undefined) return;
    const value = fieldOf(outcome.output, this.countField);
    const name =
      value === undefined ? "(none)" : typeof value === "string" ? value : JSON.stringify(value);
    add(
      this.outputs,
      this.outputs.has(name) || this.outputs.size < OUTPUTS_MAX ? name : "(others)",
    );
  }

  summary(about: Pick<BatchSummary, "file" | "workflow" | "tookMs" | "interrupted">): BatchSummary {
    return {
      ...about,
      runs: this.settled,
      found: this.found,
      statuses: sorted(this.statuses),
      ...(this.countField === undefined ? {} : { outputs: sorted(this.outputs) }),
      refusedAt: sorted(this.refusedAt),
      failures: sorted(this.failures),
      answered: this.answered,
      malformedLines: this.malformedLines,
      conflicts: this.conflicts,
      malformed: this.malformed.toSorted((a, b) => a.line - b.line),
      waits: this.waits.slice(0, NAMED_MAX),
      runsPerSecond: about.tookMs > 0 ? Math.round((this.settled * 10_000) / about.tookMs) / 10 : 0,
    };
  }

  private countFailure(error: Failure, step: string | undefined): void {
    if ((error.violations ?? []).length > 0)
      this.countContracts(error.violations ?? [], step ?? "a handoff");
    else add(this.failures, step === undefined ? error.code : `${step}: ${error.code}`);
  }

  /** A run counts once for each contract that it broke, and for each rule that a step requires. */
  private countContracts(violations: readonly Violation[], where: string): void {
    const broken = violations.map(({ contract, rule }) =>
      contract === REQUIRES ? `${where} requires: ${rule}` : `${contract} (${where})`,
    );
    for (const name of new Set(broken)) add(this.refusedAt, name);
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sorted(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** Prints a summary for people. */
export function printSummary(cli: Cli, summary: BatchSummary): void {
  const { colors } = cli;
  const rate = `${summary.runsPerSecond.toLocaleString("en-US")} runs/s`;
  cli.print(
    `${colors.bold(`${count(summary.runs, "run")} of ${summary.workflow}`)} in ${took(summary.tookMs)} (${rate})`,
  );
  if (summary.found > 0)
    cli.print(`  ${count(summary.found, "run")} of these had been started before`);
  cli.print();
  printCounts(cli, "", summary.statuses);
  if (summary.answered > 0) cli.print(`${count(summary.answered, "approval")} answered by policy`);
  printCounts(cli, "Completed, by output:", summary.outputs ?? {});
  printCounts(cli, "Refused at a contract or rule:", summary.refusedAt);
  printCounts(cli, "Failed:", summary.failures);
  if (summary.malformedLines > 0) {
    cli.print(colors.red(`${count(summary.malformedLines, "line")} not started:`));
    for (const { line, error } of summary.malformed)
      cli.print(
        `  line ${line}: ${clip(printable(error), Math.max(40, cli.terminal.stdout.columns - 16))}`,
      );
    if (summary.malformedLines > summary.malformed.length)
      cli.print(`  and ${summary.malformedLines - summary.malformed.length} more`);
  }
  const waiting = summary.waits.find((wait) => nextCommand(wait) !== undefined);
  if (waiting !== undefined)
    cli.note(
      `next:  ${printable(nextCommand(waiting) ?? "")}    (all that wait: baton runs --status ${isForPerson(waiting) ? "parked" : "waiting"})`,
    );
  if (summary.interrupted)
    cli.note("Interrupted. The same command again goes on from here; nothing is started twice.");
}

function printCounts(cli: Cli, title: string, counts: Readonly<Record<string, number>>): void {
  const entries = Object.entries(counts);
  if (entries.length === 0) return;
  if (title !== "") cli.print(title);
  const width = Math.max(...entries.map(([, n]) => n.toLocaleString("en-US").length));
  for (const [name, n] of entries)
    cli.print(`  ${n.toLocaleString("en-US").padStart(width)}  ${printable(name)}`);
}
