/** What a served workflow needs of Baton: what `open()` gives has it. */
import type { RecordedEntry } from "../../history/read.ts";
import type { RunReport } from "../../history/report.ts";
import type { RunWaits } from "../../history/run-wait.ts";
import type { Author } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";

/** What whoever watches a run is told, as far as it is passed on. */
export type ServedItem =
  | ({ readonly kind: "entry" } & RecordedEntry)
  | {
      readonly kind: "partial";
      readonly path: string;
      readonly attempt: number;
      readonly chunk: Json;
    }
  | { readonly kind: "progress" };

export interface ServedBaton {
  startUntyped(
    workflow: WorkflowDefinition,
    input: unknown,
    options: { readonly id?: string; readonly by: Author },
  ): Promise<{ readonly id: string }>;
  watch(
    run: string,
    options?: { readonly partials?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<ServedItem>;
  report(run: string): Promise<RunReport>;
  waits(run: string): Promise<RunWaits>;
}
