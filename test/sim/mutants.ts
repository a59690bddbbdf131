/** Bugs that are planted in the sources: a piece of text in the place of another, in a copy that only a test loads. */

import type { FaultRates } from "baton/testing";

export interface Mutant {
  /** Below `src/`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
  /** Which promise is broken by it, as a pattern of the report. */
  readonly breaks: RegExp;
  /** What must go wrong more often than else, so that a few hundred seeds show it. */
  readonly faults?: Partial<FaultRates>;
}

/** By what Baton does wrong then. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "compensates in order of completion": {
    file: "decide/saga-history.ts",
    from: "(a, b) => b.seq - a.seq",
    to: "(a, b) => a.seq - b.seq",
    breaks: /promise 6 .* after what was sealed before it/,
  },
  "forgets the items of a map when it goes back": {
    file: "decide/saga-history.ts",
    from: `    case "item.sealed":
      return addResult(reading, fact);`,
    to: `    case "item.sealed":
      return;`,
    breaks: /promise 6 .* (does not plan to undo|stands, and should be undone)/,
  },
  "forgets what a process that died had begun": {
    file: "decide/saga-history.ts",
    from: `if (fact.kind === "run.resumed" && fact.seq < reading.turnedAt)`,
    to: `if (fact.kind === "run.resumed" && fact.seq < -1)`,
    breaks: /promise 6 .* stands, and should be undone/,
    faults: { crash: 1, crashAfter: 0.05, cancel: 0.5, agentFailure: 0.3 },
  },
  "undoes again what it has recorded as undone": {
    file: "decide/evolve.ts",
    from: "if (pending.delete(key)) pendingOf",
    to: "if (fact.attempt !== 1 && pending.delete(key)) pendingOf",
    breaks: /was compensated again after that was recorded/,
  },
  "takes a compensation that failed for good as done": {
    file: "decide/evolve.ts",
    from: `function compensationFailed(run: Run, fact: FactOf<"compensation.failed">): void {`,
    to: `function compensationFailed(run: Run, fact: FactOf<"compensation.failed">): void {
      if (fact.payload.retryAt === undefined) return settleCompensation(run, fact);`,
    breaks: /promise 6 .* has ended, and .* is not undone/,
  },
  "undoes a step before those that read it": {
    file: "decide/saga.ts",
    from: "if (isParallel && (held.has(step) || isHeld(step))) continue;",
    to: "if (isParallel && held.has(step)) continue;",
    breaks: /promise 6 .* undid .* before/,
  },
  "reads the newest value of any run instead of the version that it names": {
    file: "decide/handoff.ts",
    from: "    view[key] = sealed?.value;",
    to: `    const newest = (globalThis as { newest?: Map<string, Json> }).newest ??= new Map();
    view[key] = newest.get(key) ?? sealed?.value;
    if (sealed !== undefined) newest.set(key, sealed.value);`,
    breaks: /was given something else than it says that it read/,
  },
  "says that it read another version than it did": {
    file: "decide/handoff.ts",
    from: "reads[key] = sealed.seq;",
    to: "reads[key] = run.seq;",
    breaks: /promise 10 .* says that .* read .* from entry/,
  },
  "counts a step twice": {
    file: "decide/evolve.ts",
    from: "  run.unsettledSteps -= 1;",
    to: "  run.unsettledSteps -= run.unsettledSteps === 2 ? 2 : 1;",
    breaks: /promise 4 .* completed without/,
  },
  "counts a retry twice": {
    file: "decide/call.ts",
    from: "const attempt = (state?.failedAttempts ?? 0) + 1;",
    to: "const attempt = 2 * (state?.failedAttempts ?? 0) + 1;",
    breaks: /promise 3 .* came after attempt/,
  },
  "forgets what an effect gave": {
    file: "decide/call.ts",
    from: "onces: run.onces.get(`${call.path}:${turnNo}`) ?? NO_ONCES,",
    to: "onces: NO_ONCES,",
    breaks: /was repeated after it was recorded/,
  },
  "forgets at a restart that a breaker is open": {
    file: "engine/embedded/breakers.ts",
    from: "newest === undefined ? newBreaker(settings) : restoredBreaker(newest.fact, settings)",
    to: "newBreaker(settings)",
    breaks: /though the breaker .* is open/,
  },
  "lets a probe through before the cooldown is over": {
    file: "decide/breaker.ts",
    from: "if (untilMs === undefined || nowMs < untilMs) return",
    to: "if (untilMs === undefined) return",
    breaks: /promise breakers .* cooldown was not over/,
  },
  "lets any number of probes through": {
    file: "decide/breaker.ts",
    from: "const isFull = state.underWay >= settings.probes;",
    to: "const isFull = false;",
    breaks: /one probe of .* too many/,
    faults: { agentFailure: 0.4, agentHang: 0.05, crash: 0, leaseLoss: 0 },
  },
  "forgets a run whose turn came during an append": {
    file: "engine/embedded/inbox.ts",
    from: "if (actor.appending) actor.again = true;",
    to: "if (actor.appending) actor.again = false;",
    breaks: /promise 11 .* has not ended/,
  },
  "begins a call before what it may use is set aside in the journal": {
    file: "engine/embedded/budget-door.ts",
    from: "        recorded.then(() => {",
    to: "        Promise.resolve().then(() => {",
    breaks: /promise 13 .* nothing was set aside of spend/,
  },
  "sets aside more than a budget has": {
    file: "decide/budget.ts",
    from: "if (exceeds(plus(ledger.spent, reserved), limit) === undefined)",
    to: "if (exceeds(ledger.spent, limit) === undefined)",
    breaks: /promise 13 .* (settled or set aside|calls were made)/,
  },
  "forgets at a restart what a lost call has spent": {
    file: "engine/embedded/budget-recovery.ts",
    from: `      return "unknown";`,
    to: "      return NOTHING;",
    breaks: /promise 13 .* calls were made/,
    faults: { crash: 1, crashAfter: 0.05 },
  },
  "begins with a full rate after a restart": {
    file: "engine/embedded/rates.ts",
    from: "const openedMs = firstOpen ? undefined : elapsed(clock);",
    to: "const openedMs = undefined;",
    breaks: /promise rates .* calls begin within/,
    faults: { crash: 1, crashAfter: 0.05 },
  },
  "forgets the deadlines of steps": {
    file: "decide/deadline.ts",
    from: "  const { dueAt, step } = next;",
    to: "  const { dueAt, step } = next;\n  if (step !== undefined) return void run.deadlines?.pop();",
    breaks: /promise deadlines .* after its deadline/,
  },
  "restores less than a savepoint keeps": {
    file: "decide/restore.ts",
    from: "if (sealed !== undefined) return sealed.seq <= seq;",
    to: "if (sealed !== undefined) return sealed.seq < seq;",
    breaks: /promise 6 .* which a savepoint keeps/,
    faults: { agentFailure: 0.4 },
  },
  "goes back across a pivot": {
    file: "decide/savepoint.ts",
    from: "    if (pivot === undefined) continue;",
    to: "    continue;",
    breaks: /promise 6 .* across the pivot/,
    faults: { agentFailure: 0.4 },
  },
};
