/** Virtual time whose wall clock can be set back, as a machine's is when it is put right; timers go on as they were set. */
import { type VirtualClock, virtualClock } from "baton/testing";

export interface SettableClock extends VirtualClock {
  readonly setBack: (ms: number) => void;
}

export function settableClock(): SettableClock {
  const clock = virtualClock();
  let behindMs = 0;
  return {
    ...clock,
    now: () => clock.now() - behindMs,
    setBack: (ms) => {
      behindMs += ms;
    },
  };
}
