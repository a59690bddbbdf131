/** Chance in a row, from a seed: for what is made anew for each seed. */
import type { Json } from "baton";

/** A whole number from 0 up to `below`. */
export type Dice = (below: number) => number;

/** A source of chance from a 32-bit seed (mulberry32). */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

export function pick<X>(dice: Dice, from: readonly X[]): X {
  const picked = from[dice(from.length)];
  if (picked === undefined) throw new Error("There is nothing to pick from.");
  return picked;
}

/** A number from any JSON: what an agent gives depends on all that it was given. */
export function digest(value: Json | undefined): number {
  let hash = 7;
  for (const letter of JSON.stringify(value ?? null))
    hash = (hash * 31 + letter.charCodeAt(0)) % 999_983;
  return hash;
}
