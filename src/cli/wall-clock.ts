/** Milliseconds since 1970, by the clock of this machine. Only for what is shown: a run's times are the engine's. */
export function wallClock(): number {
  return Date.now();
}
