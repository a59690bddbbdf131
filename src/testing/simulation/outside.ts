/**
 * The world outside, which agents with `compensate` act on: by idempotency key it keeps what was executed and what was undone.
 *
 * O1. Whatever is asked for twice under one key is done once.
 * O2. What was undone is not executed under the same key any more, however late the request arrives.
 * O3. What a probe was told was not done is not done any more: a request of that attempt, or an earlier one, is refused.
 */
import type { Amounts } from "../../model/amounts.ts";
import type { RateSettings } from "../../model/rate.ts";

/** Where an agent acted. */
export interface Deed {
  readonly run: string;
  readonly path: string;
  readonly turn: number;
  /** `name@version` */
  readonly agent: string;
}

export interface Effect extends Deed {
  executed: boolean;
  undone: boolean;
  /** How often it was asked for before it was undone. */
  times: number;
  /** The newest attempt of which a probe was told that it did nothing (O3). */
  refusedUpTo: number;
}

/** An attempt as an agent saw it begin. */
export interface SeenCall extends Deed {
  readonly kind: "execute" | "compensate" | "probe";
  readonly attempt: number;
  /** The newest entry of the run that the store had then. */
  readonly atSeq: number;
  /** Virtual time since the beginning. */
  readonly elapsedMs: number;
  /** What the wall clock showed. */
  readonly wallMs: number;
  /** The rate that it was let through by just now, and the key that it was counted under; absent where none was. */
  readonly rate?: RateSeen;
  /** What was set aside for it, by shared budget, as it stood in the journal then. */
  readonly reserved: readonly ReservedSeen[];
  /** Shared budgets that limit it and of which nothing was set aside for it. */
  readonly unreserved: readonly string[];
}

/** A rate, as a call passed it. */
export interface RateSeen extends RateSettings {
  readonly name: string;
  readonly key: string;
}

/** What the store had kept of a reservation. */
export interface ReservedSeen {
  readonly budget: string;
  /** Of the window in which it was set aside. */
  readonly since: number;
  readonly amounts: Amounts;
}

export interface Outside {
  readonly execute: (key: string, deed: Deed, attempt: number) => void;
  /** What a probe is told of an attempt (O3). */
  readonly ask: (key: string, deed: Deed, attempt: number) => "done" | "notDone";
  readonly undo: (key: string, deed: Deed) => void;
  /** A person undoes all that was done at a place, by whichever agent; `below`: in a run, and those that it started. */
  readonly undoByHand: (at: Omit<Deed, "agent">) => void;
  readonly undoRunByHand: (run: string) => void;
  readonly effects: () => Iterable<Effect>;
  /** Calls of processes that had the lease, in order. */
  readonly calls: SeenCall[];
}

export function outsideWorld(): Outside {
  const effects = new Map<string, Effect>();
  /** What a person has seen to, by place: nothing is executed there any more (O2). */
  const closed = new Set<string>();
  // One key may be used by an agent and by its fallback, which act on different services.
  const effectOf = (key: string, deed: Deed): Effect => {
    const id = `${key} ${deed.agent}`;
    const known = effects.get(id);
    if (known !== undefined) return known;
    const undone = closed.has(placeOf(deed)) || closed.has(deed.run);
    const effect = { ...deed, executed: false, undone, times: 0, refusedUpTo: 0 };
    effects.set(id, effect);
    return effect;
  };
  const close = (place: string, isThere: (effect: Effect) => boolean) => {
    closed.add(place);
    for (const effect of effects.values()) if (isThere(effect)) effect.undone = true;
  };
  return {
    execute: (key, deed, attempt) => {
      const effect = effectOf(key, deed);
      if (effect.undone || attempt <= effect.refusedUpTo) return;
      effect.executed = true;
      effect.times += 1;
    },
    ask: (key, deed, attempt) => {
      const effect = effectOf(key, deed);
      if (effect.executed) return "done";
      effect.refusedUpTo = Math.max(effect.refusedUpTo, attempt);
      return "notDone";
    },
    undo: (key, deed) => {
      effectOf(key, deed).undone = true;
    },
    undoByHand: (at) => close(placeOf(at), (effect) => placeOf(effect) === placeOf(at)),
    undoRunByHand: (run) =>
      close(run, (effect) => effect.run === run || effect.run.startsWith(`${run}/`)),
    effects: () => effects.values(),
    calls: [],
  };
}

function placeOf({ run, path, turn }: Omit<Deed, "agent">): string {
  return `${run} ${path} ${turn}`;
}
