/**
 * A call before its agent's rate. What waits for its turn in memory gives back its place, and then comes the whole way again, so
 * that calls of other keys and other agents pass it meanwhile.
 */
import type { RatePolicy } from "../../model/rate.ts";
import type { AtTheDoor, BehindTheDoor } from "./breaker-door.ts";
import { IGNORED } from "./call-outcome.ts";

/** A longer key tells no more than its beginning does. */
const KEY_LENGTH_MAX = 256;

/** Begins the call if its rate lets it through now; `again` sends it the whole way once its turn has come. */
export function passRate(
  call: AtTheDoor,
  rate: RatePolicy,
  { begin, held }: BehindTheDoor,
  again: () => void,
): void {
  const { core } = call;
  const answer = core.rates.ask(rate, {
    key: keyOf(call, rate),
    agent: call.command.agent.id,
    slot: call.slot ?? promisedSlot(call, rate),
    called: call.slot !== undefined,
    turn: (slot) => {
      call.slot = slot;
      call.leaveQueue = undefined;
      again();
    },
  });
  switch (answer.kind) {
    case "pass":
      return begin();
    case "wait":
      call.leaveQueue = answer.leave;
      // A probe stays one: as many others would be sent after it as there are runs that wait for the breaker.
      return giveBack(call, call.ticket?.pass.probe !== true);
    case "later":
      giveBack(call, true);
      return held(`rate/${rate.name}`, { dueAt: answer.dueAt });
  }
}

/** First told, then left: who comes next finds everything as it is. */
function giveBack(call: AtTheDoor, ticketToo: boolean): void {
  const { core, ticket } = call;
  if (ticketToo && ticket !== undefined) {
    call.ticket = undefined;
    core.breakers.report(ticket, IGNORED);
  }
  core.agentPlaces.leave(call.command.agent);
}

/** The turn that the call was promised, as its run's journal has it. */
function promisedSlot({ actor, command }: AtTheDoor, { name }: RatePolicy): number | undefined {
  const { holds, rollback } = actor.run;
  const gate = `rate/${name}`;
  if (rollback !== undefined) {
    const state = rollback.states.get(`${command.path}:${command.turn}`);
    return state?.gate === gate ? state.retryAt : undefined;
  }
  const hold = holds.size === 0 ? undefined : holds.get(command.path);
  const isIts =
    hold?.gate === gate && hold.turn === command.turn && hold.attempt === command.attempt;
  return isIts ? hold.dueAt : undefined;
}

/** A key that can't be had is counted with all others of which that is so: the rate holds, and nothing fails for it. */
function keyOf({ core, actor, command }: AtTheDoor, { name, key }: RatePolicy): string {
  if (key === undefined) return "";
  let why = "gave no text";
  try {
    const given: unknown = key(command.input);
    if (typeof given === "string") return given.slice(0, KEY_LENGTH_MAX);
  } catch (error) {
    why = `threw: ${String(error)}`;
  }
  core.log({
    level: "warn",
    message: `The key of the rate ${name} ${why}; the call is counted without one.`,
    at: core.clock.now(),
    run: actor.id,
    path: command.path,
    agent: command.agent.id,
  });
  return "";
}
