/**
 * (c) The plan on Baton. The same arrivals, work, failures of the bureau, lost answers and second deliveries; each append
 * takes as long as a write in (a). There is no cache whose invalidation could fail. Instead the process is killed some times in
 * the middle of the work, and another one opens the store.
 */
import { type Baton, type Lineage, open, type StoreFactory } from "baton";
import {
  countedIds,
  type Fault,
  faultyStore,
  VIRTUAL_START_MS,
  type VirtualClock,
  virtualClock,
} from "baton/testing";
import { z } from "zod";
import { approvalSchema } from "../../examples/credit-decision/approval.ts";
import { riskReportSchema } from "../../examples/credit-decision/risk.ts";
import { slowStore, type Streams } from "../virtual/slow-store.ts";
import type { Decided, VariantResult } from "./outcome.ts";
import type { Fate, Plan } from "./plan.ts";
import { DELIVERED_AGAIN_MS } from "./shared-row.ts";
import { labWorkflow } from "./workflow.ts";

export interface OnBaton extends VariantResult {
  /** How the decision of the told application came to be. */
  readonly lineage?: Lineage;
  /** What `verify` found wrong; must be nothing. */
  readonly problems: number;
  readonly entries: number;
  /** Processes in all: one more than there were kills. */
  readonly processes: number;
  /** Answers of the store that were lost after it had committed. */
  readonly answersLost: number;
}

/** How long it takes until a killed process is there again. */
const RESTART_MS = 500;

interface Lab {
  readonly plan: Plan;
  readonly fates: ReadonlyMap<string, Fate>;
  readonly tookMs: Map<string, number>;
  appends: number;
  readonly answersLost: Set<string>;
}

/** Runs the plan on Baton, over a store that is new. `bytes` gives its size at the end. */
export async function runOnBaton(
  plan: Plan,
  store: StoreFactory,
  bytes: () => number,
  told?: string,
): Promise<OnBaton> {
  const lab: Lab = {
    plan,
    fates: new Map(plan.fates.map((fate) => [fate.application.id, fate])),
    tookMs: new Map(),
    appends: 0,
    answersLost: new Set(),
  };
  let processes = 0;
  let nowMs = VIRTUAL_START_MS;
  while (lab.tookMs.size < plan.fates.length) {
    const clock = virtualClock(nowMs);
    processes += 1;
    await live(lab, store, clock, processes);
    nowMs = clock.now() + RESTART_MS;
  }
  const said = await read(lab, store, told);
  return { ...said, bytes: bytes(), writes: lab.appends, processes, updatesLost: 0 };
}

/** One process, until all is decided or it is killed. */
async function live(lab: Lab, store: StoreFactory, clock: VirtualClock, no: number): Promise<void> {
  // Opened before virtual time begins: it waits for the disk, which virtual time would not wait for.
  const opened = await store({ readOnly: false, now: () => clock.now() });
  // Each append takes as long as the plan's write of that application takes in the other variants.
  const writeMs = (streams: Streams) => lab.fates.get(runOf(streams))?.writeMs ?? 0;
  const slowed: StoreFactory = () => Promise.resolve(slowStore(opened, clock, writeMs));
  const faulty = faultyStore(slowed, (_, { streams }) => fault(lab, streams));
  const flow = labWorkflow(clock, (run) => fateOf(lab, run));
  const work = async () => {
    const baton = await open({
      store: faulty.factory,
      workflows: [flow],
      clock,
      ids: countedIds(0, `process-${no}`),
    });
    const left = lab.plan.fates.filter(({ application }) => !lab.tookMs.has(application.id));
    await Promise.all(left.map((fate) => deliver(lab, clock, baton, flow, fate)));
    await baton.close({ graceMs: 0 });
  };
  await clock.until(Promise.race([work(), faulty.crashed]));
}

function fateOf(lab: Lab, run: string): Fate {
  const fate = lab.fates.get(run);
  if (fate === undefined) throw new Error(`The plan has no application ${run}.`);
  return fate;
}

/** An application is delivered until somebody says that it was taken; some are delivered twice all the same. */
async function deliver(
  lab: Lab,
  clock: VirtualClock,
  baton: Baton,
  flow: ReturnType<typeof labWorkflow>,
  fate: Fate,
): Promise<void> {
  const { application, arrivesAtMs } = fate;
  const { id } = application;
  const dueMs = VIRTUAL_START_MS + arrivesAtMs;
  const pass = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  await pass(Math.max(0, dueMs - clock.now()) + fate.messageMs);
  const run = await baton.startUntyped(flow, application, { id });
  const again = fate.deliveredTwice
    ? pass(DELIVERED_AGAIN_MS).then(() => baton.startUntyped(flow, application, { id }))
    : undefined;
  await Promise.all([run.outcome(), again]);
  lab.tookMs.set(id, clock.now() - dueMs);
}

function runOf(streams: Streams): string {
  return streams[0]?.stream.replace(/^run\//, "") ?? "";
}

const entrySchema = z.object({ kind: z.string(), path: z.string().optional() });

function fault(lab: Lab, streams: Streams): Fault {
  lab.appends += 1;
  if (lab.plan.killsAt.has(lab.appends)) {
    return lab.appends % 2 === 0 ? "crashBefore" : "crashAfter";
  }
  const [first] = streams;
  const run = runOf(streams);
  if (lab.fates.get(run)?.answerLost !== true || lab.answersLost.has(run)) return "commit";
  const isScore = first?.entries.some(({ text }) => {
    const { kind, path } = entrySchema.parse(JSON.parse(text));
    return kind === "step.sealed" && path === "score";
  });
  if (isScore !== true) return "commit";
  lab.answersLost.add(run);
  return "loseAnswer";
}

/** What the journals say at the end. */
async function read(
  lab: Lab,
  store: StoreFactory,
  told: string | undefined,
): Promise<Omit<OnBaton, "bytes" | "writes" | "processes" | "updatesLost">> {
  const baton = await open({ store, workflows: [], readOnly: true });
  try {
    const decided = new Map<string, Decided>();
    let alarms = 0;
    for (const { application } of lab.plan.fates) {
      const { id } = application;
      const { values } = await baton.state(id);
      const risk = riskReportSchema.safeParse(values["risk"]);
      const approval = approvalSchema.safeParse(values["approval"]);
      if (!approval.success) alarms += 1;
      decided.set(id, {
        ...(risk.success ? { grade: risk.data.grade, ratedOn: risk.data.basedOn.score } : {}),
        ...(approval.success ? { decision: approval.data.decision } : {}),
        tookMs: lab.tookMs.get(id) ?? 0,
      });
    }
    const { problems, entries } = await baton.verify();
    return {
      decided,
      alarms,
      ...(told === undefined ? {} : { lineage: await baton.lineage(told, "approval") }),
      problems: problems.length,
      entries,
      answersLost: lab.answersLost.size,
    };
  } finally {
    await baton.close();
  }
}
