/** Chance by place: what a seed says of a named place, whatever was asked before, so that one fault less changes no other. */

/** At least 0, below 1; the same for the same parts, on every machine. */
export function chanceAt(seed: number, ...place: readonly (string | number)[]): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0;
  for (const part of place) {
    const text = String(part);
    for (let i = 0; i < text.length; i += 1)
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
    hash = Math.imul(hash ^ 0x7c, 0x01000193) >>> 0;
  }
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296;
}

/** A whole number from `low` to `high`, both included. */
export function wholeAt(
  seed: number,
  low: number,
  high: number,
  ...place: readonly (string | number)[]
): number {
  return low + Math.floor(chanceAt(seed, ...place) * (high - low + 1));
}
