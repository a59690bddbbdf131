/** What replay finds, and the comparison that all kinds of entries share: a recorded value against today's contract. */
import { type Tried, tryCall } from "../decide/handoff.ts";
import { check } from "../model/check.ts";
import type { AnyContract } from "../model/contract.ts";
import type { Fact } from "../model/entry.ts";
import { type Json, sealJson } from "../model/json.ts";
import type { Items, Run } from "../model/run.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { Announced } from "./replay-event.ts";

/** One way in which today's code would not have written this journal. */
export interface ReplayDifference {
  readonly seq: number;
  readonly path: string;
  readonly what:
    | "workflow"
    | "step"
    | "order"
    | "skipped"
    | "requirement"
    | "inputHash"
    | "agent"
    | "contract"
    | "branch"
    | "width"
    | "until"
    | "timer"
    | "shown"
    | "retry"
    | "delivery"
    | "compensation"
    | "breaker"
    /** An event that was published, received or gathered, and would not be today, or otherwise. */
    | "event"
    | "output";
  readonly message: string;
  readonly recorded?: Json;
  readonly today?: Json;
}

/** What comparing works with. `run` is the fold of what was recorded before the entry that is looked at. */
export interface Replaying {
  /** All that was recorded. */
  readonly facts: readonly Fact[];
  readonly run: Run;
  readonly definition: WorkflowDefinition;
  readonly differ: (difference: ReplayDifference) => void;
  /** `step:turn` of what has passed its gate, and names that the definition does not know. */
  readonly seen: Set<string>;
  /** By step that failed or was skipped, the items that it had. */
  readonly givenUp: Map<string, Items>;
  /** Set after a delivery that was sealed, until its events have been compared. */
  announced: Announced | undefined;
}

/** Whether today's contract takes a recorded value as it is. */
export function compareContract(
  replaying: Replaying,
  fact: Fact,
  contract: AnyContract,
  what: string,
): void {
  const { seq, path = "", value } = fact;
  if (value === undefined) return;
  const verdict = tryCall("contract", () => check(contract, value, what, "edge"));
  const violations = verdict.ok
    ? verdict.value.kind === "ok"
      ? undefined
      : verdict.value.violations
    : verdict.violations;
  if (violations !== undefined) {
    const message = `${what} breaks today's contract ${contract.id}.`;
    const today = sealJson(violations, "violations");
    return replaying.differ({ seq, path, what: "contract", message, recorded: value, today });
  }
  if (!verdict.ok || verdict.value.kind !== "ok" || !verdict.value.changed) return;
  const message = `Today's contract ${contract.id} would change the value.`;
  replaying.differ({
    seq,
    path,
    what: "contract",
    message,
    recorded: value,
    today: verdict.value.value,
  });
}

/** Says that today's code differs at an entry. */
export function differ(
  replaying: Replaying,
  fact: Fact,
  found: Pick<ReplayDifference, "what" | "message"> & {
    readonly recorded?: Json | undefined;
    readonly today?: Json;
  },
): void {
  const { what, message, recorded, today } = found;
  replaying.differ({
    seq: fact.seq,
    path: fact.path ?? "",
    what,
    message,
    ...(recorded === undefined ? {} : { recorded }),
    ...(today === undefined ? {} : { today }),
  });
}

/** Says that a user function or a contract of today refuses what passed when it was recorded. */
export function saysRefused(
  replaying: Replaying,
  fact: Fact,
  tried: Tried<unknown> & { readonly ok: false },
): void {
  const today = sealJson(tried.violations, "violations");
  const message = "Today the handoff would be refused.";
  differ(replaying, fact, { what: "requirement", message, recorded: fact.inputHash, today });
}
