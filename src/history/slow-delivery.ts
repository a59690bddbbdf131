/** Deliveries that take too long: longer than others of their subscription, or most of the time that their run has. */
import { parsePath } from "../decide/path.ts";
import type { EventDifference, Reconstructed } from "./event-difference.ts";
import type { StepSummary } from "./step-summary.ts";
import { waitsOf } from "./waits.ts";

/** A delivery is slow if it took so many times as long as the middle one of its subscription, and at least a second. */
const SLOW_TIMES = 10;
const SLOW_MIN_MS = 1_000;
/** Of fewer deliveries there is no middle that says anything. */
const SLOW_AMONG_MIN = 3;

/** Of the time from the start of a run to its deadline, what one delivery may take before it is called slow. */
const SHARE_OF_RUN = 0.5;

/** The slow deliveries of a run: those that were handled, and those that have not been. */
export function slowDeliveries(found: Reconstructed): readonly EventDifference[] {
  const differences = [...slowerThanOthers(found), ...handledLate(found)];
  const told = new Set<string>();
  return [...differences, ...notHandled(found)].filter(({ path = "" }) => {
    const isNew = !told.has(path);
    told.add(path);
    return isNew;
  });
}

/** Against the others of its subscription. */
function slowerThanOthers({ deliveries }: Reconstructed): readonly EventDifference[] {
  const bySubscription = new Map<string, StepSummary[]>();
  for (const delivery of deliveries) {
    if (delivery.tookMs === undefined) continue;
    const name = parsePath(delivery.path).step;
    const own = bySubscription.get(name);
    if (own === undefined) bySubscription.set(name, [delivery]);
    else own.push(delivery);
  }
  return [...bySubscription].flatMap(([subscription, own]): readonly EventDifference[] => {
    if (own.length < SLOW_AMONG_MIN) return [];
    const lengths = own.map(({ tookMs = 0 }) => tookMs).sort((a, b) => a - b);
    const middleMs = lengths[Math.floor((lengths.length - 1) / 2)] ?? 0;
    const atLeastMs = Math.max(SLOW_MIN_MS, middleMs * SLOW_TIMES);
    return own.flatMap(({ path, seq, tookMs = 0 }): readonly EventDifference[] => {
      if (tookMs < atLeastMs) return [];
      const message = `${path} took ${tookMs} ms; half of the deliveries of ${subscription} took ${middleMs} ms or less.`;
      return [{ what: "slow", message, subscription, path, seq }];
    });
  });
}

/** How long a delivery may take; undefined where the run has no deadline. */
function allowedMs({ report }: Reconstructed): number | undefined {
  const deadlineAt = report.missedDeadline?.deadlineAt ?? report.deadlineAt;
  if (deadlineAt === undefined) return undefined;
  return Math.max(SLOW_MIN_MS, (deadlineAt - report.startedAt) * SHARE_OF_RUN);
}

function handledLate(found: Reconstructed): readonly EventDifference[] {
  const atMostMs = allowedMs(found);
  if (atMostMs === undefined) return [];
  return found.deliveries.flatMap(({ path, seq, tookMs = 0 }): readonly EventDifference[] => {
    if (tookMs < atMostMs) return [];
    const message = `${path} took ${tookMs} ms, most of the time that the run has.`;
    return [{ what: "slow", message, subscription: parsePath(path).step, path, seq }];
  });
}

/** What has not been handled now; of a run whose time was over, what had not been then. */
function notHandled(found: Reconstructed): readonly EventDifference[] {
  const { entries, definition, report, nowMs } = found;
  const atMostMs = allowedMs(found);
  if (atMostMs === undefined) return [];
  const { missedDeadline, deadlineAt } = report;
  const waits =
    missedDeadline === undefined
      ? found.waits
      : waitsOf(entries.slice(0, missedDeadline.seq), definition).waits;
  const untilMs = missedDeadline?.deadlineAt ?? nowMs;
  return waits.flatMap((wait): readonly EventDifference[] => {
    if (!("path" in wait) || wait.path === undefined || wait.what === "person") return [];
    const { path } = wait;
    // A delivery is named by the entry of its event.
    const seq = Number(/#(\d+)$/.exec(path)?.[1]);
    const since = entries[seq]?.entry.at;
    if (since === undefined || untilMs - since < atMostMs) return [];
    const message = `${path} had not been handled ${untilMs - since} ms after its event came, most of the time that the run has.`;
    const due = missedDeadline?.deadlineAt ?? deadlineAt;
    return [
      {
        what: "slow",
        message,
        subscription: parsePath(path).step,
        path,
        seq,
        since,
        ...(due === undefined ? {} : { dueAt: due }),
      },
    ];
  });
}
