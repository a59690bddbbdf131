/** Milliseconds since 1970, by the clock of this machine: for the time of commits, where nobody gives another. */
export function wallClock(): number {
  return Date.now();
}
