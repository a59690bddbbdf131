/** How runs stand. */

/** The status of a run, as the store's index and the CLI show it. */
export type RunStatus =
  | "refused"
  | "running"
  | "waiting"
  | "parked"
  | "completed"
  | "compensating"
  | "compensated"
  | "failed"
  | "cancelled";

export const OPEN_STATUSES: ReadonlySet<RunStatus> = new Set<RunStatus>([
  "running",
  "waiting",
  "parked",
  "compensating",
]);
