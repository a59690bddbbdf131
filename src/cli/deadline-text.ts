/** The deadline of a run on one line. */
import type { RunReport } from "../index.ts";
import { moment, printable } from "./text.ts";

/** The deadline of a run, and how it was missed. */
export function deadlineText({
  deadlineAt,
  missedDeadline,
}: Pick<RunReport, "deadlineAt" | "missedDeadline">): string | undefined {
  if (missedDeadline === undefined)
    return deadlineAt === undefined ? undefined : moment(deadlineAt);
  const { step } = missedDeadline;
  const whose = step === undefined ? "the run" : printable(step);
  return `${moment(missedDeadline.deadlineAt)}, missed by ${whose}`;
}
