/** Runs an order on Baton, in processes that the plan lets die. The store is what they leave to each other. */
import { type DeadLetter, type JournalStore, memory, open, type StoreFactory } from "baton";
import {
  countedIds,
  type Fault,
  faultyStore,
  VIRTUAL_START_MS,
  type VirtualClock,
  virtualClock,
} from "baton/testing";
import { z } from "zod";
import { slowStore, type Streams } from "../virtual/slow-store.ts";
import type { OrderResult } from "./outcome.ts";
import type { Parameters } from "./parameters.ts";
import type { Fate, Moment } from "./plan.ts";
import { type Caller, openWorld, type World } from "./world.ts";
import { labWorkflow } from "./workflow.ts";

export interface OnBaton extends OrderResult {
  /** What `verify` found wrong; must be nothing. */
  readonly problems: number;
  readonly entries: number;
}

type Said = Omit<OnBaton, "facts" | "story" | "writes" | "tookMs">;

interface Lab {
  readonly fate: Fate;
  readonly parameters: Parameters;
  readonly world: World;
  readonly store: StoreFactory;
  writes: number;
}

/** One order. */
export async function runOnBaton(fate: Fate, parameters: Parameters): Promise<OnBaton> {
  const world = openWorld(fate, parameters);
  const lab: Lab = { fate, parameters, world, store: memory(), writes: 0 };
  let nowMs = VIRTUAL_START_MS;
  for (;;) {
    const clock = virtualClock(nowMs);
    const ended = await live(lab, clock);
    if (ended) {
      const said = await read(lab);
      const tookMs = clock.now() - VIRTUAL_START_MS;
      const { story } = world;
      return { ...said, facts: world.facts(), story, writes: lab.writes, tookMs };
    }
    nowMs = clock.now() + parameters.restartMs;
  }
}

/** One process, until the run has ended or is parked, or the process dies. Gives whether it has ended. */
async function live(lab: Lab, clock: VirtualClock): Promise<boolean> {
  const { fate, parameters, world } = lab;
  let dies: Moment | undefined;
  let tellParked: () => void = () => {};
  const parked = new Promise<void>((resolve) => {
    tellParked = resolve;
  });
  const opened = await lab.store({ readOnly: false, now: () => clock.now() });
  const telling: JournalStore = {
    ...opened,
    append: async (request) => {
      const appended = await opened.append(request);
      lab.writes += 1;
      for (const { kind, path } of entriesOf(request.streams)) {
        world.note(`journal: ${kind}${path === undefined ? "" : ` ${path}`}`);
        if (kind === "run.parked") tellParked();
      }
      return appended;
    },
  };
  const slowed = slowStore(telling, clock, () => parameters.writeMs);
  // A process does nothing between a call and its next append: dying at either is the same.
  const fault = (): Fault => {
    if (dies === undefined) return "commit";
    return dies === "committed" ? "crashAfter" : "crashBefore";
  };
  const faulty = faultyStore(() => Promise.resolve(slowed), fault);
  const caller: Caller = {
    time: {
      now: () => clock.now() - VIRTUAL_START_MS,
      pass: (ms) => new Promise((resolve) => clock.after(ms, resolve)),
    },
    die: (moment) => {
      dies = moment;
      return moment === "before" ? Promise.reject(new Error("killed")) : Promise.resolve();
    },
  };
  const flow = labWorkflow({ world, caller }, parameters);
  const work = async (): Promise<boolean> => {
    const ids = countedIds();
    const baton = await open({ store: faulty.factory, workflows: [flow], clock, ids });
    const { id, amount } = fate;
    const run = await baton.start(flow, { id, amount }, { id });
    await Promise.race([run.outcome(), parked]);
    await baton.close({ graceMs: 0 });
    return true;
  };
  return await clock.until(Promise.race([work(), faulty.crashed.then(() => false)]));
}

const entrySchema = z.object({ kind: z.string(), path: z.string().optional() });

function entriesOf(streams: Streams): readonly z.infer<typeof entrySchema>[] {
  return streams.flatMap(({ entries }) =>
    entries.map(({ text }) => entrySchema.parse(JSON.parse(text))),
  );
}

/** Reads, and calls nobody. */
const READER: Caller = {
  time: { now: () => 0, pass: () => Promise.resolve() },
  die: () => Promise.resolve(),
};

/** What the journal says at the end. */
async function read({ store, fate, world, parameters }: Lab): Promise<Said> {
  const flow = labWorkflow({ world, caller: READER }, parameters);
  const baton = await open({ store, workflows: [flow], readOnly: true });
  try {
    const { status } = await baton.report(fate.id);
    const letters = await baton.deadLettersOf(fate.id);
    let charged = false;
    for await (const { entry } of baton.entries(fate.id)) {
      if (entry.path !== "charge") continue;
      if (entry.kind === "step.sealed") charged = true;
      if (entry.kind === "compensation.sealed") charged = false;
    }
    const { problems, entries } = await baton.verify();
    return {
      saysPaid: charged,
      finished: status === "completed" || status === "compensated" || status === "failed",
      told: isComplete(letters) ? "withAllThatIsNeeded" : "nobody",
      problems: problems.length,
      entries,
    };
  } finally {
    await baton.close();
  }
}

/** Whether there is a letter, and each has what was done, under which keys it is known outside, and why it could not be undone. */
function isComplete(letters: readonly DeadLetter[]): boolean {
  const complete = (letter: DeadLetter) =>
    letter.what !== "step" &&
    letter.input !== undefined &&
    letter.output !== undefined &&
    letter.executionKey !== letter.compensationKey &&
    letter.error.message !== "";
  return letters.length > 0 && letters.every(complete);
}
