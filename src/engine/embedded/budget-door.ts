/** The way from an agent's breaker to its call, through the budgets that limit it; and what a call came to. */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import { amountText, atLeast, exceeds, measuredBy, NOTHING, usedIn } from "../../model/amounts.ts";
import type { Behind } from "../../decide/call.ts";
import type { Failure, UsageRecord } from "../../model/entry.ts";
import type { BudgetRefusal, Claim } from "./budgets.ts";
import type { Actor, Core } from "./core.ts";

/** A call that its breaker has let through, and that has not begun. */
export interface AtTheTill {
  readonly core: Core;
  readonly actor: Actor;
  readonly command: {
    readonly agent: AgentDefinition;
    readonly path: string;
    readonly turn: number;
    readonly attempt: number;
  };
  /** Whether it has ended already. */
  reported: boolean;
  /** Set once something was set aside for it. */
  claim: Claim | undefined;
  /** Withdraws its question to the budgets. */
  leaveBudgets: (() => void) | undefined;
  startedMs: number;
  context: { readonly usage: readonly UsageRecord[] } | undefined;
  /** What it came to, or which budget refused it; undefined for most. */
  budgeted: Pick<Behind, "spent" | "budget"> | undefined;
}

export interface BehindTheTill {
  /** Begins the call, or gives its place back if it has ended meanwhile. */
  readonly begin: () => void;
  /** Ends the call without an outcome. */
  readonly close: () => void;
  /** A budget is spent; the place was given back. */
  readonly refused: (refusal: BudgetRefusal) => void;
}

/** Begins the call once what it may use is set aside, and that is in the journal. */
export function setAside(call: AtTheTill, { begin, close, refused }: BehindTheTill): void {
  const { core, actor, command } = call;
  const { agent, path, turn, attempt } = command;
  const unrecorded = (cause: unknown) => {
    // The engine has stopped, and has ended the call.
    if (core.stopped !== undefined || call.reported) return;
    core.agentPlaces.leave(agent);
    const message = `What the attempt may use could not be set aside: ${String(cause)}`;
    refused({ kind: "failed", error: { code: "STORE_FAILED", message }, mark: undefined });
  };
  const leave = core.budgets.enter(
    actor,
    agent,
    { run: actor.id, path, turn, attempt },
    {
      pass: (claim, recorded) => {
        call.leaveBudgets = undefined;
        call.claim = claim;
        recorded.then(() => {
          if (core.closing) close();
          begin();
        }, unrecorded);
      },
      refused: (refusal) => {
        call.leaveBudgets = undefined;
        core.agentPlaces.leave(agent);
        refused(refusal);
      },
    },
  );
  if (leave === undefined) return;
  call.leaveBudgets = () => {
    call.leaveBudgets = undefined;
    leave();
    core.agentPlaces.leave(agent);
  };
}

/**
 * Says what a call came to, where something was set aside for it. One that gave no answer (it timed out, or was not waited for
 * any more) may still go on: all that was set aside for it counts. So does the money of one whose model has no price.
 */
export function charge(call: AtTheTill, answered: boolean): void {
  if (call.claim === undefined) return;
  const { amounts } = call.claim;
  const usage = call.context?.usage ?? [];
  const timeMs = Math.round(call.core.clock.monotonicMs() - call.startedMs);
  const used = measuredBy({ ...usedIn(usage), calls: 1, timeMs }, amounts);
  const isPriced = usage.every(({ cost }) => cost !== undefined);
  if (!answered) call.budgeted = { spent: atLeast(used, amounts) };
  else if (isPriced || amounts.money === undefined) call.budgeted = { spent: used };
  else call.budgeted = { spent: { ...used, money: amounts.money } };
}

/** Why an attempt may not go on that has reported `usage`; said loudly, since what it used is spent in full all the same. */
export function overMaximum(
  { core, actor, command }: Pick<AtTheTill, "core" | "actor" | "command">,
  usage: readonly UsageRecord[],
): Failure | undefined {
  const { agent, path, attempt } = command;
  const { maximum = NOTHING } = agent;
  const used = usedIn(usage);
  const measure = exceeds(used, maximum);
  if (measure === undefined) return undefined;
  const message = `${agent.id} used ${amountText({ ...maximum, ...used }, measure)} in one attempt; its maximum is ${amountText(maximum, measure)}.`;
  const at = { at: core.clock.now(), run: actor.id, path, attempt, agent: agent.id };
  core.log({ level: "error", message, ...at });
  return { code: "MAXIMUM_EXCEEDED", message };
}

/** Tells the budgets what a call used for which nothing was set aside, since it is never refused. */
export function spendUnreserved(
  { core, actor, command }: Pick<AtTheTill, "core" | "actor" | "command">,
  usage: readonly UsageRecord[],
  tookMs: number,
): void {
  const { agent, path, turn, attempt } = command;
  if (agent.budgets === undefined && actor.run.definition.budgets === undefined) return;
  const spent = { ...usedIn(usage), calls: 1, timeMs: tookMs };
  core.budgets.spend(actor, agent, { run: actor.id, path, turn, attempt }, spent);
}
