/**
 * The way of a call: its agent's place, its agent's breaker, its agent's rate. The same for attempts and for attempts to
 * compensate.
 */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type { BreakerPolicy } from "../../model/breaker.ts";
import type { Gate } from "../../model/gate.ts";
import type { Json } from "../../model/json.ts";
import type { Refusal, Ticket } from "./breakers.ts";
import type { Actor, Core } from "./core.ts";
import { passRate } from "./rate-door.ts";

/** A call that is wanted, and has not begun. */
export interface AtTheDoor {
  readonly core: Core;
  readonly actor: Actor;
  readonly command: {
    readonly agent: AgentDefinition;
    readonly path: string;
    readonly turn: number;
    readonly attempt: number;
    readonly input: Json;
  };
  /** Whether it has ended already. */
  reported: boolean;
  /** Set once it was let through by its agent's breaker. */
  ticket: Ticket | undefined;
  /** Withdraws its question to the breaker. */
  leaveBreaker: (() => void) | undefined;
  /** Leaves the line that it stands in: for a place, or for its turn. */
  leaveQueue: (() => void) | undefined;
  /** When its turn at its agent's rate is, once it was told. */
  slot: number | undefined;
}

export interface BehindTheDoor {
  /** Begins the call, or gives its place back if it has ended meanwhile. */
  readonly begin: () => void;
  /** Ends the call without an outcome. */
  readonly close: () => void;
  /** The breaker is open; the place was given back. */
  readonly refused: (breaker: BreakerPolicy, refusal: Refusal) => void;
  /** Its turn is too far away to wait for it in memory; the place was given back. */
  readonly held: (gate: Gate, refusal: Refusal) => void;
  /** Too many wait for a place; where it is left out, the call waits with them. */
  readonly full?: () => void;
}

/** Begins the call as soon as its agent has a place, and its breaker and its rate let it through. */
export function approach(call: AtTheDoor, behind: BehindTheDoor): void {
  let arrived = false;
  const leave = call.core.agentPlaces.take(
    call.command.agent,
    () => {
      arrived = true;
      enter(call, behind);
    },
    behind.full,
  );
  // Who has arrived stands elsewhere by now, or nowhere.
  if (!arrived) call.leaveQueue = leave;
}

/** Before the breaker; at once past it where there is none, or where a probe comes back from its rate. */
function enter(call: AtTheDoor, behind: BehindTheDoor): void {
  const { core, actor } = call;
  const { agent } = call.command;
  const { breaker } = agent;
  if (breaker === undefined || call.reported || isStillLetThrough(call)) return past(call, behind);
  const leave = core.breakers.enter(breaker, actor.id, {
    pass: (ticket, recorded) => {
      call.ticket = ticket;
      if (recorded === undefined) return past(call, behind);
      recorded.then(() => {
        if (core.closing) behind.close();
        past(call, behind);
      }, ignoreStopped);
    },
    refused: (refusal) => {
      core.agentPlaces.leave(agent);
      behind.refused(breaker, refusal);
    },
  });
  if (leave === undefined) return;
  call.leaveBreaker = () => {
    if (leave()) core.agentPlaces.leave(agent);
  };
  // It was ended while it stood before the breaker's door.
  if (call.reported) call.leaveBreaker();
}

/** A ticket of a time that is over is no good any more. */
function isStillLetThrough(call: AtTheDoor): boolean {
  const { core, ticket } = call;
  if (ticket === undefined) return false;
  if (core.breakers.isCurrent(ticket)) return true;
  call.ticket = undefined;
  return false;
}

function past(call: AtTheDoor, behind: BehindTheDoor): void {
  const { rate } = call.command.agent;
  if (rate === undefined || call.reported) return behind.begin();
  passRate(call, rate, behind, () => approach(call, behind));
}

/** The engine has stopped, and has ended the call. */
export function ignoreStopped(): void {}
