/** The log that an attempt, an attempt to compensate and a probe are given: each line says whose it is. */
import type { AgentDefinition, AgentLog } from "../../model/agent-definition.ts";
import type { LogLine } from "../../ports/log-sink.ts";
import type { Actor, Core } from "./core.ts";

/** Whose the lines are. */
export interface LogPlace {
  readonly path: string;
  readonly attempt: number;
  readonly agent: AgentDefinition;
}

/** A log whose lines name the run and the place. `live` throws once it must not be used any more. */
export function agentLog(
  core: Core,
  actor: Actor,
  { path, attempt, agent }: LogPlace,
  live: () => void,
): AgentLog {
  const at =
    (level: LogLine["level"]) => (message: string, data?: Readonly<Record<string, unknown>>) => {
      live();
      core.log({
        level,
        message,
        at: core.clock.now(),
        run: actor.id,
        path,
        attempt,
        agent: agent.id,
        ...(data === undefined ? {} : { data }),
      });
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
