/** The log that an attempt, an attempt to compensate and a probe are given: each line says whose it is. */
import type { AgentDefinition, AgentLog } from "../../model/agent-definition.ts";
import type { LogLine } from "../../ports/log-sink.ts";
import { type CallKind, type CallPlace, type CallSpan, callSpan } from "./call-span.ts";
import type { Actor, Core } from "./core.ts";

/** Whose the lines are. */
export interface LogPlace extends CallPlace {
  readonly agent: AgentDefinition;
}

/** A log whose lines name the run, the place and the span. `live` throws once it must not be used any more. */
export function agentLog(
  core: Core,
  actor: Actor,
  of: CallKind,
  place: LogPlace,
  live: () => void,
): AgentLog {
  const { path, turn, attempt, agent } = place;
  // Most calls write no line.
  let span: CallSpan | undefined;
  const at =
    (level: LogLine["level"]) => (message: string, data?: Readonly<Record<string, unknown>>) => {
      live();
      span ??= callSpan(core, actor, of, place);
      core.log({
        level,
        // An agent may log what it has caught, whatever its type.
        message: typeof message === "string" ? message : String(message),
        at: core.clock.now(),
        run: actor.id,
        path,
        turn,
        attempt,
        agent: agent.id,
        ...span,
        ...(data === undefined ? {} : { data }),
      });
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
