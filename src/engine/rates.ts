/** Rates as every engine sees them: which there are. */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { RateSettings } from "../model/rate.ts";

/** A rate that agents declare. */
export interface DeclaredRate {
  readonly settings: RateSettings;
  /** `name@version` of the agents that share it. */
  readonly agents: readonly string[];
}

/** The rates that agents declare, by name. Agents that share one and disagree are a problem. */
export function declaredRates(
  agents: Iterable<AgentDefinition>,
  problems: string[],
): ReadonlyMap<string, DeclaredRate> {
  const declared = new Map<string, DeclaredRate>();
  for (const { id, rate } of agents) {
    if (rate === undefined) continue;
    const { name, settings } = rate;
    const known = declared.get(name);
    // Plain data, whose fields are always written in the same order.
    if (known !== undefined && JSON.stringify(known.settings) !== JSON.stringify(settings)) {
      problems.push(
        `The agents ${known.agents.join(", ")} and ${id} share the rate "${name}", with different settings.`,
      );
    } else declared.set(name, { settings, agents: [...(known?.agents ?? []), id] });
  }
  return declared;
}
