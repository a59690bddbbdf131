/** `simulate`: many lives of one workflow, each from a seed, with everything that can go wrong going wrong in some of them. */
import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import { type Limits, limitsWith } from "../../model/limits.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { partsOf } from "../../model/workflow-parts.ts";
import { memory } from "../../stores/memory/memory.ts";
import { callsIn } from "./calls.ts";
import { chanceAt, wholeAt } from "./chance.ts";
import { compareLives } from "./comparison.ts";
import { compareEventfulLives } from "./event-comparison.ts";
import { type AgentFake, withFakes } from "./fakes.ts";
import { type BrokenPromise, type Remains, remainsOf, type RunJournal } from "./invariants.ts";
import { live } from "./life.ts";
import { DEFAULT_FAULTS, type FaultRates, isOfAgents, scheduleOf } from "./schedule.ts";
import { shrink } from "./shrink.ts";
import { isEventful, tagOf, timeless } from "./timeless.ts";
import type { Plan, SimulatedEvent, SimulatedStore, World } from "./world.ts";

/** What a step that waits is answered: a value (for an approval `{ approved, reason? }`), or a function that gives one. */
export type SimulatedAnswer =
  | Json
  | ((at: { readonly seed: number; readonly run: string; readonly step: string }) => unknown);

export interface SimulationOptions {
  /** The input of every run. A choreography's begins with it, or with an event of it that is published, as the seed says. */
  readonly input?: unknown;
  /** Inputs to choose from; give either this or `input`. */
  readonly inputs?: readonly unknown[];
  /** Workflows that are opened beside it: those that take its events, or publish what it takes. */
  readonly beside?: readonly WorkflowDefinition[];
  /** Published from outside at some moment, once for each run, under its correlation id. */
  readonly events?: readonly SimulatedEvent[];
  /** By agent name. An agent without one is called for real, which only one without side effects may be. */
  readonly agents?: Readonly<Record<string, AgentFake>>;
  /** Whether `agents` may have names that these workflows have no agent of. */
  readonly ignoreUnknownAgents?: boolean;
  /** By step. Without one, an approval is answered by the seed, and an awaited signal is left to its timeout. */
  readonly answers?: Readonly<Record<string, SimulatedAnswer>>;
  /** How often what goes wrong; what is left out as in {@link DEFAULT_FAULTS}. */
  readonly faults?: Partial<FaultRates>;
  /** As in `open()`. */
  readonly limits?: Partial<Limits>;
  readonly seeds: { readonly from: number; readonly count: number };
  /** Runs at once in each seed, at most; 3 if left out. */
  readonly runsMax?: number;
  /** Says what is wrong with a journal: whatever must hold for this workflow besides Baton's promises. */
  readonly invariants?: (journal: RunJournal) => readonly string[];
  /** Only faults of these names happen, such as {@link SeedFailure.schedule} lists: to repeat a shrunk seed. */
  readonly schedule?: readonly string[];
  /** Another store than the one in memory, made anew for each life. It must do nothing in real time. */
  readonly store?: SimulatedStore;
  /** What a person types to repeat a seed. */
  readonly repeat?: (seed: number, schedule: readonly string[]) => string;
  /** Failing seeds after which it stops looking; 10 if left out. */
  readonly failuresMax?: number;
  /** Whether the faults of a failing seed are thinned out; they are, if left out. */
  readonly shrinks?: boolean;
  /** Ends the simulation after the seed that it is at. */
  readonly signal?: AbortSignal;
  /** Called after each seed. */
  readonly progress?: (done: number, failures: number) => void;
}

/** One seed that broke a promise. */
export interface SeedFailure {
  readonly seed: number;
  readonly broken: readonly BrokenPromise[];
  /** The faults that are enough for it. */
  readonly schedule: readonly string[];
  /** Faults that there were before they were thinned out. */
  readonly faults: number;
  /** What repeats it. */
  readonly repeat: string;
}

export interface SimulationReport {
  readonly workflow: string;
  readonly from: number;
  readonly count: number;
  readonly runs: number;
  readonly entries: number;
  /** Calls of agents. */
  readonly calls: number;
  /** How many faults of each kind there were. */
  readonly faults: Readonly<Record<string, number>>;
  /** By how the first entry's run ended, how many: `run.completed`, `open`, ... */
  readonly ends: Readonly<Record<string, number>>;
  /** Virtual time that went by, in milliseconds. */
  readonly elapsedMs: number;
  readonly failures: readonly SeedFailure[];
  /** By seed, the hash of the store's last commit: the same for the same bytes. Of the last 1,000 seeds. */
  readonly digests: ReadonlyMap<number, string>;
}

const RUNS_MAX = 3;
const DIGESTS_MAX = 1_000;
/** Failing seeds after which looking on tells nothing more. */
const FAILURES_MAX = 10;

/** One simulation: what all its seeds share. */
interface Simulation {
  readonly workflow: WorkflowDefinition;
  /** That one, and those beside it. */
  readonly workflows: readonly WorkflowDefinition[];
  readonly isEventful: boolean;
  readonly options: SimulationOptions;
  readonly inputs: readonly unknown[];
  readonly rates: FaultRates;
  readonly limits: Limits;
  world: World | undefined;
  calls: number;
}

/** What became of a seed under a schedule. */
interface Lived {
  readonly remains: Remains;
  readonly broken: readonly BrokenPromise[];
  readonly struck: readonly string[];
  readonly elapsedMs: number;
}

/**
 * Runs the real engine over a store in memory, on virtual time, once for each seed; lets happen what the seed says, checks
 * every promise afterwards, and compares with the same runs without faults. The same seed gives the same journal, byte for byte.
 * @throws BatonError ARGUMENT_INVALID for an agent with side effects that has no fake, a fake without an agent, and no input.
 */
export async function simulate(
  workflow: WorkflowDefinition,
  options: SimulationOptions,
): Promise<SimulationReport> {
  const inputs = options.inputs ?? ("input" in options ? [options.input] : []);
  if (inputs.length === 0)
    throw new BatonError("ARGUMENT_INVALID", `There is no input to simulate ${workflow.id} with.`);
  const around = callsIn(
    () => worldOf(simulation),
    () => {
      simulation.calls += 1;
    },
  );
  const given = [workflow, ...(options.beside ?? [])];
  const workflows = withFakes(given, options.agents ?? {}, around, options.ignoreUnknownAgents);
  const simulation: Simulation = {
    workflow: workflows[0] ?? workflow,
    workflows,
    isEventful: isEventful(workflows.flatMap((each) => [...partsOf(each).workflows])),
    options,
    inputs,
    rates: { ...DEFAULT_FAULTS, ...options.faults },
    // Crashes are what a simulation is made of: no call is taken to be the cause of so many, unless it is asked for.
    limits: limitsWith({ crashesMax: Number.MAX_SAFE_INTEGER, ...options.limits }),
    world: undefined,
    calls: 0,
  };
  return await simulateSeeds(simulation);
}

async function simulateSeeds(simulation: Simulation): Promise<SimulationReport> {
  const { workflow, options } = simulation;
  const { from, count } = options.seeds;
  const failures: SeedFailure[] = [];
  const faults: Record<string, number> = {};
  const ends: Record<string, number> = {};
  const digests = new Map<number, string>();
  const total = { runs: 0, entries: 0, elapsedMs: 0 };
  let done = 0;
  const failuresMax = options.failuresMax ?? FAILURES_MAX;
  while (done < count && failures.length < failuresMax && options.signal?.aborted !== true) {
    const seed = from + done;
    const lived = await liveSeed(simulation, seed, options.schedule);
    done += 1;
    const { journals, entries, digest } = lived.remains;
    total.runs += journals.length;
    total.entries += entries;
    total.elapsedMs += lived.elapsedMs;
    for (const { end } of journals) ends[end ?? "open"] = (ends[end ?? "open"] ?? 0) + 1;
    for (const name of lived.struck) {
      const kind = name.slice(0, name.indexOf(" "));
      faults[kind] = (faults[kind] ?? 0) + 1;
    }
    digests.set(seed, digest);
    if (done > DIGESTS_MAX) digests.delete(seed - DIGESTS_MAX);
    if (lived.broken.length > 0) failures.push(await failureOf(simulation, seed, lived));
    options.progress?.(done, failures.length);
  }
  return {
    workflow: workflow.id,
    from,
    count: done,
    ...total,
    calls: simulation.calls,
    faults,
    ends,
    failures,
    digests,
  };
}

/** Thins out the faults of a seed that failed. */
async function failureOf(
  simulation: Simulation,
  seed: number,
  { broken, struck }: Lived,
): Promise<SeedFailure> {
  const { workflow, options } = simulation;
  const candidates = options.shrinks === false ? [] : struck;
  const shrunk = await shrink(candidates, broken, async (schedule) => {
    const lived = await liveSeed(simulation, seed, schedule);
    return lived.broken;
  });
  const schedule = options.shrinks === false ? struck : shrunk.schedule;
  const repeat =
    options.repeat?.(seed, schedule) ??
    `simulate(${workflow.name}, { ...options, seeds: { from: ${seed}, count: 1 }, schedule: ${JSON.stringify(schedule)} })`;
  return { seed, broken: shrunk.broken, schedule, faults: struck.length, repeat };
}

/** Lives through a seed twice, with faults and without, and looks at what is left. */
async function liveSeed(
  simulation: Simulation,
  seed: number,
  only: readonly string[] | undefined,
): Promise<Lived> {
  const permitted = only === undefined ? undefined : new Set(only);
  const permits = (name: string) => permitted?.has(name) ?? true;
  const smooth = await liveOnce(simulation, seed, (name) => isOfAgents(name) && permits(name));
  if (smooth.broken.length > 0)
    return { ...smooth, broken: [...smooth.broken, ...ownProblems(simulation, smooth)] };
  const faulty = await liveOnce(simulation, seed, permits);
  const compare = simulation.isEventful ? compareEventfulLives : compareLives;
  const compared = compare(simulation.workflows, smooth.remains.journals, faulty.remains.journals);
  const own = ownProblems(simulation, faulty);
  return { ...faulty, broken: [...faulty.broken, ...compared, ...own] };
}

/** What the caller's own invariants say. */
function ownProblems(
  { options: { invariants } }: Simulation,
  { remains }: Lived,
): readonly BrokenPromise[] {
  return remains.journals.flatMap(
    (journal) => invariants?.(journal).map((message) => ({ promise: "own", message })) ?? [],
  );
}

async function liveOnce(
  simulation: Simulation,
  seed: number,
  permits: (name: string) => boolean,
): Promise<Lived> {
  const { workflows, rates } = simulation;
  const schedule = scheduleOf(seed, rates, permits);
  const life = await live(planOf(simulation, seed, schedule), (world) => {
    simulation.world = world;
  });
  const remains = await remainsOf(seed, workflows, life);
  return { remains, broken: remains.broken, struck: schedule.struck(), elapsedMs: life.elapsedMs };
}

function planOf(simulation: Simulation, seed: number, schedule: Plan["schedule"]): Plan {
  const { workflow, workflows, options, inputs, isEventful: eventful } = simulation;
  const runs = wholeAt(seed, 1, options.runsMax ?? RUNS_MAX, "runs");
  const chosen = new Map<string, unknown>();
  for (let n = 1; n <= runs; n += 1)
    chosen.set(`run-${n}`, inputs[wholeAt(seed, 0, inputs.length - 1, "input", n)]);
  const published = [...chosen.keys()].filter((id) => chanceAt(seed, "published", id) < 0.5);
  const nameOf = eventful ? timeless : (name: string) => name;
  return {
    seed,
    workflow,
    workflows,
    inputs: chosen,
    published: new Set(published),
    events: options.events ?? [],
    isEventful: eventful,
    nameOf,
    tagOf: eventful ? (input) => ` ${tagOf(input)}` : () => "",
    answer: (run, step) => answerOf(simulation, seed, nameOf(run), step),
    store: options.store ?? ((parts) => memory(parts)),
    schedule,
    limits: simulation.limits,
  };
}

function answerOf(
  { workflow, options }: Simulation,
  seed: number,
  run: string,
  step: string,
): unknown {
  const given = options.answers?.[step];
  if (typeof given === "function") return given({ seed, run, step });
  if (given !== undefined) return given;
  if (workflow.stepByName.get(step)?.kind === "signal") return undefined;
  const drawn = chanceAt(seed, "approves", run, step);
  return drawn < 0.1 ? undefined : { approved: drawn < 0.8 };
}

function worldOf({ world }: Simulation): World {
  if (world === undefined)
    throw new BatonError("INVARIANT_BROKEN", "An agent was called outside a simulation.");
  return world;
}

/** A report in lines, for people: what was tried, and for each failing seed what broke, by which faults, and how to repeat it. */
export function describeSimulation(report: SimulationReport): readonly string[] {
  const { workflow, from, count, runs, entries, calls, failures, faults } = report;
  const total = Object.values(faults).reduce((sum, each) => sum + each, 0);
  const lines = [
    `${workflow}: seeds ${from} to ${from + count - 1}: ${runs} runs, ${entries} entries, ${calls} calls of agents, ${total} faults`,
  ];
  for (const { seed, broken, schedule, faults: all, repeat } of failures) {
    lines.push(`seed ${seed} broke a promise; ${schedule.length} of its ${all} faults are enough:`);
    lines.push(...schedule.map((name) => `  fault      ${name}`));
    for (const { promise, message } of broken.slice(0, 10))
      lines.push(`  promise ${promise}  ${message}`);
    lines.push(`  repeat     ${repeat}`);
  }
  return lines;
}
