/**
 * One life of a simulated system: processes that come and go over one store, clients that start runs and answer them, and
 * whatever the schedule wants to go wrong meanwhile. It ends when every run has ended, or nothing can go on.
 */
import { FINAL_KINDS } from "../../model/entry-kinds.ts";
import type { Entry } from "../../model/entry.ts";
import type { Limits } from "../../model/limits.ts";
import type { StoreFactory } from "../../ports/journal-store.ts";
import { VIRTUAL_START_MS } from "../virtual-clock.ts";
import { beginnings } from "./beginnings.ts";
import { clients } from "./clients.ts";
import { type Observed, simulatedDisk } from "./disk.ts";
import { boot, cutOff, die, moments } from "./processes.ts";
import { type Outside, outsideWorld } from "./outside.ts";
import type { Schedule } from "./schedule.ts";
import { type PlayedOut, scheduler } from "./scheduler.ts";
import type { Acknowledged, Plan, World } from "./world.ts";

/** What a life was, once it is over. */
export interface Life {
  readonly end: PlayedOut;
  readonly observed: Observed;
  readonly store: StoreFactory;
  readonly schedule: Schedule;
  readonly problems: readonly string[];
  readonly outside: Outside;
  readonly limits: Limits;
  /** By id, the events from outside that somebody was told of. */
  readonly published: ReadonlyMap<string, Acknowledged>;
  readonly elapsedMs: number;
}

/** Lives through a plan. `enter` is told the world before anything happens in it. */
export async function live(plan: Plan, enter: (world: World) => void): Promise<Life> {
  const { seed, schedule } = plan;
  const owner = { dead: false };
  const time = scheduler(seed, owner);
  const wallMs = () => Math.floor(VIRTUAL_START_MS + time.elapsedMs() + world.jumpedMs);
  const store = plan.store({ now: wallMs, soon: (run) => time.soon(owner, run) });
  const open = new Set<string>();
  const begun = beginnings(plan.workflows);
  const kept = (entry: Entry) => {
    begun.see(entry);
    if (!entry.stream.startsWith("run/")) return;
    if (FINAL_KINDS.has(entry.kind)) open.delete(entry.stream);
    else open.add(entry.stream);
    people.see(entry);
  };
  const world: World = {
    plan,
    time,
    owner,
    wallMs,
    problems: [],
    jumpedMs: 0,
    outside: outsideWorld(),
    waiting: new Set(),
    passed: new Set(),
    retries: new Map(),
    published: new Map(),
    current: undefined,
    processes: [],
    disk: simulatedDisk({
      seed,
      store,
      time,
      schedule,
      events: {
        die: (user) => die(world, user),
        cutOff: (user) => cutOff(world, user),
        kept,
      },
    }),
  };
  const people = clients(world);
  enter(world);
  boot(world, false);
  moments(world);
  people.come();
  const isCalm = () =>
    people.areDone() &&
    open.size === 0 &&
    begun.areDone() &&
    world.processes.filter(({ dead }) => !dead).length <= 1;
  const isOver = plan.isEventful ? calmFor(world, isCalm) : isCalm;
  const end = await time.play(isOver, () => isAwaited(world));
  for (const process of world.processes) process.dead = true;
  const { problems, disk, outside } = world;
  return {
    end,
    outside,
    limits: plan.limits,
    published: world.published,
    observed: disk.observed,
    store,
    schedule,
    problems,
    elapsedMs: time.elapsedMs(),
  };
}

const CALM_MS = 15_000;
/** Longer than the store, or the process, may be away; in pieces, so that what goes on in the background is played as well. */
const CALM_PIECES = 4;

/** Whether all has been calm for a while: an event may have been published that takes back what has ended. */
function calmFor({ time, owner }: World, isCalm: () => boolean): () => boolean {
  let rest: { pieces: number } | undefined;
  const begin = (): void => {
    const mine = { pieces: 0 };
    rest = mine;
    const next = (): void => {
      if (rest !== mine || (mine.pieces += 1) >= CALM_PIECES) return;
      time.after(owner, CALM_MS, next);
    };
    time.after(owner, CALM_MS, next);
  };
  return () => {
    if (!isCalm()) {
      rest = undefined;
      return false;
    }
    if (rest === undefined) begin();
    return rest !== undefined && rest.pieces >= CALM_PIECES;
  };
}

/** Whether somebody who lives waits for something real. */
function isAwaited({ waiting }: World): boolean {
  for (const { owner } of waiting) if (!owner.dead) return true;
  return false;
}
