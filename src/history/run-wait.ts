/** What a run can wait for. */
import type { Failure, ParkedBecause } from "../model/entry.ts";
import type { Gate, GateKind } from "../model/gate.ts";
import type { Json } from "../model/json.ts";

/** One thing that a run waits for. Times are milliseconds since 1970; `since` is when it began to. */
export type RunWait =
  /** A pause before the next attempt. `error` is what the last one failed with. */
  | (WaitingCall & { readonly what: "retry"; readonly dueAt: number; readonly error?: Failure })
  /** A pause before the agent's `probe` is asked again what the attempt did. */
  | (WaitingCall & { readonly what: "probe"; readonly dueAt: number })
  /** The gate lets nothing through now (an open breaker, say). At `dueAt` it is asked again. */
  | (WaitingCall & { readonly what: GateKind; readonly dueAt: number; readonly gate: Gate })
  /** A step that sleeps. */
  | (WaitPlace & { readonly what: "timer"; readonly dueAt: number })
  /** Somebody's answer. `dueAt`: when it is given up, `remindAt`: when somebody is told next that it is still awaited. */
  | (WaitPlace & {
      readonly what: "approval" | "signal" | "event";
      readonly dueAt?: number;
      readonly remindAt?: number;
      /** What the person is shown who has to approve. */
      readonly shown?: Json;
      /** Of an event: the topics, as far as the definition is at hand. With an empty path it is the end of a choreography. */
      readonly topics?: readonly string[];
    })
  /** The end of a child run. */
  | (WaitPlace & { readonly what: "run"; readonly run: string })
  /** Code that the process does not have which executes. */
  | { readonly what: "code"; readonly missing: readonly string[]; readonly since: number }
  /** A person, who decides what becomes of a call that is parked, or of a compensation that failed for good. */
  | (WaitPlace & {
      readonly what: "person";
      readonly turn: number;
      readonly error?: Failure;
      /** Why a call is parked; absent where it is a compensation. */
      readonly because?: ParkedBecause;
    })
  /** Nothing but to be executed: it is under way, or waits for a place. Without a path it is the run itself that goes on. */
  | { readonly what: "execution"; readonly path?: string; readonly since: number };

/** Where in the run. */
interface WaitPlace {
  readonly path: string;
  readonly since: number;
}

/** A call that waits. */
export interface WaitingCall extends WaitPlace {
  readonly turn: number;
  /** The next attempt. */
  readonly attempt: number;
  readonly agent?: string;
  /** Set where it is an attempt to compensate. */
  readonly compensates?: true;
}

/** All that a run waits for; nothing if it has ended. */
export interface RunWaits {
  readonly run: string;
  /** `name@version` */
  readonly workflow: string;
  /** In the order in which it began to wait. */
  readonly waits: readonly RunWait[];
  /** Whether the workflow's definition was at hand: without it, steps that have not acted yet are not known. */
  readonly whole: boolean;
  /** When the run must have ended. Deadlines of single steps are not named here. */
  readonly deadlineAt?: number;
  /** The earliest time of all. */
  readonly dueAt?: number;
}

/** When something of a wait is due next; undefined for what waits for no time. */
export function dueAtOf(wait: RunWait): number | undefined {
  switch (wait.what) {
    case "retry":
    case "probe":
    case "breaker":
    case "budget":
    case "rate":
    case "timer":
      return wait.dueAt;
    case "approval":
    case "signal":
    case "event":
      return earlier(wait.dueAt, wait.remindAt);
    default:
      return undefined;
  }
}

/** The earlier of two times, of which either may be missing. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}
