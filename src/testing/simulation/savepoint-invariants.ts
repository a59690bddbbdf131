/** Whether runs went back no further than they may, and what a savepoint keeps was kept: found from the entries alone. */
import type { RecordedEntry } from "../../history/read.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";

/** What is wrong with how far a run went back, and with what it did after that. */
export function checkSavepoints(
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
): readonly string[] {
  const broken: string[] = [];
  /** By step, where its newest turn that stands was sealed. */
  const standing = new Map<string, number>();
  let kept: ReadonlySet<string> = new Set();
  let pivotAt = -1;
  for (const { entry } of entries) {
    const { kind, path = "", seq, payload } = entry;
    // What a refusal leads to, and where a run goes back to, are written by the engine alone, in these very forms.
    const then = payload["then"] as { readonly to?: string } | undefined;
    const to = payload["to"] as { readonly seq: number } | undefined;
    if (kind === "run.compensating" && (to?.seq ?? -1) < pivotAt)
      broken.push(
        `goes back in entry ${seq} across the pivot that was sealed in entry ${pivotAt}.`,
      );
    if (kind === "handoff.refused" && then?.to !== undefined) {
      standing.delete(then.to);
      kept = new Set([...kept].filter((step) => step !== then.to));
    }
    if (kind === "run.restored") {
      const at = Number(payload["seq"]);
      for (const [step, sealedAt] of standing) if (sealedAt > at) standing.delete(step);
      kept = new Set(standing.keys());
    }
    if (kind !== "step.sealed") continue;
    if (kept.has(path))
      broken.push(`sealed ${path} in entry ${seq} again, which a savepoint keeps.`);
    standing.set(path, seq);
    if (definition.stepByName.get(path)?.pivot === true) pivotAt = Math.max(pivotAt, seq);
  }
  return broken;
}
