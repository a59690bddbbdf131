/** Which faults a seed asks for. Each has a name of its own, so that a schedule can be repeated with fewer of them. */
import { chanceAt } from "./chance.ts";

/**
 * How often what goes wrong, as chances from 0 to 1: the first group for each append, the second for each run of the
 * simulation or each attempt of an agent. 0 for what must not happen.
 */
export interface FaultRates {
  /** The process dies before, or after, an append is kept. */
  readonly crashBefore: number;
  readonly crashAfter: number;
  /** The append is kept, and refused all the same. */
  readonly loseAnswer: number;
  /** The append is answered late. */
  readonly slowDisk: number;
  /** This append, and all for some seconds after it, are refused. */
  readonly diskFull: number;
  /** The process is cut off from its store, and a second one takes over; the first wakes late and writes on. */
  readonly leaseLoss: number;
  /** The process dies at some moment, between appends. */
  readonly crash: number;
  /** The process is closed, and opened again. */
  readonly restart: number;
  /** The wall clock jumps, forward or back. */
  readonly clockJump: number;
  /** A start, an event from outside, or an answer is delivered twice. */
  readonly duplicate: number;
  /** The run is cancelled at some moment. */
  readonly cancel: number;
  /** A person asks for the run to go back, whether it has ended or not. */
  readonly compensate: number;
  /** An operator opens a breaker, and closes it after a while. */
  readonly breaker: number;
  /** An operator pauses the subscription of a choreography, and resumes it after a while; or has all events gone over again. */
  readonly pause: number;
  readonly rewind: number;
  /** An attempt of an agent throws; or never ends, where the agent has a timeout. */
  readonly agentFailure: number;
  readonly agentHang: number;
  /** An attempt to compensate throws. */
  readonly compensationFailure: number;
}

export const DEFAULT_FAULTS: FaultRates = {
  crashBefore: 0.015,
  crashAfter: 0.015,
  loseAnswer: 0.02,
  slowDisk: 0.03,
  diskFull: 0.01,
  leaseLoss: 0.01,
  crash: 0.3,
  restart: 0.2,
  clockJump: 0.3,
  duplicate: 0.2,
  cancel: 0.05,
  compensate: 0.02,
  breaker: 0.1,
  pause: 0.1,
  rewind: 0.03,
  agentFailure: 0.1,
  agentHang: 0.01,
  compensationFailure: 0.1,
};

const AT_APPEND = [
  "crashBefore",
  "crashAfter",
  "loseAnswer",
  "slowDisk",
  "diskFull",
  "leaseLoss",
] as const;

export type AppendFault = (typeof AT_APPEND)[number];

/** After so many appends the disk and the processes do as they should, so that every run has the chance to end. */
const FAULTY_APPENDS = 400;

/** The faults of one seed. */
export interface Schedule {
  /** The fault of an append, by number from 1. */
  readonly atAppend: (append: number) => AppendFault | undefined;
  /** Whether the fault happens at this place; if so, it is noted. */
  readonly strikes: (kind: keyof FaultRates, place: string) => boolean;
  /** The names of those that happened, in order: `crashAfter append 17`. */
  readonly struck: () => readonly string[];
}

/** `permits` says which faults may happen; what is not permitted changes nothing about the others. */
export function scheduleOf(
  seed: number,
  rates: FaultRates,
  permits: (name: string) => boolean,
): Schedule {
  const struck = new Set<string>();
  const note = (name: string): boolean => {
    if (!permits(name)) return false;
    struck.add(name);
    return true;
  };
  return {
    atAppend: (append) => {
      if (append > FAULTY_APPENDS) return undefined;
      let left = chanceAt(seed, "append", append);
      for (const kind of AT_APPEND) {
        left -= rates[kind];
        if (left < 0) return note(`${kind} append ${append}`) ? kind : undefined;
      }
      return undefined;
    },
    strikes: (kind, place) => chanceAt(seed, kind, place) < rates[kind] && note(`${kind} ${place}`),
    struck: () => [...struck],
  };
}

/** What an agent does belongs to the world, and happens in the simulation without faults as well. */
export function isOfAgents(name: string): boolean {
  return OF_AGENTS.has(name.slice(0, name.indexOf(" ")));
}

const OF_AGENTS: ReadonlySet<string> = new Set<keyof FaultRates>([
  "agentFailure",
  "agentHang",
  "compensationFailure",
]);
