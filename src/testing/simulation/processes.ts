/**
 * The processes of a simulated life: how they begin and end.
 *
 * P1. Clients reach one process at most. P2. Beside it there may be a standby, or one that was cut off and has lost its lease.
 */
import { wholeAt } from "./chance.ts";
import type { StoreUser } from "./disk.ts";
import { newProcess, openIn, type SimulatedProcess } from "./process.ts";
import type { World } from "./world.ts";

const DOWN_MS = [0, 4_000] as const;
const CUT_MS = [500, 30_000] as const;
/** How long a process that has lost its lease goes on. */
const AFTERLIFE_MS = 6_000;
const JUMP_MS = 3_600_000;
/** Moments at which something may happen between appends. */
const MOMENTS = 3;
const MOMENTS_WITHIN_MS = 12_000;

/** A process begins; as a standby, it waits for the lease. */
export function boot(world: World, standby: boolean): SimulatedProcess {
  const { time, disk, plan, processes } = world;
  const process = newProcess(`process-${processes.length + 1}`, standby);
  processes.push(process);
  openIn(process, {
    seed: plan.seed,
    store: disk.storeFor(process),
    clock: time.clockOf(process, world.wallMs),
    workflows: plan.workflows,
    topics: plan.events.map(({ topic }) => topic),
    limits: plan.limits,
    log: ({ message, data }) => {
      if (data?.["code"] === "INVARIANT_BROKEN") world.problems.push(message);
    },
  }).then(
    (baton) => {
      if (process.dead) return;
      process.baton = baton;
      // One that was cut off while it opened may be there only when another has taken over from it.
      if ((world.current?.epoch ?? 0) < process.epoch) world.current = process;
    },
    () => die(world, process),
  );
  return process;
}

/** The process of a store's user dies. If it was the last one, another is started after a while. */
export function die(world: World, user: StoreUser): void {
  const { time, owner, processes, plan } = world;
  const process = processes.find((each) => each === user);
  if (process === undefined || process.dead) return;
  process.dead = true;
  process.tellGone(new Error("The process has died."));
  if (world.current === process) world.current = undefined;
  const downMs = wholeAt(plan.seed, ...DOWN_MS, "down", processes.length);
  const again = () => {
    if (processes.every(({ dead }) => dead)) boot(world, false);
  };
  // What it had sent to the store is kept still.
  void process.store?.close();
  time.after(owner, downMs, again);
}

/** A process is cut off from its store for a while, and a standby is started that takes over if that is long enough. */
export function cutOff(world: World, user: StoreUser): void {
  const { time, owner, processes, plan } = world;
  if (user.cut !== undefined || processes.some((each) => !each.dead && each !== user)) return;
  const cutMs = wholeAt(plan.seed, ...CUT_MS, "cut", processes.length);
  user.cut = new Promise<void>((resolve) => {
    time.after(owner, cutMs, () => {
      user.cut = undefined;
      resolve();
      if (standby.epoch === 0) die(world, standby);
      else time.after(owner, AFTERLIFE_MS, () => die(world, user));
    });
  });
  const standby = boot(world, true);
}

/** What the schedule wants to happen at some moment. */
export function moments(world: World): void {
  const { time, owner, plan } = world;
  const { seed, schedule } = plan;
  const at = (kind: "crash" | "restart" | "clockJump", act: (n: number) => void) => {
    for (let n = 1; n <= MOMENTS; n += 1) {
      if (!schedule.strikes(kind, `moment ${n}`)) continue;
      time.after(owner, wholeAt(seed, 1, MOMENTS_WITHIN_MS, kind, n), () => act(n));
    }
  };
  at("crash", () => {
    if (world.current !== undefined) die(world, world.current);
  });
  at("restart", () => restart(world));
  at("clockJump", (n) => {
    world.jumpedMs += wholeAt(seed, -JUMP_MS, JUMP_MS, "jump", n);
  });
}

/** A process goes down in good order, for a release say. */
function restart(world: World): void {
  const process = world.current;
  if (process?.baton === undefined || process.cut !== undefined) return;
  world.current = undefined;
  const down = () => die(world, process);
  process.baton.close({ graceMs: 1_000 }).then(down, down);
}
