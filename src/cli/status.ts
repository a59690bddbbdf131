/** How statuses look. */
import type { RunStatus } from "../model/run-status.ts";
import type { Cli } from "./cli.ts";

export const RUN_STATUSES: readonly RunStatus[] = [
  "refused",
  "running",
  "waiting",
  "parked",
  "completed",
  "compensating",
  "compensated",
  "failed",
  "cancelled",
];

const GOOD: ReadonlySet<string> = new Set(["completed", "sealed", "done", "byHand"]);
const BAD: ReadonlySet<string> = new Set(["failed", "refused", "parked"]);
const UNDER_WAY: ReadonlySet<string> = new Set([
  "running",
  "waiting",
  "open",
  "retrying",
  "compensating",
]);

/** A run's or a step's status in its colour. */
export function coloured(cli: Cli, status: string, text = status): string {
  if (GOOD.has(status)) return cli.colors.green(text);
  if (BAD.has(status)) return cli.colors.red(text);
  return UNDER_WAY.has(status) ? cli.colors.yellow(text) : cli.colors.dim(text);
}
