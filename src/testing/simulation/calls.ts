/** Calls of agents in a simulated life: on virtual time, failing as scheduled, and watched for what was promised of them. */
import type { AgentContext } from "../../model/agent-definition.ts";
import { chanceAt, wholeAt } from "./chance.ts";
import type { CallAround } from "./fakes.ts";
import type { SimulatedProcess } from "./process.ts";
import type { World } from "./world.ts";

/** What every call goes through. `world` gives the life that is being lived. */
export function callsIn(world: () => World, count: () => void): CallAround {
  return ({ agent, latencyMs, context, execute }) => {
    count();
    const here = world();
    const { time, plan, disk } = here;
    const { seed, schedule } = plan;
    const { run, path, turn, attempt } = context;
    const place = `${run} ${path} ${turn}`;
    const owner = time.running();
    const process = here.processes.find((each) => each === owner);
    watch(here, process, place, `${place} was executed again after its result was committed.`);
    const fails = schedule.strikes("agentFailure", `${place} ${attempt}`);
    const hangs =
      agent.timeoutMs !== undefined && schedule.strikes("agentHang", `${place} ${attempt}`);
    const tookMs = Math.min(
      wholeAt(seed, ...latencyMs, "latency", place, attempt),
      // A place is given back when an agent really ends: one that never did would hold up those behind it for good.
      agent.timeoutMs === undefined ? Number.POSITIVE_INFINITY : Math.ceil(agent.timeoutMs / 2),
    );
    const endsMs = hangs && agent.timeoutMs !== undefined ? agent.timeoutMs + 1_000 : tookMs;
    const seen = watched(here, process, context, place);
    return new Promise<unknown>((resolve, reject) => {
      time.after(owner, endsMs, () => {
        if (fails) return reject(new Error("The agent failed, says the simulation."));
        here.outside += 1;
        const given = Promise.resolve().then(() => execute(seen));
        given
          .finally(() => {
            here.outside -= 1;
          })
          .then(resolve, reject);
      });
      // Some agents heed their signal, some don't.
      if (chanceAt(seed, "heeds", place) < 0.5) return;
      context.signal.addEventListener("abort", () => reject(new Error("The agent was aborted.")));
    });
    function watched(
      inside: World,
      by: SimulatedProcess | undefined,
      real: AgentContext,
      where: string,
    ): AgentContext {
      const once: AgentContext["once"] = (name, effect) =>
        real.once(name, () => {
          const what = `${where} once ${JSON.stringify(name)}`;
          watch(inside, by, what, `${what} was repeated after it was recorded.`);
          return effect();
        });
      // It has all that the real one has, but for `once`.
      return Object.create(real, { once: { value: once } }) as AgentContext;
    }
    function watch(
      inside: World,
      by: SimulatedProcess | undefined,
      what: string,
      message: string,
    ): void {
      // A process that has lost its lease can't know yet what its successor did.
      const knows = by !== undefined && by.epoch === disk.observed.epoch;
      if (knows && disk.observed.results.has(what)) inside.problems.push(message);
    }
  };
}
