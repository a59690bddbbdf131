/**
 * (a) Retries alone, as a decent team writes them: a timeout on each call, pauses that double and are spread at random, a
 * limit of calls under way at a time for all runs together, and an end after some attempts: then the run is a dead letter.
 * A pause holds no place, so that others are served meanwhile.
 */
import { virtualOrder, type VirtualOrder } from "../virtual/virtual-order.ts";
import { type Bureau, openBureau } from "./bureau.ts";
import type { Ended, VariantResult } from "./outcome.ts";
import { type Parameters, SCORE_NEEDED } from "./parameters.ts";
import type { Fate, Plan } from "./plan.ts";

interface Lab {
  readonly time: VirtualOrder;
  readonly parameters: Parameters;
  readonly bureau: Bureau;
  readonly places: Places;
  readonly ended: Map<string, Ended>;
  writes: number;
}

/** Runs the plan without Baton. */
export async function runWithRetries({ fates, parameters }: Plan): Promise<VariantResult> {
  const time = virtualOrder();
  const bureau = openBureau(parameters, time);
  const places = placesFor(parameters.callsAtOnce);
  const lab: Lab = { time, parameters, bureau, places, ended: new Map(), writes: 0 };
  for (const fate of fates) void handle(lab, fate);
  void bureau.atRest();
  await time.run();
  const { calls, history } = bureau;
  return { ended: lab.ended, calls, history, writes: lab.writes, opened: 0 };
}

async function handle(lab: Lab, fate: Fate): Promise<void> {
  const { time, parameters, ended } = lab;
  await time.pass(fate.arrivesAtMs);
  const score = await scoreOf(lab, fate);
  await time.pass(parameters.writeMs);
  lab.writes += 1;
  const tookMs = time.now() - fate.arrivesAtMs;
  ended.set(
    fate.id,
    score === undefined
      ? { kind: "gaveUp", tookMs }
      : { kind: "decided", approved: score >= SCORE_NEEDED, onFallback: false, tookMs },
  );
}

/** The score, or nothing when the last attempt has failed. */
async function scoreOf(lab: Lab, fate: Fate): Promise<number | undefined> {
  const { time, parameters, bureau, places } = lab;
  const { attempts, firstPauseMs, longestPauseMs, timeoutMs } = parameters;
  for (let attempt = 1; ; attempt += 1) {
    await places.take();
    try {
      return await withTimeout(time, timeoutMs, bureau.pull(fate));
    } catch {
      if (attempt >= attempts) return undefined;
    } finally {
      places.leave();
    }
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 1));
    await time.pass(Math.round(pauseMs * (1 - 0.5 * (fate.jitters[attempt - 1] ?? 0))));
  }
}

/** What `call` gives, or an error after `ms`. The call itself goes on: the bureau doesn't know that nobody waits any more. */
async function withTimeout<X>(time: VirtualOrder, ms: number, call: Promise<X>): Promise<X> {
  const late = time.pass(ms).then(() => Promise.reject(new Error("The bureau did not answer.")));
  return await Promise.race([call, late]);
}

interface Places {
  take(): Promise<void>;
  leave(): void;
}

/** So many places; first come, first served. */
function placesFor(count: number): Places {
  let free = count;
  const queue: (() => void)[] = [];
  return {
    take: async () => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => queue.push(resolve));
    },
    leave: () => {
      const next = queue.shift();
      if (next === undefined) free += 1;
      else next();
    },
  };
}
