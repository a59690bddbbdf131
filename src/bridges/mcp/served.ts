/** What is served by MCP: a Baton, as far as the tools need it. */
import type { RecordedEntry } from "../../history/read.ts";
import type { RunReport } from "../../history/report.ts";
import type { RunWaits } from "../../history/waits.ts";
import type { Author, Failure } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { Violation } from "../../model/violation.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";

/** How a run ended. */
export type ServedOutcome =
  | { readonly kind: "completed"; readonly output: Json }
  | {
      readonly kind: "failed" | "compensated";
      readonly error: Failure;
      readonly step?: string;
    }
  | { readonly kind: "cancelled"; readonly reason: string }
  | { readonly kind: "refused"; readonly violations: readonly Violation[] };

/** Started or joined. */
export interface ServedRun {
  readonly id: string;
  outcome(): Promise<ServedOutcome>;
}

/** A Baton, as `open()` gives it. */
export interface ServedBaton {
  readonly workflows: readonly WorkflowDefinition[];
  startUntyped(
    workflow: WorkflowDefinition,
    input: unknown,
    options: { readonly id?: string; readonly by: Author },
  ): Promise<ServedRun>;
  cancel(run: string, options: { readonly by: Author; readonly reason: string }): Promise<void>;
  report(run: string): Promise<RunReport>;
  waits(run: string): Promise<RunWaits>;
  entries(run: string): AsyncIterable<RecordedEntry>;
  watch(
    run: string,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<{ readonly kind: "entry" | "partial" | "progress" } | WatchedEntry>;
}

/** An entry of a run that is watched. */
export type WatchedEntry = { readonly kind: "entry" } & RecordedEntry;
