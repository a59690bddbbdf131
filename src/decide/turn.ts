/**
 * One turn of a run: take in what has happened, then decide until nothing is left to decide.
 *
 * The facts of a turn are appended in one piece before any of its commands is performed. `run` is ahead of the journal by
 * exactly these facts until then; if the append fails for good, the run is dropped and folded anew.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import type { FallbackMark } from "../model/breaker.ts";
import type { Deadline } from "../model/deadline.ts";
import type { Author, Draft, Fact, Failure, RollbackReason } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import type { CallState, Run } from "../model/run.ts";
import type { Violation } from "../model/violation.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { evolve } from "./evolve.ts";

/** What is to be performed once the facts of the turn are in the journal. */
export type Command =
  | {
      readonly kind: "execute";
      readonly path: string;
      readonly turn: number;
      readonly attempt: number;
      readonly agent: AgentDefinition;
      /** Where `agent` is a fallback: for which agent. */
      readonly standsIn?: FallbackMark;
      /** Checked against the agent's input contract. */
      readonly input: Json;
      readonly feedback: readonly Violation[];
      /** What `once` has recorded for this path and turn. */
      readonly onces: ReadonlyMap<string, Json>;
      /** By when it must have ended, whatever its agent's own timeout. */
      readonly deadline?: Deadline | undefined;
      /** What the attempts before it said last. */
      readonly progress?: CallState["progress"] | undefined;
      /** A process may have died of it: its intent is recorded first, and no other such call is made beside it. */
      readonly quarantined: boolean;
    }
  | {
      readonly kind: "probe";
      readonly path: string;
      readonly turn: number;
      /** The attempt that is asked for. */
      readonly attempt: number;
      readonly probe: number;
      readonly agent: AgentDefinition;
      /** Computed again; to be held against `inputHash`, where one was recorded. */
      readonly input: Json;
      readonly inputHash: string | undefined;
      /** How the attempt ended. */
      readonly error: Failure;
    }
  | {
      readonly kind: "startChild";
      readonly path: string;
      readonly run: string;
      readonly workflow: WorkflowDefinition;
      readonly input: unknown;
      /** How far the event that led to it is from the first of its chain; undefined where none did. */
      readonly hops?: number | undefined;
      /** By when it must have ended, whatever its own deadline. */
      readonly deadlineAt?: number | undefined;
    }
  /** Abort every attempt, cancel every child run: the run is failing or being cancelled. With `step`: those of a step that was given up. */
  | { readonly kind: "abort"; readonly reason: string; readonly step?: string }
  | { readonly kind: "remind"; readonly step: string }
  /** The run's journal is needed, to compensate. */
  | { readonly kind: "readHistory" }
  | {
      readonly kind: "compensate";
      readonly path: string;
      readonly turn: number;
      readonly attempt: number;
      readonly agent: AgentDefinition;
      /** Computed again; to be held against `inputHash`, where one was recorded. */
      readonly input: Json;
      readonly inputHash: string | undefined;
      readonly output: Json | undefined;
      readonly reason: RollbackReason;
    }
  | {
      readonly kind: "compensateChild";
      readonly path: string;
      readonly run: string;
      readonly reason: RollbackReason;
    };

export const ENGINE: Author = { kind: "engine", id: "baton" };

/** What deciding has to work with; lives for one turn. */
export interface Deliberation {
  readonly run: Run;
  /** Wall clock of the turn, in milliseconds since 1970. */
  readonly nowMs: number;
  readonly facts: Fact[];
  readonly commands: Command[];
}

export function deliberation(run: Run, nowMs: number): Deliberation {
  return { run, nowMs, facts: [], commands: [] };
}

/** The turn of an entry, of a kind that names none in its step's first. */
export function laterTurn(run: Run, step: string): { readonly turn?: number } {
  const turn = run.turns.get(step);
  return turn === undefined ? {} : { turn };
}

/** Says `draft`: gives it its place and time, and applies it to the run. The draft is given away: it becomes the fact. */
export function say(turn: Deliberation, draft: Draft): Fact {
  const { run } = turn;
  // A draft with its place and time is a fact of the same kind. Written into it: copying it costs more than all else here.
  const fact = Object.assign(draft, { seq: run.seq + 1, at: Math.max(run.at, turn.nowMs) }) as Fact;
  evolve(run, fact);
  turn.facts.push(fact);
  return fact;
}
