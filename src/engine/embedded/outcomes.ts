/** How a run that has ended is told of: to whoever waits for it, to its parent, and to whoever comes too late. */
import type { Input } from "../../decide/accept.ts";
import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { Run } from "../../model/run.ts";
import type { RunOutcome } from "../baton.ts";

/** How a child's end is told to its parent. */
export function childOutcome(
  outcome: RunOutcome<Json>,
  seq: number,
): Extract<Input, { readonly kind: "child" }>["outcome"] {
  switch (outcome.kind) {
    case "completed":
      return { kind: "completed", output: outcome.output, seq };
    case "refused":
      return { kind: "refused", violations: outcome.violations, seq };
    case "cancelled":
      return {
        kind: "failed",
        error: { code: "RUN_CANCELLED", message: `cancelled: ${outcome.reason}` },
        seq,
      };
    case "failed":
    case "compensated":
      return { kind: outcome.kind, error: outcome.error, seq };
  }
}

/** The outcome of a run that has ended. */
export function outcomeOf(run: Run): RunOutcome<Json> {
  const { phase } = run;
  switch (phase.kind) {
    case "completed":
      return { kind: "completed", output: phase.output };
    case "failed":
      return {
        kind: "failed",
        error: phase.error,
        ...(phase.step === undefined ? {} : { step: phase.step }),
      };
    case "compensated":
      return {
        kind: "compensated",
        error: phase.error,
        ...(phase.step === undefined ? {} : { step: phase.step }),
      };
    case "cancelled":
      return { kind: "cancelled", reason: phase.reason };
    case "refused":
      return { kind: "refused", violations: phase.violations };
    default:
      throw new BatonError("INVARIANT_BROKEN", `Run ${run.id} has not ended.`);
  }
}

/** For those who ask something of a run that has ended. */
export function finished(run: Run): BatonError {
  return new BatonError("RUN_FINISHED", `Run ${run.id} has ended: ${run.phase.kind}.`, {
    details: { run: run.id, status: run.phase.kind },
  });
}
