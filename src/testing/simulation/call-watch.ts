/**
 * What must hold at the moment at which an agent is called. A process that has lost its lease can't know yet what its
 * successor did, and is not asked.
 *
 * W1. Nothing is executed whose result was committed, and nothing undone that was recorded as undone.
 * W2. Nothing is executed in a run that goes back, and nothing undone in one that doesn't.
 * W3. No call passes a breaker that is open, and while it is half-open no more than its probes are under way.
 */
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type { BreakerPolicy } from "../../model/breaker.ts";
import type { Json } from "../../model/json.ts";
import type { BreakerSeen } from "./disk.ts";
import type { SeenCall } from "./outside.ts";
import type { Owner } from "./scheduler.ts";
import type { World } from "./world.ts";

/** A call that was let through by a breaker. */
export interface Passed {
  readonly breaker: string;
  readonly owner: Owner;
  readonly begunMs: number;
  /** How many transitions the breaker had had. */
  readonly period: number;
}

/** A call that has begun. */
export interface Begun {
  /** An effect of it is about to happen. */
  readonly effect: (name: string) => void;
  /** It is not under way any more. */
  readonly end: () => void;
}

const NEVER_OPENED: BreakerSeen = { last: "breaker.closed", at: 0, period: 0 };
const IGNORED: Begun = { effect: () => {}, end: () => {} };

export function watchCall(
  world: World,
  owner: Owner,
  { agent, input }: { readonly agent: AgentDefinition; readonly input: Json },
  call: Pick<SeenCall, "kind" | "run" | "path" | "turn" | "attempt" | "agent">,
): Begun {
  const { disk, processes, problems, outside } = world;
  const { observed } = disk;
  const process = processes.find((each) => each === owner);
  const knows = () => process !== undefined && process.epoch === observed.epoch;
  if (!knows()) return IGNORED;
  const { run, path, turn, kind } = call;
  const place = `${run} ${path} ${turn}`;
  const budgets = new Set(agent.budgets?.map(({ name }) => name));
  // What was set aside for the agent itself is not for the fallback that is called in its place.
  const reserved = (observed.reservations.get(`${place} ${call.attempt}`) ?? []).filter(
    ({ budget }) => budgets.has(budget),
  );
  outside.calls.push({
    ...call,
    atSeq: observed.seqs.get(run) ?? -1,
    elapsedMs: world.time.elapsedMs(),
    wallMs: world.wallMs(),
    reserved,
    unreserved: [...budgets].filter((name) => reserved.every(({ budget }) => budget !== name)),
    // One that is announced was let through before that: it counts from then on.
    ...(observed.announced.has(`${place} ${call.attempt}`) ? {} : rateOf(agent, input)),
  });
  const isAnnounced = observed.intents.has(place);
  const goesBack = observed.goingBack.has(run);
  if (kind === "execute") {
    if (observed.results.has(place))
      problems.push(`${place} was executed again after its result was committed.`);
    if (goesBack) problems.push(`${place} was executed though its run goes back.`);
  } else if (kind === "compensate") {
    if (observed.results.has(`${place} undone`))
      problems.push(`${place} was compensated again after that was recorded.`);
    if (!goesBack) problems.push(`${place} was compensated though its run does not go back.`);
  }
  return {
    effect: (name) => {
      const what = `${place} once ${JSON.stringify(name)}`;
      if (knows() && observed.results.has(what))
        problems.push(`${what} was repeated after it was recorded.`);
    },
    end:
      agent.breaker === undefined
        ? IGNORED.end
        : passBreaker(world, owner, agent.breaker, { place, isAnnounced }),
  };
}

function rateOf({ rate }: AgentDefinition, input: Json): Pick<SeenCall, "rate"> {
  if (rate === undefined) return {};
  const { name, settings, key } = rate;
  return { rate: { ...settings, name, key: key?.(input) ?? "" } };
}

/** W3. Gives what ends the call. */
function passBreaker(
  { disk, passed, problems, wallMs }: World,
  owner: Owner,
  { name, settings }: BreakerPolicy,
  { place, isAnnounced }: { readonly place: string; readonly isAnnounced: boolean },
): () => void {
  // An attempt that is announced was let through before that, and nothing says when: other entries of its run may have been
  // under way, and the store may have taken its time with them.
  if (isAnnounced) return IGNORED.end;
  const { last, at, period } = disk.observed.breakers.get(name) ?? NEVER_OPENED;
  if (last === "breaker.opened")
    problems.push(`${place} was called though the breaker ${name} is open.`);
  const nowMs = wallMs();
  const { probes, cooldownMs } = settings;
  const ofPeriod = [...passed].filter((each) => each.breaker === name && each.period === period);
  const underWay = ofPeriod.filter(
    (each) => each.owner === owner && nowMs - each.begunMs < cooldownMs,
  ).length;
  // Several probes are given up together, those that began late as well: they may overlap with as many of the next round.
  if (last === "breaker.halfOpened" && underWay >= (probes === 1 ? 1 : 2 * probes))
    problems.push(`${place} was one probe of ${name} too many: ${underWay} were under way.`);
  // The first probe was let through with the transition, however long it took until that was in the journal;
  // a clock that was set back since is behind it.
  const isFirst = last === "breaker.halfOpened" && ofPeriod.length === 0;
  const begunMs = isFirst ? Math.min(at, nowMs) : nowMs;
  const mine: Passed = { breaker: name, owner, begunMs, period };
  passed.add(mine);
  return () => passed.delete(mine);
}
