/** Calls of agents in a simulated life: on virtual time, failing as scheduled, and watched for what was promised of them. */
import type { AgentContext, AgentDefinition } from "../../model/agent-definition.ts";
import { type Begun, watchCall } from "./call-watch.ts";
import { chanceAt, wholeAt } from "./chance.ts";
import type { CallAround, Executing, Undoing } from "./fakes.ts";
import type { Owner } from "./scheduler.ts";
import type { World } from "./world.ts";

/** What every call goes through. `world` gives the life that is being lived. */
export function callsIn(world: () => World, count: () => void): CallAround {
  return {
    execute: (call) => {
      count();
      return executeIn(world(), call);
    },
    compensate: (call) => {
      count();
      return compensateIn(world(), call);
    },
  };
}

function executeIn(here: World, { agent, latencyMs, context, execute }: Executing): unknown {
  const { time, plan, outside } = here;
  const { seed, schedule } = plan;
  const { run, path, turn, attempt } = context;
  const deed = { run, path, turn, agent: agent.id };
  const place = `${run} ${path} ${turn}`;
  const owner = time.running();
  const begun = watchCall(here, owner, agent, { kind: "execute", ...deed });
  const fails = schedule.strikes("agentFailure", `${place} ${attempt}`);
  const endsMs = tookMs(here, agent.timeoutMs, latencyMs, `${place} ${attempt}`);
  const seen = watched(begun, context);
  let withdrawn = false;
  const isKept = agent.compensate !== undefined || agent.delivery === "at-most-once";
  if (isKept && !fails) {
    const key = context.idempotencyKey;
    // A request that was sent may arrive though its sender has died.
    const sender = chanceAt(seed, "sent", place, attempt) < 0.5 ? here.owner : owner;
    time.after(sender, wholeAt(seed, 0, endsMs, "acts", place, attempt), () => {
      if (!withdrawn) outside.execute(key, deed);
    });
  }
  return new Promise<unknown>((resolve, reject) => {
    time.after(owner, endsMs, () => {
      begun.end();
      if (withdrawn) return;
      if (fails) return reject(new Error("The agent failed, says the simulation."));
      real(here, owner, () => execute(seen)).then(resolve, reject);
    });
    context.signal.addEventListener("abort", () => {
      begun.end();
      // Some agents heed their signal, some don't.
      if (chanceAt(seed, "heeds", place) < 0.5) return;
      withdrawn = true;
      reject(new Error("The agent was aborted."));
    });
  });
}

function compensateIn(here: World, { agent, context, compensate }: Undoing): unknown {
  const { time, plan, outside } = here;
  const { schedule } = plan;
  const { run, path, turn, attempt, executionKey } = context;
  const deed = { run, path, turn, agent: agent.id };
  const place = `${run} ${path} ${turn} undo ${attempt}`;
  const owner = time.running();
  const begun = watchCall(here, owner, agent, { kind: "compensate", ...deed });
  const fails = schedule.strikes("compensationFailure", place);
  const endsMs = tookMs(here, timeoutOf(agent), LATENCY_MS, place);
  return new Promise<unknown>((resolve, reject) => {
    time.after(owner, endsMs, () => {
      begun.end();
      if (fails) return reject(new Error("It can't be undone, says the simulation."));
      outside.undo(executionKey, deed);
      real(here, owner, () => compensate()).then(resolve, reject);
    });
    context.signal.addEventListener("abort", () => begun.end());
  });
}

const LATENCY_MS = [1, 1_000] as const;

function timeoutOf(agent: AgentDefinition): number | undefined {
  return agent.compensation?.timeoutMs ?? agent.timeoutMs;
}

/** How long a call takes: as scheduled longer than it has, else half of that at most. */
function tookMs(
  { plan }: World,
  timeoutMs: number | undefined,
  latencyMs: readonly [number, number],
  place: string,
): number {
  const { seed, schedule } = plan;
  const drawnMs = wholeAt(seed, ...latencyMs, "latency", place);
  if (timeoutMs === undefined) return drawnMs;
  // A place is given back when an agent really ends: one that never did would hold up those behind it for good.
  if (schedule.strikes("agentHang", place)) return timeoutMs + 1_000;
  return Math.min(drawnMs, Math.ceil(timeoutMs / 2));
}

/** Does what the agent itself does, which may really wait for something. A process that has died waits no more. */
function real(here: World, owner: Owner, act: () => unknown): Promise<unknown> {
  const waiting = { owner };
  here.waiting.add(waiting);
  const given = Promise.resolve().then(act);
  return given.finally(() => here.waiting.delete(waiting));
}

function watched(begun: Begun, context: AgentContext): AgentContext {
  const once: AgentContext["once"] = (name, effect) =>
    context.once(name, () => {
      begun.effect(name);
      return effect();
    });
  // It has all that the real one has, but for `once`.
  return Object.create(context, { once: { value: once } }) as AgentContext;
}
