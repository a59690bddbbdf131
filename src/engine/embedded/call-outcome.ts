/** What the end of a call says: to the breaker that let it through, and of whether it acted. */
import type { CallOutcome } from "../../decide/breaker.ts";
import type { AgentDefinition } from "../../model/agent-definition.ts";
import { countsByDefault } from "../../model/breaker.ts";
import type { Failure } from "../../model/entry.ts";

export const SUCCEEDED: CallOutcome = { kind: "succeeded" };
export const IGNORED: CallOutcome = { kind: "ignored" };

/** Whether a failure is a sign of a sick downstream. `cause` is what was thrown, or the failure itself. */
export function failedCall(
  agent: AgentDefinition,
  place: { readonly run: string; readonly path: string; readonly at: number },
  failure: { readonly error: Failure; readonly cause: unknown },
): CallOutcome {
  const { error, cause } = failure;
  const counts = agent.breaker?.counts;
  const isSign = counts === undefined ? countsByDefault(error) : asked(counts, cause, error);
  return isSign ? { kind: "failed", evidence: { code: error.code, ...place } } : IGNORED;
}

/** A policy that throws says nothing. */
function asked(counts: (error: unknown) => boolean, cause: unknown, error: Failure): boolean {
  try {
    return counts(cause);
  } catch {
    return countsByDefault(error);
  }
}

/** Whether an error says that an at-most-once attempt did nothing. A policy that throws says nothing. */
export function saysNothingDone({ nothingDone }: AgentDefinition, error: unknown): boolean {
  if (nothingDone === undefined) return false;
  try {
    return nothingDone(error) === true;
  } catch {
    return false;
  }
}

/** What an at-most-once attempt that failed says of whether it acted; of the others the journal need not know. */
export function certainty(
  agent: AgentDefinition,
  begun: boolean,
  doneNothing: boolean,
): { readonly unknown?: true; readonly nothingDone?: true } {
  if (agent.delivery === undefined) return NOTHING_CERTAIN;
  return begun && !doneNothing ? { unknown: true } : { nothingDone: true };
}

const NOTHING_CERTAIN = {};
