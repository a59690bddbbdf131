/** What a model has answered, held against the output's contract. */
import type { FinishReason, ModelMessage } from "ai";
import { check } from "../../model/check.ts";
import type { AnyContract } from "../../model/contract.ts";
import { BatonError } from "../../model/errors.ts";
import { violationsOf } from "../../model/evidence.ts";
import type { Violation } from "../../model/violation.ts";
import type { OutputForm } from "./prompt-options.ts";

export interface Answer {
  readonly text: string;
  readonly finishReason: FinishReason;
  /** As the provider put it; undefined where it said none. */
  readonly rawFinishReason: string | undefined;
  /** What the model and the tools have said since it was asked. */
  readonly messages: readonly ModelMessage[];
}

type Judged =
  | { readonly kind: "kept"; readonly value: unknown }
  | { readonly kind: "broken"; readonly violations: readonly Violation[] };

/** Whether an answer keeps to the contract, schema and rules; what is wrong with it, never the whole of it. */
export function judged(contract: AnyContract, form: OutputForm, text: string): Judged {
  let value: unknown = text;
  if (form.kind === "object") {
    try {
      value = JSON.parse(text);
    } catch (error) {
      const why = text.trim() === "" ? "it is empty" : String(error);
      return { kind: "broken", violations: notJson(contract, why) };
    }
  }
  // Whether what comes out is stable, the engine asks, as of every output.
  const checked = check(contract, value, "answer of the model", "handoff");
  return checked.kind === "ok" ? { kind: "kept", value } : { ...checked, kind: "broken" };
}

function notJson(contract: AnyContract, why: string): readonly Violation[] {
  const message = `The answer is not JSON: ${why}`;
  return violationsOf(contract, undefined, [{ path: [], rule: "json", message, quotes: true }]);
}

/** @throws BatonError `MODEL_CUT_SHORT`, `MODEL_BLOCKED`, `MODEL_FAILED`, unless the model has come to its end. */
export function assertComplete(
  { finishReason, rawFinishReason }: Answer,
  { model, streamed }: { readonly model: string; readonly streamed: boolean },
): void {
  const details = { model, finishReason, rawFinishReason };
  switch (finishReason) {
    case "stop":
      return;
    case "length":
      throw new BatonError(
        "MODEL_CUT_SHORT",
        `The answer of ${model} was cut off for its length.`,
        {
          details: { ...details, final: true },
        },
      );
    case "tool-calls":
      throw new BatonError("MODEL_CUT_SHORT", `${model} still called tools in its last step.`, {
        details: { ...details, final: true },
      });
    case "content-filter":
      throw new BatonError("MODEL_BLOCKED", `${model} refused to answer, or its filter did.`, {
        details: { ...details, final: true },
      });
    case "error":
      throw broken(details);
    case "other":
      // A stream that says nothing of its end may have been cut; a whole answer is judged by its contract.
      if (streamed && rawFinishReason === undefined) throw broken(details);
      return;
  }
}

function broken(details: Readonly<Record<string, unknown>> & { readonly model: string }) {
  return new BatonError("MODEL_FAILED", `${details.model} ended its answer with an error.`, {
    details,
  });
}
