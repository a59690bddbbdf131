/**
 * Whether each result was computed from the very values that its `reads` name, and each attempt counted once: found a second
 * time, from the entries alone.
 */
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { RecordedEntry } from "../../history/read.ts";
import { check } from "../../model/check.ts";
import type { Json } from "../../model/json.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";

/** What is wrong with the inputs of a run's steps. */
export function checkReads(
  entries: readonly RecordedEntry[],
  definition: WorkflowDefinition,
): readonly string[] {
  const broken: string[] = [];
  const sealed = new Map<number, { readonly key: string; readonly value: Json }>();
  /** By key, where it was sealed last. */
  const newest = new Map<string, number>();
  for (const { entry, value } of entries) {
    const { kind, path = "", seq, reads, inputHash } = entry;
    const isInput = kind === "run.started";
    const step = definition.stepByName.get(path);
    if (kind === "step.sealed" && step !== undefined) {
      const view: Record<string, Json | undefined> = {};
      for (const key of step.needs) {
        const from = reads?.[key];
        const read = from === undefined ? undefined : sealed.get(from);
        view[key] = read?.value;
        if (from !== newest.get(key) || (read !== undefined && read.key !== key))
          broken.push(`entry ${seq} says that ${path} read ${key} from entry ${from ?? "none"}.`);
      }
      if (step.kind === "agent" && inputHash !== hashOf(step, view))
        broken.push(`entry ${seq}: ${path} was given something else than it says that it read.`);
    }
    // After a way back it may be skipped, though it was sealed before.
    if (kind === "step.skipped") newest.delete(path);
    if (value === undefined || (!isInput && kind !== "step.sealed")) continue;
    const key = isInput ? "input" : path;
    sealed.set(seq, { key, value });
    newest.set(key, seq);
  }
  return broken;
}

function hashOf(
  { agent, input, name }: Extract<WorkflowDefinition["steps"][number], { readonly kind: "agent" }>,
  view: Readonly<Record<string, Json | undefined>>,
): string | undefined {
  const checked = check(agent.input, input(Object.freeze(view)), `input of ${name}`, "handoff");
  return checked.kind === "ok" ? sha256Hex(canonicalJson(checked.value)) : undefined;
}

/** What is wrong with how attempts were counted: each turn of a call, and each compensation, has 1, 2, 3, ... */
export function checkAttempts(entries: readonly RecordedEntry[]): readonly string[] {
  const broken: string[] = [];
  const last = new Map<string, number>();
  const unknown = new Set<string>();
  const done = new Set<string>();
  for (const { entry } of entries) {
    const { kind, path = "", turn = 0, attempt, seq } = entry;
    if (kind === "attempt.probed" && entry.payload["answer"] === "done")
      done.add(`attempt ${path}:${turn}`);
    if (attempt === undefined || !COUNTED.has(kind)) continue;
    const place = `${kind.slice(0, kind.indexOf("."))} ${path}:${turn}`.replace(
      /^(step|item) /,
      "attempt ",
    );
    const before = last.get(place) ?? 0;
    // What a probe or a person says of an attempt of unknown outcome is sealed as that attempt's.
    const isSealed = kind.endsWith(".sealed") && unknown.has(place);
    // What a probe says was done, and can't be published, has failed.
    const isTold =
      (isSealed || (kind === "attempt.failed" && done.has(place))) && attempt === before;
    if (kind === "attempt.unknown") unknown.add(place);
    if (attempt !== before + 1 && !isTold)
      broken.push(`entry ${seq}: attempt ${attempt} of ${path} came after attempt ${before}.`);
    last.set(place, attempt);
  }
  return broken;
}

const COUNTED: ReadonlySet<string> = new Set([
  "attempt.failed",
  "attempt.unknown",
  "step.sealed",
  "item.sealed",
  "compensation.failed",
  "compensation.sealed",
]);
