/**
 * The report of a run: a fold of its journal alone. No definition and no code of the user is needed, so that a run can be
 * read long after its workflow is gone.
 */
import { endsRun } from "../model/entry-kinds.ts";
import type { Fact, Failure, UsageRecord } from "../model/entry.ts";
import type { RunStatus } from "../model/run-status.ts";
import type { Json } from "../model/json.ts";
import type { Violation } from "../model/violation.ts";
import { factOf, type RecordedEntry, runIdOf, runOfStream } from "./read.ts";
import {
  foldRollback,
  type RestoreSummary,
  rollbackFold,
  rollbackSummary,
  type RollbackSummary,
} from "./rollback-summary.ts";
import { isSealing } from "./state.ts";
import { foldSteps, type StepDrafts, type StepSummary, stepSummaries } from "./step-summary.ts";
import { type UsageTotal, usageTotals } from "./usage-total.ts";

export type { StepSummary } from "./step-summary.ts";

/** Everything `baton show` prints; a fold of the journal alone, no code needed. */
export interface RunReport {
  readonly id: string;
  readonly workflow: string;
  readonly status: RunStatus;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number;
  /** The newest version; -1 for a run that was refused. */
  readonly version: number;
  readonly lastSeq: number;
  readonly headHash: string;
  readonly input?: Json;
  readonly output?: Json;
  readonly error?: Failure;
  /** Why it was cancelled. */
  readonly reason?: string;
  readonly violations?: readonly Violation[];
  /** What a blocked run needs before it can go on. */
  readonly missing?: readonly string[];
  /** When it must have ended, in milliseconds since 1970. */
  readonly deadlineAt?: number;
  /** The deadline that ended it: of the step that is named, or of the run. */
  readonly missedDeadline?: {
    readonly deadlineAt: number;
    readonly seq: number;
    readonly step?: string;
  };
  /** In the order in which they first acted. */
  readonly steps: readonly StepSummary[];
  readonly fork?: {
    readonly run: string;
    readonly version: number;
    readonly seq: number;
    readonly hash: string;
  };
  readonly parent?: { readonly run: string; readonly path: string };
  readonly forks?: readonly string[];
  /** Set once the run has gone back, or has begun to: the newest time that it did. */
  readonly rollback?: RollbackSummary;
  /** Each time that the run went back to a savepoint, and on from there. */
  readonly restores?: readonly RestoreSummary[];
  readonly usage: readonly UsageTotal[];
}

/** What the journal does not say of a run, and its caller may know. */
export interface BesideJournal {
  /**
   * Where the run stands, by who has its definition. Without it, an unfinished run is `waiting` when a step waits for a
   * person, a signal or a time and none is seen to be at work, else `running`: the journal names no step before it acts.
   */
  readonly status?: RunStatus;
  /** Runs that were forked from this one. */
  readonly forks?: readonly string[];
}

type Mutable<X> = { -readonly [K in keyof X]?: X[K] };

/** What the entries of the run itself say, last one wins. */
type RunFacts = Mutable<Omit<RunReport, "steps" | "usage" | "rollback" | "restores">>;

/**
 * The report of a run from all of its entries.
 * @throws BatonError RUN_NOT_FOUND for no entries
 */
export function runReport(
  entries: readonly RecordedEntry[],
  beside: BesideJournal = {},
): RunReport {
  const id = runIdOf(entries);
  const run: RunFacts = {};
  const drafts: StepDrafts = new Map();
  const usage: UsageRecord[] = [];
  let version = -1;
  let ended = false;
  const rollback = rollbackFold();
  for (const recorded of entries) {
    const fact = factOf(recorded);
    if (isSealing(fact.kind)) version += 1;
    ended = endsRun(fact.kind, ended);
    foldRollback(rollback, fact);
    foldSteps(drafts, fact, version);
    foldRun(run, fact);
    usage.push(...usageOf(fact));
  }
  // A run that goes back waits for none of what its steps waited for.
  const steps = stepSummaries(drafts, ended || rollback.isBack);
  const last = entries[entries.length - 1];
  const { workflow = "", status, startedAt = 0, ...rest } = run;
  return {
    ...rest,
    id,
    workflow,
    status: status ?? beside.status ?? standing(steps),
    startedAt,
    ...(ended && last !== undefined ? { endedAt: last.entry.at } : {}),
    version,
    lastSeq: last?.entry.seq ?? -1,
    headHash: last?.hash ?? "",
    steps,
    ...rollbackSummary(rollback),
    ...(beside.forks === undefined ? {} : { forks: beside.forks }),
    usage: usageTotals(usage),
  };
}

function foldRun(run: RunFacts, fact: Fact): void {
  switch (fact.kind) {
    case "run.started": {
      const { workflow, fork, parent, deadlineAt } = fact.payload;
      Object.assign(run, { workflow, startedAt: fact.at, input: fact.value });
      if (parent !== undefined) run.parent = parent;
      if (deadlineAt !== undefined) run.deadlineAt = deadlineAt;
      if (fork !== undefined) {
        run.fork = {
          run: runOfStream(fork.stream),
          version: fork.version,
          seq: fork.seq,
          hash: fork.hash,
        };
      }
      return;
    }
    case "run.refused": {
      const { workflow, violations } = fact.payload;
      Object.assign(run, { workflow, startedAt: fact.at, status: "refused", violations });
      return;
    }
    case "run.blocked":
      Object.assign(run, { status: "waiting", missing: fact.payload.missing });
      return;
    case "run.resumed":
      // What a run compensates it goes on compensating; who is resumed otherwise is no longer blocked.
      if (run.status !== "waiting") return;
      delete run.status;
      delete run.missing;
      return;
    case "run.overdue":
      run.missedDeadline = { deadlineAt: fact.payload.deadlineAt, seq: fact.seq };
      return;
    case "step.failed": {
      const { deadlineAt } = fact.payload;
      if (deadlineAt !== undefined)
        run.missedDeadline ??= { deadlineAt, seq: fact.seq, step: fact.path ?? "" };
      return;
    }
    case "run.completed":
      Object.assign(run, { status: "completed", output: fact.value });
      return;
    case "run.failed":
      Object.assign(run, { status: "failed", error: fact.payload.error });
      return;
    case "run.compensating":
      Object.assign(run, { status: "compensating", error: fact.payload.error });
      return;
    case "compensation.resolved":
      Object.assign(run, { status: "compensating" });
      return;
    case "run.parked":
      Object.assign(run, { status: "parked" });
      return;
    case "run.restored":
      for (const field of ["status", "error", "output", "reason"] as const) delete run[field];
      return;
    case "run.compensated":
      Object.assign(run, { status: "compensated", error: fact.payload.error });
      return;
    case "run.cancelled":
      Object.assign(run, { status: "cancelled", reason: fact.payload.reason });
      return;
    default:
      return;
  }
}

function usageOf(fact: Fact): readonly UsageRecord[] {
  const spends =
    fact.kind === "step.sealed" ||
    fact.kind === "item.sealed" ||
    fact.kind === "attempt.failed" ||
    fact.kind === "attempt.unknown" ||
    fact.kind === "attempt.probed" ||
    fact.kind === "compensation.sealed" ||
    fact.kind === "compensation.failed";
  return spends ? (fact.payload.usage ?? []) : [];
}

/** Where an unfinished run stands, as far as its steps show it. */
function standing(steps: readonly StepSummary[]): RunStatus {
  const unsettled = steps.filter(
    ({ status }) => status === "open" || status === "retrying" || status === "parked",
  );
  const waits = unsettled.filter(
    ({ waitsFor }) => waitsFor !== undefined && waitsFor.what !== "run",
  );
  if (waits.length === 0 || waits.length < unsettled.length) return "running";
  return waits.some(({ status }) => status === "parked") ? "parked" : "waiting";
}
