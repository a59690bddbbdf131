/** How busy the engine is: counted when somebody asks, so that nothing is paid for it otherwise. */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type { AgentPressure, PressureSnapshot } from "../../model/pressure.ts";
import type { Core } from "./core.ts";
import { queued } from "./overload.ts";

export function pressure(core: Core): PressureSnapshot {
  const { concurrentRunsMax, queuedRunsMax } = core.limits;
  return Object.freeze({
    runs: Object.freeze({
      executing: core.placesTaken,
      queued: queued(core),
      concurrentRunsMax,
      queuedRunsMax,
    }),
    agents: agentsOf(core),
    rates: core.rates.snapshots(),
  });
}

function agentsOf(core: Core): readonly AgentPressure[] {
  const wanted = new Map<string, { readonly agent: AgentDefinition; count: number }>();
  for (const agent of core.catalogue.agents.values()) wanted.set(agent.id, { agent, count: 0 });
  for (const { attempts } of core.actors.values()) {
    for (const { agent } of attempts.values()) {
      const known = wanted.get(agent.id);
      if (known === undefined) wanted.set(agent.id, { agent, count: 1 });
      else known.count += 1;
    }
  }
  const atRates = core.rates.waiting();
  const found: AgentPressure[] = [];
  for (const { agent, count } of wanted.values()) {
    const { id, concurrency, queue, retry } = agent;
    if (count === 0 && concurrency === undefined && retry.budget === undefined) continue;
    const places = core.agentPlaces.of(agent);
    found.push(
      Object.freeze({
        agent: id,
        executing: places?.taken ?? count - (atRates.get(id) ?? 0),
        waiting: places?.waiting ?? 0,
        ...(concurrency === undefined ? {} : { concurrency }),
        ...(queue === undefined ? {} : { queue }),
        ...(retry.budget === undefined
          ? {}
          : { retriesLeft: core.retryBudgets.left(agent, retry.budget) }),
      }),
    );
  }
  return found;
}
