/**
 * The downstream: a credit bureau that gets slow, falls over under load, and recovers when it is left alone.
 *
 * | from | when | to |
 * |---|---|---|
 * | well | the incident begins | slow, or refusing |
 * | slow, refusing | the incident is over | well |
 * | well, slow, cold | more calls wait than it has memory for, or it is killed | down: all calls in it are lost |
 * | down | it has restarted | cold |
 * | cold | half its workers were idle for long enough to load its cache | well |
 *
 * Like most servers it doesn't notice that a caller has gone: a call that timed out is worked on all the same, and whoever
 * calls again comes on top of that. That is how an incident of seconds becomes an outage of minutes.
 */
import type { Incident, Parameters } from "./parameters.ts";
import type { Fate } from "./plan.ts";

/** Time as all variants know it, from the beginning of the lab. */
export interface VirtualTime {
  now(): number;
  pass(ms: number): Promise<void>;
}

export type Health = "well" | "slow" | "refusing" | "down" | "cold";

/** One call that reached the bureau. */
export interface Call {
  readonly atMs: number;
  /** When it was answered, refused or lost; undefined while it is in the bureau. */
  endedAtMs?: number;
  end?: "answered" | "refused" | "lost";
}

export interface Bureau {
  /** The score of a customer. @throws Error if the connection is refused, or lost because the bureau fell over */
  pull(fate: Fate): Promise<number>;
  readonly calls: readonly Call[];
  /** How it was, from when on. */
  readonly history: readonly { readonly atMs: number; readonly health: Health }[];
  /** Resolves when the incident is over and the bureau is well, with nothing under way. */
  atRest(): Promise<void>;
}

/** How often a cold bureau looks whether it can go on loading its cache, and `atRest` whether it is. */
const TICK_MS = 250;

interface Waiting {
  readonly call: Call;
  readonly workMs: number;
  readonly give: (error: Error | undefined) => void;
}

interface State {
  readonly parameters: Parameters;
  readonly time: VirtualTime;
  readonly calls: Call[];
  readonly history: { readonly atMs: number; readonly health: Health }[];
  health: Health;
  /** Counts its lives: what was under way in an earlier one is lost. */
  life: number;
  busy: Set<Waiting>;
  waiting: Waiting[];
}

/** A bureau that begins well, and meets the incident of the parameters. */
export function openBureau(parameters: Parameters, time: VirtualTime): Bureau {
  const state: State = {
    ...{ parameters, time, calls: [], history: [{ atMs: 0, health: "well" }] },
    ...{ health: "well", life: 1, busy: new Set(), waiting: [] },
  };
  const { startMs, lengthMs } = parameters.incident;
  void meet(state, parameters.incident);
  return {
    pull: (fate) => take(state, fate),
    calls: state.calls,
    history: state.history,
    atRest: async () => {
      const over = startMs + lengthMs;
      if (time.now() < over) await time.pass(over - time.now() + 1);
      while (state.health !== "well" || state.busy.size > 0) await time.pass(TICK_MS);
    },
  };
}

async function meet(state: State, { kind, startMs, lengthMs }: Incident): Promise<void> {
  const during = kind === "slow" ? "slow" : "refusing";
  await state.time.pass(startMs);
  if (kind === "killed") return await fallOver(state);
  become(state, during);
  await state.time.pass(lengthMs);
  if (state.health === during) become(state, "well");
}

function become(state: State, health: Health): void {
  state.health = health;
  state.history.push({ atMs: state.time.now(), health });
}

function take(state: State, { workMs, score }: Fate): Promise<number> {
  const call: Call = { atMs: state.time.now() };
  state.calls.push(call);
  return new Promise((resolve, reject) => {
    const give = (error: Error | undefined) =>
      error === undefined ? resolve(score) : reject(error);
    const waiting = { call, workMs, give };
    if (state.health === "refusing" || state.health === "down") return refuse(state, waiting);
    if (state.busy.size < state.parameters.workers) return void work(state, waiting);
    state.waiting.push(waiting);
    if (state.waiting.length > state.parameters.queueMax) void fallOver(state);
  });
}

function end(state: State, { call, give }: Waiting, how: Required<Call>["end"]): void {
  call.endedAtMs = state.time.now();
  call.end = how;
  if (how === "answered") give(undefined);
  else give(new Error(how === "refused" ? "connect ECONNREFUSED" : "read ECONNRESET"));
}

function refuse(state: State, waiting: Waiting): void {
  end(state, waiting, "refused");
}

/** How many times as long a report takes now. */
function factor({ health, parameters, time }: State): number {
  const { incident, coldFactor } = parameters;
  const { kind, startMs, lengthMs } = incident;
  const isSlow = kind === "slow" && time.now() >= startMs && time.now() < startMs + lengthMs;
  return Math.max(isSlow ? incident.factor : 1, health === "cold" ? coldFactor : 1);
}

async function work(state: State, first: Waiting): Promise<void> {
  const { life } = state;
  for (let next: Waiting | undefined = first; next !== undefined; next = state.waiting.shift()) {
    state.busy.add(next);
    await state.time.pass(Math.round(next.workMs * factor(state)));
    if (life !== state.life) return;
    state.busy.delete(next);
    end(state, next, "answered");
  }
}

async function fallOver(state: State): Promise<void> {
  const lost = [...state.busy, ...state.waiting];
  state.life += 1;
  state.busy = new Set();
  state.waiting = [];
  become(state, "down");
  for (const each of lost) end(state, each, "lost");
  await state.time.pass(state.parameters.restartMs);
  become(state, "cold");
  await warmUp(state, state.life);
}

async function warmUp(state: State, life: number): Promise<void> {
  const { warmUpMs, workers } = state.parameters;
  let idleMs = 0;
  while (idleMs < warmUpMs) {
    await state.time.pass(TICK_MS);
    if (life !== state.life) return;
    if (state.busy.size <= workers / 2) idleMs += TICK_MS;
  }
  const { startMs, lengthMs } = state.parameters.incident;
  const nowMs = state.time.now();
  become(state, nowMs >= startMs && nowMs < startMs + lengthMs ? "slow" : "well");
  if (state.health === "slow") {
    await state.time.pass(startMs + lengthMs - nowMs);
    if (life === state.life) become(state, "well");
  }
}
