/** What a server of A2A needs of Baton: a part of what `open()` gives, named here since a bridge does not know the engine. */
import type { RecordedEntry } from "../../history/read.ts";
import type { RunWaits } from "../../history/waits.ts";
import type { Author } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";

/** The part of a Baton that {@link a2aServer} uses. What `open()` gives has all of it. */
export interface ServedBaton {
  readonly workflows: readonly WorkflowDefinition[];
  startUntyped(
    workflow: WorkflowDefinition,
    input: unknown,
    options: { readonly id: string; readonly by: Author },
  ): Promise<unknown>;
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
  waits(run: string): Promise<RunWaits>;
  watch(
    run: string,
    options: { readonly fromSeq: number; readonly partials: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<WatchedItem>;
}

/** What a watcher is told. */
export type WatchedItem =
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

/** All entries of a run. @throws BatonError RUN_NOT_FOUND */
export async function entriesOf(
  baton: Pick<ServedBaton, "entries">,
  run: string,
): Promise<readonly RecordedEntry[]> {
  const entries: RecordedEntry[] = [];
  for await (const recorded of baton.entries(run)) entries.push(recorded);
  return entries;
}
