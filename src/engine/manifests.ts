/** Manifests: what a run is pinned to, content-addressed; and the registry streams that hold each workflow version's graph. */
import { ENGINE } from "../decide/turn.ts";
import { canonicalJson } from "../journal/canonical.ts";
import { NO_HASH, sha256Hex } from "../journal/hash.ts";
import { seal } from "../journal/seal.ts";
import type { BlobRef } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import { type Json, type JsonObject, sealJson } from "../model/json.ts";
import { graphDifference } from "../model/graph-difference.ts";
import { graphOf, manifestOf } from "../model/manifest.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { Blob, JournalStore } from "../ports/journal-store.ts";
import { type Catalogue, definitionFor, type Found } from "./definitions.ts";

const blobs = new WeakMap<WorkflowDefinition, Blob>();

/** The manifest of a definition as a blob; computed once for each definition. */
export function manifestBlob(definition: WorkflowDefinition): Blob {
  const known = blobs.get(definition);
  if (known !== undefined) return known;
  const blob = blobOf(manifestOf(definition), `manifest of ${definition.id}`);
  blobs.set(definition, blob);
  return blob;
}

export function manifestHash(definition: WorkflowDefinition): string {
  return manifestBlob(definition).sha256;
}

function blobOf(value: JsonObject, what: string): Blob {
  const text = canonicalJson(sealJson(value, what));
  return { sha256: sha256Hex(text), text };
}

export interface RegistrySource {
  readonly store: JournalStore;
  readonly namespace: string;
  /** Under which is registered; undefined where it is only compared. */
  readonly epoch: number | undefined;
}

/**
 * Holds each workflow against what is registered under its name and version, and, with an epoch, registers what is new.
 * @throws BatonError WORKFLOW_CHANGED with every difference of every workflow in `details.changes`.
 */
export async function registerWorkflows(
  source: RegistrySource,
  workflows: Iterable<WorkflowDefinition>,
  nowMs: number,
): Promise<void> {
  const changes: { readonly workflow: string; readonly differences: readonly string[] }[] = [];
  for (const workflow of workflows) {
    const differences = await register(source, workflow, nowMs);
    if (differences.length > 0) changes.push({ workflow: workflow.id, differences });
  }
  if (changes.length === 0) return;
  const told = changes
    .map(({ workflow, differences }) => `${workflow}: ${differences.join("; ")}`)
    .join(". ");
  throw new BatonError("WORKFLOW_CHANGED", `The graph changed under the same version. ${told}.`, {
    details: { changes },
  });
}

async function register(
  source: RegistrySource,
  workflow: WorkflowDefinition,
  nowMs: number,
): Promise<readonly string[]> {
  const { store, namespace, epoch } = source;
  const stream = `registry/${workflow.id}`;
  const graph = blobOf(graphOf(workflow), `graph of ${workflow.id}`);
  const manifest = manifestBlob(workflow);
  const known = await store.read({ namespace, stream }, 0, 10_000);
  const registered = known.map((entry) => registration(entry.text));
  const last = registered.at(-1);
  if (last !== undefined && last.graphBlob.sha256 !== graph.sha256) {
    const before = await store.blob(last.graphBlob.sha256);
    if (before === undefined)
      throw new BatonError("JOURNAL_BROKEN", `The graph of ${workflow.id} is not in the store.`);
    // The blob was written by this function, from graphOf.
    return graphDifference(JSON.parse(before) as JsonObject, graphOf(workflow));
  }
  const isKnown = registered.some((entry) => entry.manifestBlob.sha256 === manifest.sha256);
  if (isKnown || epoch === undefined) return [];
  const sealed = seal(
    {
      namespace,
      stream,
      epoch,
      prev: known.at(-1)?.hash ?? NO_HASH,
      inlinePayloadBytesMax: Number.MAX_SAFE_INTEGER,
    },
    [
      {
        kind: "workflow.registered",
        seq: known.length,
        at: nowMs,
        by: ENGINE,
        payload: { workflow: workflow.id, graphBlob: refTo(graph), manifestBlob: refTo(manifest) },
      },
    ],
  );
  const result = await store.append({
    streams: [
      {
        namespace,
        stream,
        expectedSeq: known.length - 1,
        entries: sealed.entries.map((entry) => entry.stored),
        index: { status: "registered", open: false, type: workflow.id },
      },
    ],
    blobs: [graph, manifest],
    epoch,
  });
  if (result.kind !== "appended")
    throw new BatonError("STORE_FENCED", `${store.label} was taken over while it was opened.`);
  return [];
}

function refTo(blob: Blob): BlobRef {
  return { sha256: blob.sha256, bytes: Buffer.byteLength(blob.text) };
}

function registration(text: string): {
  readonly graphBlob: BlobRef;
  readonly manifestBlob: BlobRef;
} {
  // Entries of registry streams are written by register() alone.
  return (
    JSON.parse(text) as {
      readonly payload: { readonly graphBlob: BlobRef; readonly manifestBlob: BlobRef };
    }
  ).payload;
}

/** The workflow that a run's first entry names. */
export function workflowId(started: JsonObject): string {
  const workflow = started["workflow"];
  return typeof workflow === "string" ? workflow : "unknown@0.0.0";
}

/** What a run is pinned to; where code is missing, whether some of it may have to be compensated. */
export type PinnedDefinition =
  | Extract<Found, { readonly kind: "found" }>
  | (Extract<Found, { readonly kind: "missing" }> & { readonly compensates: boolean });

/** The code that a run is pinned to by the payload of its first entry, out of what Baton was opened with; or what is missing. */
export async function pinnedDefinition(
  store: Pick<JournalStore, "blob">,
  known: Catalogue,
  started: JsonObject,
): Promise<PinnedDefinition> {
  const workflow = workflowId(started);
  const today = known.workflows.get(workflow);
  const manifest = started["manifest"];
  if (today !== undefined && manifest === manifestHash(today))
    return { kind: "found", definition: today };
  const text = typeof manifest === "string" ? await store.blob(manifest) : undefined;
  if (text === undefined)
    return { kind: "missing", missing: [`workflow ${workflow}`], compensates: true };
  // The text is canonical JSON of an object that manifestOf made, found by its own hash.
  const pinned = JSON.parse(text) as JsonObject;
  const found = definitionFor(known, workflow, pinned);
  return found.kind === "found" ? found : { ...found, compensates: compensates(pinned) };
}

/** Whether a manifest names an agent that can be compensated, or a savepoint; see manifestOf for its form. */
function compensates({ agents, workflows }: JsonObject): boolean {
  const steps = Object.values(workflows ?? {}).flatMap((each: Json) =>
    has(each, "steps") ? Object.values(each["steps"] ?? {}) : [],
  );
  return (
    Object.values(agents ?? {}).some((agent: Json) => has(agent, "compensates")) ||
    steps.some((step: Json) => has(step, "savepoint") || has(step, "pivot"))
  );
}

function has(value: Json, field: string): value is JsonObject {
  return typeof value === "object" && value !== null && field in value;
}
