/** The machine's own time: the agent of a tool has none other. */
export const machineClock = {
  /** Milliseconds since 1970. */
  now: (): number => Date.now(),
  /** Milliseconds of this process, which no setting of the clock changes. */
  uptimeMs: (): number => performance.now(),
};
