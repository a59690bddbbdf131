/**
 * Hands the inputs of attempts from the thread that executes to the one that makes traces: that one has no code to compute them.
 *
 * F1. The input of an attempt was given here before its entry is in the journal.
 * F2. What is under way is bounded: what is over is dropped, and asked for later.
 */
import type { Clock } from "../../ports/clock.ts";
import type { InputBatch } from "./messages.ts";

export interface InputFeed {
  /** Takes the canonical JSON of an input, with its hash. */
  readonly tell: (hash: string, text: string) => void;
  /** From here on batches are given to `post`; to nobody, if it is left out: what had not been taken is lost. */
  readonly connect: (post?: (batch: InputBatch) => void) => void;
  /** Gives what has been collected. */
  readonly flush: () => void;
  /** So much of what was given has been taken. */
  readonly took: (characters: number) => void;
}

/** Large enough that a message costs little beside what it carries. */
const BATCH_CHARACTERS = 65_536;
/** Collected, and given but not yet taken. */
const FEED_CHARACTERS_MAX = 8_000_000;

export function inputFeed(clock: Pick<Clock, "now">, max = FEED_CHARACTERS_MAX): InputFeed {
  let post: ((batch: InputBatch) => void) | undefined;
  let texts: string[] = [];
  let [collected, given] = [0, 0];
  const flush = () => {
    if (post === undefined || collected === 0) return;
    const batch = { texts, characters: collected, at: clock.now() };
    given += collected;
    [texts, collected] = [[], 0];
    post(batch);
  };
  return {
    tell: (hash, text) => {
      const characters = hash.length + text.length;
      if (collected + given + characters > max) return;
      texts.push(hash, text);
      collected += characters;
      if (collected >= BATCH_CHARACTERS) flush();
    },
    connect: (to) => {
      post = to;
      given = 0;
    },
    flush,
    took: (characters) => {
      given -= characters;
    },
  };
}
