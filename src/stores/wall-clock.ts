/** The wall clock of stores that are given none: it dates commits, and nothing is decided by it. */
export function wallClockMs(): number {
  return Date.now();
}
