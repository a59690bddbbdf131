/**
 * What a server of workflows needs of Baton. What `open()` gives has all of it; it is named here, since a bridge does not know the
 * engine.
 */
import type { RecordedEntry } from "../history/read.ts";
import type { RunReport } from "../history/report.ts";
import type { RunWaits } from "../history/run-wait.ts";
import type { Author, Failure } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import type { Violation } from "../model/violation.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";

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

/** What whoever watches a run is told. */
export type ServedItem =
  | ({ readonly kind: "entry" } & RecordedEntry)
  | {
      readonly kind: "partial";
      readonly path: string;
      readonly attempt: number;
      readonly chunk: Json;
    }
  | {
      readonly kind: "progress";
      readonly path: string;
      readonly attempt: number;
      readonly progress: Json;
    };

/** A Baton, as far as those who serve its workflows use it. */
export interface ServedBaton {
  readonly workflows: readonly WorkflowDefinition[];
  startUntyped(
    workflow: WorkflowDefinition,
    input: unknown,
    options: {
      readonly id?: string;
      readonly by: Author;
      /** Of whoever calls: the run's span has a link to it. */
      readonly traceparent?: string;
    },
  ): Promise<ServedRun>;
  signal(
    run: string,
    step: string,
    payload: unknown,
    options: { readonly by: Author; readonly id: string },
  ): Promise<void>;
  cancel(run: string, options: { readonly by: Author; readonly reason: string }): Promise<void>;
  runs(filter: {
    readonly correlation: string;
    readonly limit: number;
  }): Promise<readonly { readonly id: string; readonly lastSeq: number; readonly no: number }[]>;
  entries(run: string, fromSeq?: number): AsyncIterable<RecordedEntry>;
  report(run: string): Promise<RunReport>;
  waits(run: string): Promise<RunWaits>;
  watch(
    run: string,
    options?: {
      readonly fromSeq?: number;
      readonly partials?: boolean;
      readonly signal?: AbortSignal;
    },
  ): AsyncIterable<ServedItem>;
}
