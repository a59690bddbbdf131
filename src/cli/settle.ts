/**
 * Follows a run until it ends or there is nothing left to do but wait for somebody.
 *
 * W1. A wait for a person or a signal settles a run only when nothing else of it is executing.
 * W2. A timer settles it only when it is further away than the caller's patience.
 * W3. What waits in a child run (a subflow) counts as the parent's wait, and names the child.
 */
import type { Baton, RecordedEntry, RunOutcome, RunReport } from "../index.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { Budget } from "../model/budget.ts";
import { type EntryKind, type PlannedCompensation } from "../model/entry.ts";
import { type Gate, type GateKind, gateKind } from "../model/gate.ts";
import { isBatonError } from "../model/errors.ts";
import type { Json, JsonObject } from "../model/json.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { agentsOf, partsOf } from "../model/workflow-parts.ts";

/** What a run waits for. `run` is the run that has the step: a child, where the step is in a subflow. */
/** How far away a timer may be for the command to wait for it. */
export const PATIENCE_MS = 60_000;

export interface Wait {
  readonly run: string;
  readonly step: string;
  /** `compensation`: of a parked run, what could not be undone. `person`: a step of it that is parked. */
  readonly what: "approval" | "signal" | "timer" | GateKind | "code" | "compensation" | "person";
  readonly dueAt?: number;
  readonly shown?: Json;
}

export type Settled =
  | { readonly kind: "ended"; readonly outcome: RunOutcome<Json> }
  | { readonly kind: "waiting"; readonly waits: readonly Wait[] };

export interface SettleOptions {
  readonly interrupted: AbortSignal;
  /** A timer further away than this settles the run. Milliseconds. */
  readonly patienceMs: number;
  readonly now: () => number;
  /** Answers an approval, or gives false to leave it to a person. */
  readonly answer?: (wait: Wait) => Promise<boolean>;
}

/**
 * Waits until the run has ended or waits for long.
 * @throws BatonError STORE_CLOSED if Baton is closed first.
 */
export async function settle(baton: Baton, run: string, options: SettleOptions): Promise<Settled> {
  const ended = new AbortController();
  const stop = AbortSignal.any([ended.signal, options.interrupted]);
  const following = new Following(baton, run, { ...options, interrupted: stop });
  try {
    const waits = await following.untilSettled();
    if (waits !== undefined) return { kind: "waiting", waits };
    return { kind: "ended", outcome: await (await baton.run(run)).outcome() };
  } finally {
    ended.abort();
  }
}

/** The run that a person started, of which this one is a child, or a child's child; else the run itself. */
export async function topmost(baton: Baton, run: string): Promise<string> {
  const { parent } = await baton.report(run);
  return parent === undefined ? run : topmost(baton, parent.run);
}

/** Whether a run of this workflow can stop for a person, a signal, a timer, a breaker, a budget, a rate, or a child that does; or be parked. */
export function canWait(workflow: WorkflowDefinition): boolean {
  const { agents } = partsOf(workflow);
  const mayPark = [...agents].some(
    ({ compensate, delivery }) => compensate !== undefined || delivery !== undefined,
  );
  return mayPark || hasWaits(workflow);
}

function hasWaits(workflow: WorkflowDefinition): boolean {
  if (workflow.budgets?.some(isWaitedFor) === true) return true;
  return workflow.steps.some((step) => {
    if (step.kind === "subflow") return hasWaits(step.workflow);
    if (step.kind === "branch")
      return [...step.cases.values()].some(
        (branch) => branch.kind === "workflow" && hasWaits(branch.workflow),
      );
    if (agentsOf(step).some(waitsAtGate)) return true;
    return step.kind === "approval" || step.kind === "signal" || step.kind === "sleep";
  });
}

function waitsAtGate({ breaker, budgets, rate }: AgentDefinition): boolean {
  if (rate !== undefined || budgets?.some(isWaitedFor) === true) return true;
  if (breaker?.whenOpen.kind === "fallback") return waitsAtGate(breaker.whenOpen.agent);
  return breaker?.whenOpen.kind === "wait";
}

function isWaitedFor({ whenSpent }: Budget): boolean {
  return whenSpent === "wait";
}

/** Pause before a child run that isn't there yet is looked for again. */
const CHILD_RETRY_MS = 20;

const CLOSING: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "step.sealed",
  "step.skipped",
  "step.failed",
  "item.sealed",
  "item.failed",
  "attempt.failed",
  "attempt.begun",
  "attempt.unknown",
  "attempt.probed",
  "step.resolved",
  "signal.received",
]);

const ENDED: ReadonlySet<RunReport["status"]> = new Set<RunReport["status"]>([
  "completed",
  "compensated",
  "failed",
  "cancelled",
  "refused",
]);
/** A child that is to go back had ended before: only that it is undone is its end. */
const UNDONE: ReadonlySet<RunReport["status"]> = new Set<RunReport["status"]>(["compensated"]);

/** One run being followed. Opened by settle(), closed when its watch ends. */
class Following {
  private readonly baton: Baton;
  private readonly run: string;
  private readonly options: SettleOptions;
  /** What is waited for, by step. */
  private readonly waits = new Map<string, readonly Wait[]>();
  /** Child runs that were begun, by step. */
  private readonly children = new Map<string, string>();
  private lastSeq = -1;
  private wake: () => void = () => undefined;
  private childFailure: Error | undefined;

  constructor(baton: Baton, run: string, options: SettleOptions) {
    this.baton = baton;
    this.run = run;
    this.options = options;
  }

  /** The waits, or undefined once the run has ended. */
  async untilSettled(): Promise<readonly Wait[] | undefined> {
    const items = this.baton
      .watch(this.run, { signal: this.options.interrupted })
      [Symbol.asyncIterator]();
    let next = items.next();
    for (;;) {
      const woken = new Promise<"woken">((resolve) => {
        this.wake = () => resolve("woken");
      });
      if (await this.isSettled()) return [...this.waits.values()].flat();
      const item = await Promise.race([next, woken]);
      if (this.childFailure !== undefined) throw this.childFailure;
      if (item === "woken") continue;
      if (item.done === true) return undefined;
      if (item.value.kind === "entry") await this.take(item.value);
      next = items.next();
    }
  }

  private async isSettled(): Promise<boolean> {
    if (this.waits.size === 0) return false;
    const report = await this.baton.report(this.run);
    // An older picture than the journal's would settle a run whose question has just been answered.
    if (report.lastSeq !== this.lastSeq) return false;
    if (report.status === "waiting" || report.status === "parked") return true;
    // It goes back, and its child that goes back with it is parked.
    if (report.status === "compensating")
      return [...this.waits.values()].flat().some(({ what }) => what === "compensation");
    // To the journal a run is running while its child waits; it isn't, if nothing else of it can.
    return report.status === "running" && this.onlyChildrenWait(report);
  }

  private onlyChildrenWait(report: RunReport): boolean {
    const workflow = this.baton.workflows
      .flatMap((each) => [...partsOf(each).workflows])
      .find((each) => each.id === report.workflow);
    if (workflow === undefined) return false;
    const over = report.steps.filter(
      (step) => step.status === "sealed" || step.status === "skipped",
    );
    const there = new Set(["input", ...over.map((step) => step.path)]);
    const begun = workflow.steps.filter(
      (step) => !there.has(step.name) && step.needs.every((key) => there.has(key)),
    );
    const parked = new Set(report.steps.filter(isParkedWhole).map((step) => step.path));
    return begun.every((step) => this.waits.has(step.name) || parked.has(step.name));
  }

  private async take({ entry, value }: RecordedEntry): Promise<void> {
    this.lastSeq = entry.seq;
    const path = entry.path ?? "";
    if (CLOSING.has(entry.kind)) this.waits.delete(path);
    if (entry.kind === "step.sealed") this.children.delete(path);
    if (entry.kind === "run.cancelling" || entry.kind === "step.failed") this.windDown();
    if (entry.kind === "step.parked")
      this.waits.set(path, [{ run: this.run, step: path, what: "person" }]);
    if (entry.kind === "run.resumed") this.waits.delete("");
    if (entry.kind === "run.compensating") this.followPlan(value);
    if (entry.kind === "run.restored") this.waits.clear();
    if (entry.kind === "run.parked") this.waits.set("", parkedWaits(this.run, entry.payload));
    if (entry.kind === "compensation.resolved") this.waits.delete("");
    if (entry.kind === "compensation.sealed") this.waits.delete(path);
    if (entry.kind === "run.blocked")
      this.waits.set("", [
        { run: this.run, step: JSON.stringify(entry.payload["missing"]), what: "code" },
      ]);
    if (entry.kind === "attempt.failed" || entry.kind === "attempt.probed")
      this.takeTimer(path, entry.payload["retryAt"]);
    if (entry.kind === "attempt.held" || entry.kind === "compensation.held")
      // The payload of a hold, as the reader has checked it.
      this.takeTimer(path, entry.payload["dueAt"], gateKind(entry.payload["gate"] as Gate));
    if (entry.kind !== "step.opened") return;
    const { step: what, dueAt, run: child } = entry.payload;
    if (typeof child === "string") return this.followChild(path, child);
    if (what === "sleep") return this.takeTimer(path, dueAt);
    if (what !== "approval" && what !== "signal") return;
    const wait: Wait = {
      run: this.run,
      step: path,
      what,
      ...(typeof dueAt === "number" ? { dueAt } : {}),
      ...(value === undefined ? {} : { shown: value }),
    };
    if (what === "approval" && (await this.options.answer?.(wait)) === true) return;
    this.waits.set(path, [wait]);
  }

  private takeTimer(
    path: string,
    dueAt: Json | undefined,
    what: "timer" | GateKind = "timer",
  ): void {
    if (typeof dueAt !== "number" || dueAt - this.options.now() <= this.options.patienceMs) return;
    this.waits.set(path, [{ run: this.run, step: path, what, dueAt }]);
  }

  /** What was waited for is not any more; children that go back with the run may be parked. */
  private followPlan(plan: Json | undefined): void {
    this.waits.clear();
    // The plan is a list of what is to be undone; see docs/journal.md.
    for (const { path, run } of (plan ?? []) as unknown as readonly PlannedCompensation[])
      if (run !== undefined) this.followParking(path, run, UNDONE);
  }

  /** The run is about to end: nothing of it waits for anybody any more, but what its children can't undo may. */
  private windDown(): void {
    this.waits.clear();
    for (const [path, child] of this.children) this.followParking(path, child, ENDED);
    this.children.clear();
  }

  private followParking(path: string, child: string, over: ReadonlySet<RunReport["status"]>): void {
    this.untilParked(child, over).then(
      (waits) => {
        if (waits !== undefined) this.waits.set(path, waits);
        this.wake();
      },
      (error: unknown) => {
        this.childFailure = error instanceof Error ? error : new Error(String(error));
        this.wake();
      },
    );
  }

  /** Looks at a child until it is parked, or undone: it had ended, so that its journal can't be followed for its end. */
  private async untilParked(
    child: string,
    over: ReadonlySet<RunReport["status"]>,
  ): Promise<readonly Wait[] | undefined> {
    while (!this.options.interrupted.aborted) {
      const { status, rollback } = await this.baton.report(child);
      if (over.has(status)) return undefined;
      if (status === "parked" && rollback !== undefined) {
        const failed = (rollback?.compensations ?? []).filter((each) => each.status === "failed");
        return failed.map(({ path }) => ({ run: child, step: path, what: "compensation" }));
      }
      await new Promise((resolve) => setTimeout(resolve, CHILD_RETRY_MS * 5));
    }
    return undefined;
  }

  private followChild(path: string, child: string): void {
    this.children.set(path, child);
    this.settleChild(child).then(
      (settled) => {
        if (settled?.kind === "waiting") this.waits.set(path, settled.waits);
        this.wake();
      },
      (error: unknown) => {
        this.childFailure = error instanceof Error ? error : new Error(String(error));
        this.wake();
      },
    );
  }

  /** Undefined if the parent was settled first. */
  private async settleChild(child: string): Promise<Settled | undefined> {
    while (!this.options.interrupted.aborted) {
      try {
        return await settle(this.baton, child, this.options);
      } catch (error) {
        if (!isBatonError(error, "RUN_NOT_FOUND")) throw error;
      }
      // The parent says that it opened the child before the child's first entry is there.
      await new Promise((resolve) => setTimeout(resolve, CHILD_RETRY_MS));
    }
    return undefined;
  }
}

function parkedWaits(run: string, payload: JsonObject): readonly Wait[] {
  const { paths } = payload;
  return (Array.isArray(paths) ? paths : []).flatMap((path: Json) =>
    typeof path === "string" ? [{ run, step: path, what: "compensation" }] : [],
  );
}

/** Whether all that is left of a map waits for a person. */
function isParkedWhole({ items }: RunReport["steps"][number]): boolean {
  const { sealed = 0, failed = 0, parked = 0, of } = items ?? {};
  return parked > 0 && of !== undefined && sealed + failed + parked === of;
}

/** Whether something could not be undone, or done, and waits for a person. */
export function isParked(settled: Settled): boolean {
  return settled.kind === "waiting" && settled.waits.some(isForPerson);
}

/** Whether a wait is a dead letter. */
export function isForPerson({ what }: Wait): boolean {
  return what === "compensation" || what === "person";
}

/** What to type next about a wait. */
export function nextCommand(wait: Wait): string | undefined {
  if (wait.what === "approval") return `baton approve ${wait.run} ${wait.step}`;
  if (isForPerson(wait)) return `baton dead-letters show ${wait.run} ${wait.step}`;
  if (wait.what === "signal") return `baton signal ${wait.run} ${wait.step} payload.json`;
  if (wait.what === "budget") return "baton budgets";
  return wait.what === "breaker" ? "baton breakers" : undefined;
}

/** How a run settled, flat, for programs. */
export function settledJson(settled: Settled): Readonly<Record<string, unknown>> {
  if (settled.kind === "waiting") {
    return { status: isParked(settled) ? "parked" : "waiting", waits: settled.waits };
  }
  const { kind, ...rest } = settled.outcome;
  return { status: kind, ...rest };
}
