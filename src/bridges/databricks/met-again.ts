/**
 * Outputs of runs that have ended. All attempts have one key, by which the other side finds the same run: what is wrong with its output
 * is met again by each, and paid for again.
 */
import { check } from "../../model/check.ts";
import type { AnyContract } from "../../model/contract.ts";
import { BatonError } from "../../model/errors.ts";
import { textField } from "./fields.ts";
import type { RemoteAnswer } from "./remote-answer.ts";

export interface MetAgain {
  /** The output of an answer. What is thrown for that of a run that has ended is final; so is what its contract does not take. */
  readonly of: <X>(answer: RemoteAnswer, output: () => X) => Promise<X>;
  readonly has: (error: unknown) => boolean;
}

export function meetingAgain(agent: {
  readonly name: string;
  readonly version: string;
  readonly output: AnyContract;
}): MetAgain {
  // By identity: whatever was thrown, its code and its class are somebody's to read.
  const errors = new WeakSet<WeakKey>();
  return {
    of: async ({ customOutputs }, output) => {
      const hasEnded =
        textField(customOutputs, "run") !== undefined && customOutputs["status"] === "completed";
      if (!hasEnded) return output();
      try {
        return kept(agent, await output());
      } catch (error) {
        if (typeof error === "object" && error !== null) errors.add(error);
        throw error;
      }
    },
    has: (error) => typeof error === "object" && error !== null && errors.has(error),
  };
}

/** As the engine says it of an output that it refuses. Whether it is stable, the engine asks itself. */
function kept<X>({ name, version, output }: Parameters<typeof meetingAgain>[0], value: X): X {
  const id = `${name}@${version}`;
  const checked = check(output, value, `output of ${id}`, "handoff");
  if (checked.kind === "ok") return value;
  const { violations } = checked;
  const message = `The output of ${id} breaks ${output.id}: ${violations[0]?.message ?? ""}`;
  throw new BatonError("CONTRACT_VIOLATED", message, { details: { violations } });
}
