/** What is known of a run's way back from its journal alone. */
import type {
  Author,
  Fact,
  Failure,
  PlannedCompensation,
  RollbackReason,
  Savepoint,
} from "../model/entry.ts";
import type { Gate } from "../model/gate.ts";

/** One compensation of a run. */
export interface CompensationSummary extends PlannedCompensation {
  /** `done`: by the agent or the child run; `byHand` and `skipped`: by a person's word; `failed`: waits for a person. */
  readonly status: "pending" | "retrying" | "failed" | "done" | "byHand" | "skipped";
  readonly attempts: number;
  readonly error?: Failure;
  /** When the next attempt is due; milliseconds since 1970. */
  readonly retryAt?: number;
  /** The closed gate that the next attempt waits at: `breaker/bureau`. */
  readonly gate?: Gate;
  /** The person who decided last, and why. */
  readonly by?: Author;
  readonly reason?: string;
}

/** The newest way back of a run, in the order of the plan. */
export interface RollbackSummary extends RollbackReason {
  /** How far it goes, if not all the way. */
  readonly to?: Savepoint;
  /** Who had the run go back. */
  readonly by: Author;
  readonly compensations: readonly CompensationSummary[];
}

/** A way back that led to a savepoint, from where the run went on. */
export interface RestoreSummary extends Savepoint {
  /** When it went on; milliseconds since 1970. */
  readonly at: number;
  readonly because: RollbackReason["because"];
  readonly error: RollbackReason["error"];
}

type Mutable<X> = { -readonly [K in keyof X]: X[K] };

/** The fold's state. Owned by the caller of the fold. */
export interface RollbackFold {
  reason: (RollbackReason & { readonly by: Author; readonly to?: Savepoint }) | undefined;
  /** Whether it goes back now, or ended so. */
  isBack: boolean;
  readonly restores: RestoreSummary[];
  readonly byKey: Map<string, Mutable<CompensationSummary>>;
}

export function rollbackFold(): RollbackFold {
  return { reason: undefined, isBack: false, restores: [], byKey: new Map() };
}

/** Applies one fact. */
export function foldRollback(fold: RollbackFold, fact: Fact): void {
  if (fact.kind === "run.compensating") return begin(fold, fact);
  if (fact.kind === "run.restored") return restored(fold, fact);
  const one = fold.byKey.get(`${fact.path ?? ""}:${fact.turn ?? 0}`);
  if (fact.kind === "run.parked") {
    for (const path of fact.payload.paths) markUnknown(fold, path);
    return;
  }
  if (one === undefined) return;
  if (fact.kind === "compensation.sealed") {
    clear(one);
    Object.assign(one, { status: "done", attempts: fact.attempt ?? one.attempts });
  } else if (fact.kind === "compensation.failed") {
    clear(one);
    const { error, retryAt } = fact.payload;
    const status = retryAt === undefined ? "failed" : "retrying";
    Object.assign(one, { status, error, attempts: fact.attempt ?? 1 });
    if (retryAt !== undefined) one.retryAt = retryAt;
  } else if (fact.kind === "compensation.held") {
    const { gate, dueAt } = fact.payload;
    clear(one);
    Object.assign(one, { status: "retrying", retryAt: dueAt, gate });
  } else if (fact.kind === "compensation.resolved") {
    const { action, reason } = fact.payload;
    const status = { retry: "pending", done: "byHand", skip: "skipped" } as const;
    clear(one);
    Object.assign(one, { status: status[action], by: fact.by });
    if (reason !== undefined) one.reason = reason;
  }
}

function begin(fold: RollbackFold, fact: Extract<Fact, { readonly kind: "run.compensating" }>) {
  fold.reason = { ...fact.payload, by: fact.by };
  fold.isBack = true;
  fold.byKey.clear();
  // The plan is written by the saga alone, in this very form.
  for (const planned of (fact.value ?? []) as unknown as readonly PlannedCompensation[]) {
    const key = `${planned.path}:${planned.turn}`;
    fold.byKey.set(key, { ...planned, status: "pending", attempts: 0 });
  }
}

function restored(fold: RollbackFold, fact: Extract<Fact, { readonly kind: "run.restored" }>) {
  fold.isBack = false;
  if (fold.reason === undefined) return;
  const { because, error } = fold.reason;
  fold.restores.push({ ...fact.payload, at: fact.at, because, error });
}

/** What parks without an attempt that failed has an outcome that nobody knows. */
function markUnknown(fold: RollbackFold, path: string): void {
  for (const one of fold.byKey.values())
    if (one.path === path && one.status === "pending") one.status = "failed";
}

function clear(one: Mutable<CompensationSummary>): void {
  delete one.error;
  delete one.retryAt;
  delete one.gate;
}

/** The finished summaries, as fields of the report; none for a run that never went back. */
export function rollbackSummary({ reason, restores, byKey }: RollbackFold): {
  readonly rollback?: RollbackSummary;
  readonly restores?: readonly RestoreSummary[];
} {
  return {
    ...(reason === undefined
      ? {}
      : { rollback: { ...reason, compensations: [...byKey.values()] } }),
    ...(restores.length === 0 ? {} : { restores }),
  };
}
