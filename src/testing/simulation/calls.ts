/** Calls of agents in a simulated life: on virtual time, failing as scheduled, and watched for what was promised of them. */
import type { AgentContext, AgentDefinition } from "../../model/agent-definition.ts";
import type { Json } from "../../model/json.ts";
import { type Begun, watchCall } from "./call-watch.ts";
import { chanceAt, wholeAt } from "./chance.ts";
import type { CallAround, Executing, Probing, Undoing } from "./fakes.ts";
import type { Owner } from "./scheduler.ts";
import type { Plan, World } from "./world.ts";

/** What every call goes through. `world` gives the life that is being lived. */
export function callsIn(world: () => World, count: () => void): CallAround {
  return {
    execute: (call) => {
      count();
      return executeIn(world(), call);
    },
    probe: (call) => {
      count();
      return probeIn(world(), call);
    },
    compensate: (call) => {
      count();
      return compensateIn(world(), call);
    },
  };
}

function executeIn(here: World, { agent, input, latencyMs, context, execute }: Executing): unknown {
  const { time, plan, outside } = here;
  const { seed, schedule } = plan;
  const { run, path, turn, attempt } = context;
  const deed = { run, path, turn, agent: agent.id };
  const place = placeOf(plan, { run, path, turn, input });
  const owner = time.running();
  const begun = watchCall(here, owner, { agent, input }, { kind: "execute", ...deed, attempt });
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
      if (!withdrawn) outside.execute(key, deed, attempt);
    });
  }
  const stopBeating = beat(here, owner, agent, {
    context,
    silent: endsMs > (agent.timeoutMs ?? endsMs),
  });
  return new Promise<unknown>((resolve, reject) => {
    time.after(owner, endsMs, () => {
      begun.end();
      stopBeating();
      if (withdrawn) return;
      if (fails) return reject(new Error("The agent failed, says the simulation."));
      real(here, owner, () => execute(seen)).then(resolve, reject);
    });
    context.signal.addEventListener("abort", () => {
      begun.end();
      stopBeating();
      // Some agents heed their signal, some don't.
      if (chanceAt(seed, "heeds", place) < 0.5) return;
      withdrawn = true;
      reject(new Error("The agent was aborted."));
    });
  });
}

/** A place as chance knows it: the same in both lives of a seed. */
function placeOf(
  { nameOf, tagOf }: Plan,
  call: {
    readonly run: string;
    readonly path: string;
    readonly turn: number;
    readonly input: Json;
  },
): string {
  const { run, path, turn, input } = call;
  return `${nameOf(run)} ${nameOf(path)} ${turn}${tagOf(input)}`;
}

/** An agent with a heartbeat speaks as often as it should, twice in the time; one that hangs says nothing. */
function beat(
  { time }: World,
  owner: Owner,
  { heartbeatMs }: AgentDefinition,
  { context, silent }: { readonly context: AgentContext; readonly silent: boolean },
): () => void {
  if (heartbeatMs === undefined || silent) return () => {};
  let spoken = 0;
  let stopped = false;
  const speak = () => {
    if (stopped) return;
    context.heartbeat((spoken += 1));
    time.after(owner, Math.ceil(heartbeatMs / 2), speak);
  };
  time.after(owner, Math.ceil(heartbeatMs / 2), speak);
  return () => {
    stopped = true;
  };
}

/** An honest probe: what is not done by now never will be. At times it fails, or nobody can tell. */
function probeIn(here: World, { agent, input, context, answer }: Probing): unknown {
  const { time, plan, outside } = here;
  const { run, path, turn, attempt, idempotencyKey } = context;
  const deed = { run, path, turn, agent: agent.id };
  const owner = time.running();
  const begun = watchCall(here, owner, { agent, input }, { kind: "probe", ...deed, attempt });
  const asked = outside.calls.filter(
    (call) => call.kind === "probe" && call.run === run && call.path === path,
  ).length;
  const place = `${placeOf(plan, { run, path, turn, input })} ${attempt} probe ${asked}`;
  const fails = plan.schedule.strikes("agentFailure", place);
  const isTold = chanceAt(plan.seed, "told", place) < 0.9;
  return new Promise<unknown>((resolve, reject) => {
    time.after(owner, tookMs(here, agent.timeoutMs, LATENCY_MS, place), () => {
      begun.end();
      if (fails) return reject(new Error("Nobody answers, says the simulation."));
      if (!isTold) return resolve({ kind: "unknown" });
      if (outside.ask(idempotencyKey, deed, attempt) === "notDone")
        return resolve({ kind: "notDone" });
      real(here, owner, answer).then((output) => resolve({ kind: "done", output }), reject);
    });
    context.signal.addEventListener("abort", () => begun.end());
  });
}

function compensateIn(here: World, { agent, input, context, compensate }: Undoing): unknown {
  const { time, plan, outside } = here;
  const { schedule } = plan;
  const { run, path, turn, attempt, executionKey } = context;
  const deed = { run, path, turn, agent: agent.id };
  const place = `${placeOf(plan, { run, path, turn, input })} undo ${attempt}`;
  const owner = time.running();
  const begun = watchCall(here, owner, { agent, input }, { kind: "compensate", ...deed, attempt });
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
