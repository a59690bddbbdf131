/**
 * How long the thread of traces rests after a batch. While runs keep the executing thread busy it is left most of the machine: what
 * is not sent waits in the journal, and is sent when there is time for it. Once traces are a minute behind, that is no burst: nothing
 * is rested any more.
 */
import { readFileSync } from "node:fs";

/** Of the time that the executing thread had, the share from which on it is busy. */
const BUSY_FROM = 0.5;
/** How long is rested while it is busy, of the time that a batch took. */
const REST = 4;
const BEHIND_MAX_MS = 60_000;

/** Where nothing says how busy the executing thread is, which Linux alone does, nothing is rested. */
export function restWhileBusy(
  nowMs: () => number,
  executedMs: () => number | undefined = executedOnLinux,
): (workedMs: number, behindMs: number) => number {
  let [lookedMs, executed] = [nowMs(), executedMs()];
  return (workedMs, behindMs) => {
    const [now, upTo] = [nowMs(), executedMs()];
    if (executed === undefined || upTo === undefined) return 0;
    const busy = (upTo - executed) / Math.max(1, now - lookedMs);
    [lookedMs, executed] = [now, upTo];
    return busy < BUSY_FROM || behindMs > BEHIND_MAX_MS ? 0 : workedMs * REST;
  };
}

/** CPU time of the process's first thread, which executes. */
function executedOnLinux(): number | undefined {
  try {
    const [nanoseconds = ""] = readFileSync(
      `/proc/self/task/${process.pid}/schedstat`,
      "utf8",
    ).split(" ");
    return Number(nanoseconds) / 1_000_000;
  } catch {
    return undefined;
  }
}
