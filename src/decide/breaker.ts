/**
 * The circuit breaker as a pure machine. Time is an argument; what is to be recorded is given back, never performed.
 *
 * | from | when | to | by |
 * |---|---|---|---|
 * | closed | the last of so many failures in a row, or the rate in the window, is reported | open | `report` |
 * | open | the cooldown is over, and a call asks | half-open | `admit` |
 * | half-open | a probe failed | open, for another cooldown | `report` |
 * | half-open | as many probes succeeded as are let through | closed | `report` |
 * | closed, half-open, open with an end | a person opens it | open, without an end | `openByPerson` |
 * | open, half-open | a person closes it | closed | `closeByPerson` |
 *
 * B1. While it is open no call is let through; while it is half-open, at most `probes` at a time, those left out that were given up (B4).
 * B2. A call counts only in the period in which it was let through: what was under way before a transition is not listened to.
 * B3. While nothing shows that the downstream is well (no success since it closed, or since the last failure), no more calls
 *     are under way than failures would open it: so a dead downstream gets as many calls as the policy says, however many ask.
 *     Calls that are not heard of again don't stop the others: one more is let through in each cooldown.
 * B4. A probe that is never heard of again (its process died, it hangs) does not keep it half-open: a cooldown after the
 *     newest of them, all that are under way are given up, and as many again are let through. What is then still heard of one
 *     that was given up frees no place among those.
 */
import {
  BREAKER_EVIDENCE_MAX,
  type BreakerCause,
  type BreakerEvidence,
  type BreakerRecord,
  type BreakerSettings,
} from "../model/breaker.ts";
import type { FactOf } from "../model/entry.ts";
import { countsIn, emptyWindow, type WindowState, withOutcome } from "./breaker-window.ts";

export type BreakerState =
  | {
      readonly kind: "closed";
      readonly failuresInARow: number;
      /** Whether the newest outcome was a success. */
      readonly proven: boolean;
      readonly window: WindowState | undefined;
    }
  /** Without an end where a person must close it. */
  | { readonly kind: "open"; readonly untilMs: number | undefined }
  | {
      readonly kind: "halfOpen";
      /** When the newest probe was let through. */
      readonly sinceMs: number;
      /** How often probes were given up. */
      readonly round: number;
      /** Probes of this round. */
      readonly underWay: number;
      readonly succeeded: number;
    };

export interface Breaker {
  readonly state: BreakerState;
  /** How many transitions there were: a call that was let through in another period is late. */
  readonly period: number;
  readonly openedCount: number;
  /** The newest failures since it was last closed, the oldest first. */
  readonly evidence: readonly BreakerEvidence[];
}

/** What is to be recorded of a transition. */
export type Transition =
  | {
      readonly kind: "breaker.opened";
      readonly payload: BreakerRecord & { readonly until?: number };
    }
  | {
      readonly kind: "breaker.halfOpened";
      readonly payload: BreakerRecord & { readonly probes: number };
    }
  | { readonly kind: "breaker.closed"; readonly payload: BreakerRecord };

/** Given to a call that is let through; it comes back with its outcome. */
export interface Pass {
  readonly period: number;
  readonly probe: boolean;
  /** Of a probe: how often others had been given up before it. */
  readonly round?: number;
}

export type Admission =
  | {
      readonly kind: "pass";
      readonly pass: Pass;
      readonly breaker: Breaker;
      readonly transition?: Transition;
    }
  /** Ask again after the next report, and at `atMs` at the latest: enough calls are under way to find out whether the downstream is well (B3). */
  | { readonly kind: "later"; readonly atMs: number }
  /** `untilMs`: when it pays to ask again; undefined where a person must close it. */
  | { readonly kind: "refused"; readonly untilMs: number | undefined };

/** `ignored`: the call ended in a way that says nothing of the downstream. */
export type CallOutcome =
  | { readonly kind: "succeeded" }
  | { readonly kind: "failed"; readonly evidence: BreakerEvidence }
  | { readonly kind: "ignored" };

export interface Changed {
  readonly breaker: Breaker;
  readonly transition?: Transition;
}

/** A breaker that was never heard of: closed, of an unproven downstream. */
export function newBreaker(settings: BreakerSettings): Breaker {
  return { state: closedState(settings, false), period: 0, openedCount: 0, evidence: [] };
}

/** The breaker after the newest entry of its stream: what a restarted process begins with. */
export function restoredBreaker(
  fact: FactOf<"breaker.opened" | "breaker.halfOpened" | "breaker.closed">,
  settings: BreakerSettings,
): Breaker {
  const { openedCount, evidence } = fact.payload;
  return { state: restoredState(fact, settings), period: fact.seq + 1, openedCount, evidence };
}

function restoredState(
  fact: FactOf<"breaker.opened" | "breaker.halfOpened" | "breaker.closed">,
  settings: BreakerSettings,
): BreakerState {
  switch (fact.kind) {
    case "breaker.opened":
      return { kind: "open", untilMs: fact.payload.until };
    case "breaker.halfOpened":
      return { kind: "halfOpen", sinceMs: fact.at, round: 0, underWay: 0, succeeded: 0 };
    case "breaker.closed":
      return closedState(settings, false);
  }
}

function closedState(settings: BreakerSettings, proven: boolean): BreakerState {
  return { kind: "closed", failuresInARow: 0, proven, window: emptyWindow(settings.window) };
}

/**
 * Whether a call is let through now. `underWay`: calls of this period that were let through and have not been reported;
 * `lastMs`: when the newest of them was.
 */
export function admit(
  breaker: Breaker,
  settings: BreakerSettings,
  now: { readonly nowMs: number; readonly underWay: number; readonly lastMs: number },
): Admission {
  const { state } = breaker;
  const { nowMs, underWay, lastMs } = now;
  switch (state.kind) {
    case "closed": {
      if (!state.proven && underWay >= trialCalls(settings, state.failuresInARow)) {
        const atMs = lastMs + settings.cooldownMs;
        if (nowMs < atMs) return { kind: "later", atMs };
      }
      return { kind: "pass", pass: { period: breaker.period, probe: false }, breaker };
    }
    case "open": {
      const { untilMs } = state;
      if (untilMs === undefined || nowMs < untilMs) return { kind: "refused", untilMs };
      return halfOpened(breaker, settings, nowMs);
    }
    case "halfOpen": {
      const isFull = state.underWay >= settings.probes;
      const givenUpAtMs = state.sinceMs + settings.cooldownMs;
      if (isFull && nowMs < givenUpAtMs) return { kind: "refused", untilMs: givenUpAtMs };
      const next = isFull
        ? { ...state, sinceMs: nowMs, round: state.round + 1, underWay: 1 }
        : { ...state, sinceMs: nowMs, underWay: state.underWay + 1 };
      return {
        kind: "pass",
        pass: { period: breaker.period, probe: true, round: next.round },
        breaker: { ...breaker, state: next },
      };
    }
  }
}

/** The probes that were let through have not begun before `nowMs`: none of them is given up earlier than a cooldown after that. */
export function probesBegin(breaker: Breaker, nowMs: number): Breaker {
  const { state } = breaker;
  return state.kind === "halfOpen" ? { ...breaker, state: { ...state, sinceMs: nowMs } } : breaker;
}

/** B3: as many calls as would open it if all failed. */
function trialCalls({ failures, window }: BreakerSettings, failuresInARow: number): number {
  return Math.max(1, (failures ?? window?.minimum ?? 1) - failuresInARow);
}

function halfOpened(breaker: Breaker, settings: BreakerSettings, nowMs: number): Admission {
  const period = breaker.period + 1;
  const { probes } = settings;
  const reason = `The cooldown is over: ${probes === 1 ? "one probe is" : `${probes} probes at a time are`} let through.`;
  const { openedCount, evidence } = breaker;
  return {
    kind: "pass",
    pass: { period, probe: true, round: 0 },
    breaker: {
      ...breaker,
      period,
      state: { kind: "halfOpen", sinceMs: nowMs, round: 0, underWay: 1, succeeded: 0 },
    },
    transition: {
      kind: "breaker.halfOpened",
      payload: { cause: "cooldown", reason, evidence, openedCount, probes },
    },
  };
}

/** Takes in how a call ended that was let through. */
export function report(
  breaker: Breaker,
  settings: BreakerSettings,
  ended: { readonly pass: Pass; readonly outcome: CallOutcome; readonly nowMs: number },
): Changed {
  const { state } = breaker;
  const { pass, outcome, nowMs } = ended;
  if (pass.period !== breaker.period || state.kind === "open") return { breaker };
  if (state.kind === "closed") return reportClosed(breaker, state, settings, { outcome, nowMs });
  const underWay = pass.round === state.round ? Math.max(0, state.underWay - 1) : state.underWay;
  if (outcome.kind === "ignored") return { breaker: { ...breaker, state: { ...state, underWay } } };
  if (outcome.kind === "failed") {
    const evidence = newest(breaker.evidence, outcome.evidence);
    const reason = `A probe failed: ${outcome.evidence.code}.`;
    return opened(
      { ...breaker, evidence },
      { cause: "probe", reason, untilMs: nowMs + settings.cooldownMs },
    );
  }
  const succeeded = state.succeeded + 1;
  if (succeeded < settings.probes)
    return { breaker: { ...breaker, state: { ...state, underWay, succeeded } } };
  const reason = succeeded === 1 ? "A probe succeeded." : `${succeeded} probes succeeded.`;
  return closed(breaker, settings, { cause: "probe", reason });
}

type Closed = Extract<BreakerState, { readonly kind: "closed" }>;

function reportClosed(
  breaker: Breaker,
  state: Closed,
  settings: BreakerSettings,
  { outcome, nowMs }: { readonly outcome: CallOutcome; readonly nowMs: number },
): Changed {
  if (outcome.kind === "ignored") return { breaker };
  const failed = outcome.kind === "failed";
  // The usual case, a call like the one before it, makes no new state.
  if (!failed && state.proven && state.window === undefined) return { breaker };
  const window =
    state.window === undefined || settings.window === undefined
      ? undefined
      : withOutcome(state.window, settings.window, { failed, nowMs });
  const failuresInARow = failed ? state.failuresInARow + 1 : 0;
  const after: Breaker = {
    ...breaker,
    state: { kind: "closed", failuresInARow, proven: !failed, window },
    evidence: failed ? newest(breaker.evidence, outcome.evidence) : breaker.evidence,
  };
  if (!failed) return { breaker: after };
  const untilMs = nowMs + settings.cooldownMs;
  if (settings.failures !== undefined && failuresInARow >= settings.failures) {
    const reason = `${failuresInARow} failure${failuresInARow === 1 ? "" : "s"} in a row.`;
    return opened(after, { cause: "failures", reason, untilMs });
  }
  if (window === undefined || settings.window === undefined) return { breaker: after };
  const { calls, failed: failures } = countsIn(window);
  if (calls < settings.window.minimum || failures < calls * settings.window.rate)
    return { breaker: after };
  const reason = `${failures} of the newest ${calls} calls failed.`;
  return opened(after, { cause: "rate", reason, untilMs });
}

function newest(
  known: readonly BreakerEvidence[],
  added: BreakerEvidence,
): readonly BreakerEvidence[] {
  return [...known.slice(1 - BREAKER_EVIDENCE_MAX), added];
}

/** A person stops all calls, until a person closes it again. Changes nothing where that is so already. */
export function openByPerson(breaker: Breaker, reason: string): Changed {
  if (breaker.state.kind === "open" && breaker.state.untilMs === undefined) return { breaker };
  return opened(breaker, { cause: "person", reason, untilMs: undefined });
}

/** A person lets calls through again. Changes nothing where it is closed. */
export function closeByPerson(
  breaker: Breaker,
  settings: BreakerSettings,
  reason: string,
): Changed {
  if (breaker.state.kind === "closed") return { breaker };
  return closed(breaker, settings, { cause: "person", reason });
}

function opened(
  breaker: Breaker,
  why: {
    readonly cause: BreakerCause;
    readonly reason: string;
    readonly untilMs: number | undefined;
  },
): Changed {
  const { cause, reason, untilMs } = why;
  const openedCount = breaker.openedCount + 1;
  const { evidence } = breaker;
  return {
    breaker: {
      state: { kind: "open", untilMs },
      period: breaker.period + 1,
      openedCount,
      evidence,
    },
    transition: {
      kind: "breaker.opened",
      payload: {
        cause,
        reason,
        evidence,
        openedCount,
        ...(untilMs === undefined ? {} : { until: untilMs }),
      },
    },
  };
}

/** A probe proves the downstream; a person's word does not. */
function closed(
  breaker: Breaker,
  settings: BreakerSettings,
  { cause, reason }: { readonly cause: BreakerCause; readonly reason: string },
): Changed {
  const { openedCount, period } = breaker;
  return {
    breaker: {
      state: closedState(settings, cause === "probe"),
      period: period + 1,
      openedCount,
      evidence: [],
    },
    transition: {
      kind: "breaker.closed",
      payload: { cause, reason, evidence: breaker.evidence, openedCount },
    },
  };
}
