/** The plan on Baton: without a breaker, with one that runs wait for, and with one that a fallback stands in for. */
import { type Baton, memory, open, type StoreFactory } from "baton";
import { VIRTUAL_START_MS, type VirtualClock, virtualClock } from "baton/testing";
import { seededRandom } from "../../examples/credit-decision/random.ts";
import { slowStore } from "../virtual/slow-store.ts";
import { type Bureau, openBureau, type VirtualTime } from "./bureau.ts";
import type { Ended, VariantResult } from "./outcome.ts";
import type { Fate, Plan } from "./plan.ts";
import { decisionSchema, labWorkflow, type Policy } from "./workflow.ts";

export interface OnBaton extends VariantResult {
  /** What `verify` found wrong; must be nothing. */
  readonly problems: number;
  readonly entries: number;
  /** Runs whose journal does not say the same of the fallback as the lab saw; must be none. */
  readonly unmarked: number;
}

interface Lab {
  readonly clock: VirtualClock;
  readonly time: VirtualTime;
  readonly bureau: Bureau;
  readonly fates: ReadonlyMap<string, Fate>;
  readonly ended: Map<string, Ended>;
  writes: number;
}

/** Runs the plan on Baton, in memory: nothing is restarted here. */
export async function runOnBaton(plan: Plan, policy: Policy): Promise<OnBaton> {
  const clock = virtualClock();
  const time: VirtualTime = {
    now: () => clock.now() - VIRTUAL_START_MS,
    pass: (ms) => new Promise((resolve) => clock.after(ms, resolve)),
  };
  const bureau = openBureau(plan.parameters, time);
  const fates = new Map(plan.fates.map((fate) => [fate.id, fate]));
  const lab: Lab = { clock, time, bureau, fates, ended: new Map(), writes: 0 };
  const fateOf = (run: string): Fate => {
    const fate = fates.get(run);
    if (fate === undefined) throw new Error(`The plan has no run ${run}.`);
    return fate;
  };
  const flow = labWorkflow({ fateOf, pull: (fate) => bureau.pull(fate) }, plan.parameters, policy);
  const baton = await clock.until(
    open({ store: counted(lab, plan), workflows: [flow], clock, ids: seededIds(plan.seed) }),
  );
  const all = plan.fates.map((fate) => deliver(lab, baton, flow, fate));
  await clock.until(Promise.all([...all, bureau.atRest()]));
  const said = await clock.until(read(lab, baton));
  await clock.until(baton.close({ graceMs: 0 }));
  const { calls, history } = bureau;
  return { ...said, ended: lab.ended, calls, history, writes: lab.writes };
}

/** A store that counts its commits, each as slow as one in (a). */
function counted(lab: Lab, { parameters }: Plan): StoreFactory {
  const store = memory({ now: () => lab.clock.now() });
  return async (mode) =>
    slowStore(await store(mode), lab.clock, () => {
      lab.writes += 1;
      return parameters.writeMs;
    });
}

/** Jitter that is the same each time. */
function seededIds(seed: number) {
  const random = seededRandom(seed);
  return { runId: () => "unused", random: () => random.whole(0, 999) / 1_000 };
}

async function deliver(
  lab: Lab,
  baton: Baton,
  flow: ReturnType<typeof labWorkflow>,
  { id, arrivesAtMs }: Fate,
): Promise<void> {
  await lab.time.pass(arrivesAtMs - lab.time.now());
  const run = await baton.start(flow, { id }, { id });
  const outcome = await run.outcome();
  const tookMs = lab.time.now() - arrivesAtMs;
  lab.ended.set(
    id,
    outcome.kind === "completed"
      ? { kind: "decided", ...decisionSchema.parse(outcome.output), tookMs }
      : { kind: "gaveUp", tookMs },
  );
}

/** What the journal says at the end. */
async function read(
  { ended }: Lab,
  baton: Baton,
): Promise<Pick<OnBaton, "opened" | "problems" | "entries" | "unmarked">> {
  let unmarked = 0;
  for (const [id, end] of ended) {
    const marked = (await baton.report(id)).steps.some(({ fallback }) => fallback !== undefined);
    if (marked !== (end.kind === "decided" && end.onFallback)) unmarked += 1;
  }
  const opened = (await baton.breakers())[0]?.openedCount ?? 0;
  const { problems, entries } = await baton.verify();
  return { opened, problems: problems.length, entries, unmarked };
}
