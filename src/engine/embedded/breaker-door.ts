/** The way from an agent's place to its call, through the agent's breaker: the same for attempts and for attempts to compensate. */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type { BreakerPolicy } from "../../model/breaker.ts";
import type { Refusal, Ticket } from "./breakers.ts";
import type { Actor, Core } from "./core.ts";

/** A call that has a place of its agent, and has not begun. */
export interface AtTheDoor {
  readonly core: Core;
  readonly actor: Actor;
  readonly command: { readonly agent: AgentDefinition };
  /** Whether it has ended already. */
  reported: boolean;
  /** Set once it was let through by its agent's breaker. */
  ticket: Ticket | undefined;
  /** Withdraws its question to the breaker. */
  leaveBreaker: (() => void) | undefined;
}

export interface BehindTheDoor {
  /** Begins the call, or gives its place back if it has ended meanwhile. */
  readonly begin: () => void;
  /** Ends the call without an outcome. */
  readonly close: () => void;
  /** The breaker is open; the place was given back. */
  readonly refused: (breaker: BreakerPolicy, refusal: Refusal) => void;
}

/** Begins the call once its agent's breaker lets it through; at once where there is none. */
export function enter(call: AtTheDoor, { begin, close, refused }: BehindTheDoor): void {
  const { core, actor } = call;
  const { agent } = call.command;
  const { breaker } = agent;
  if (breaker === undefined || call.reported) return begin();
  const leave = core.breakers.enter(breaker, actor.id, {
    pass: (ticket, recorded) => {
      call.ticket = ticket;
      if (recorded === undefined) return begin();
      recorded.then(() => {
        if (core.closing) close();
        begin();
      }, ignoreStopped);
    },
    refused: (refusal) => {
      core.agentPlaces.leave(agent);
      refused(breaker, refusal);
    },
  });
  if (leave === undefined) return;
  call.leaveBreaker = () => {
    if (leave()) core.agentPlaces.leave(agent);
  };
  // It was ended while it stood before the breaker's door.
  if (call.reported) call.leaveBreaker();
}

/** The engine has stopped, and has ended the call. */
export function ignoreStopped(): void {}
