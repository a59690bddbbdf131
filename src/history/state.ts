/**
 * The state of a run at a version: a fold of its sealing entries.
 *
 * Version N is the state after the N-th sealing entry (`run.started` seals version 0). A step that was skipped is absent;
 * so is one whose output was sent back, or that a run which went back to a savepoint has taken back, until its next turn is
 * sealed.
 */
import { SEALING_KINDS } from "../model/entry-kinds.ts";
import type { EntryKind } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { factOf, type RecordedEntry, runIdOf } from "./read.ts";

/** Where a key's value was sealed. */
export interface SealedKey {
  readonly seq: number;
  readonly version: number;
  readonly turn: number;
  readonly agent?: string;
}

/** The state at a version: `{ input, <step>: output }`, with where each key was sealed. */
export interface StateAt {
  readonly run: string;
  readonly version: number;
  readonly seq: number;
  readonly values: JsonObject;
  readonly sealed: Readonly<Record<string, SealedKey>>;
}

/** One sealing entry, with the version that it made. */
export interface Sealing {
  readonly key: string;
  readonly version: number;
  readonly recorded: RecordedEntry;
}

/** Whether an entry of this kind makes a version. */
export function isSealing(kind: EntryKind): boolean {
  return SEALING_KINDS.has(kind);
}

/** The sealing entries of a run in order: the one at index N made version N. */
export function sealings(entries: readonly RecordedEntry[]): readonly Sealing[] {
  const found: Sealing[] = [];
  for (const recorded of entries) {
    const { kind, path } = recorded.entry;
    if (isSealing(kind)) found.push({ key: path ?? "input", version: found.length, recorded });
  }
  return found;
}

/** What {@link foldKeys} keeps: for each key that is present, the sealing that it is from. Owned by the caller of the fold. */
export type Keys = Map<string, Sealing>;

/** Applies one entry to the keys that are present; `version` is the newest one before it. Gives the newest one after it. */
export function foldKeys(keys: Keys, version: number, recorded: RecordedEntry): number {
  const fact = factOf(recorded);
  switch (fact.kind) {
    case "run.started":
    case "step.sealed":
    case "step.carried": {
      const key = fact.path ?? "input";
      keys.set(key, { key, version: version + 1, recorded });
      return version + 1;
    }
    case "step.skipped":
      keys.delete(fact.path ?? "");
      return version;
    case "handoff.refused":
      if (fact.payload.then.kind === "sendBack") keys.delete(fact.payload.then.to);
      return version;
    case "run.restored":
      for (const [key, { recorded: sealed }] of keys)
        if (sealed.entry.seq > fact.payload.seq) keys.delete(key);
      return version;
    default:
      return version;
  }
}

/**
 * The keys that are present at a version, with the seq of the entry that sealed it. If it is left out: those that are present
 * now, under the newest version.
 * @throws BatonError VERSION_NOT_FOUND
 */
export function keysAt(
  entries: readonly RecordedEntry[],
  version?: number,
): { readonly keys: Keys; readonly version: number; readonly seq: number } {
  const sealed = entries.filter(({ entry }) => isSealing(entry.kind));
  const wanted = version ?? sealed.length - 1;
  const last = sealed[wanted];
  if (last === undefined) versionNotFound(entries, wanted, sealed.length - 1);
  const keys: Keys = new Map();
  let now = -1;
  for (const recorded of entries) {
    now = foldKeys(keys, now, recorded);
    if (now === version) break;
  }
  return { keys, version: wanted, seq: last.entry.seq };
}

function versionNotFound(
  entries: readonly RecordedEntry[],
  version: number,
  newest: number,
): never {
  const run = runIdOf(entries);
  const has = newest < 0 ? "it has no versions: it never began" : `its versions are 0 to ${newest}`;
  throw new BatonError(
    "VERSION_NOT_FOUND",
    `Run ${run} has no version ${Math.max(version, 0)}; ${has}.`,
    {
      details: { run, version, newest },
    },
  );
}

/**
 * The state of a run at a version; as it is now, if left out.
 * @throws BatonError VERSION_NOT_FOUND, RUN_NOT_FOUND
 */
export function stateAt(entries: readonly RecordedEntry[], version?: number): StateAt {
  const run = runIdOf(entries);
  const at = keysAt(entries, version);
  const values: Record<string, Json> = {};
  const sealed: Record<string, SealedKey> = {};
  for (const [key, { recorded, version: sealedIn }] of at.keys) {
    const { seq, turn, agent } = recorded.entry;
    values[key] = recorded.value ?? null;
    sealed[key] = Object.freeze({
      seq,
      version: sealedIn,
      turn: turn ?? 0,
      ...(agent === undefined ? {} : { agent }),
    });
  }
  return Object.freeze({
    run,
    version: at.version,
    seq: at.seq,
    values: Object.freeze(values),
    sealed: Object.freeze(sealed),
  });
}
