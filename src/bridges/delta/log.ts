/**
 * Reading a Delta log: the newest checkpoint that serves, and the commits after it, reconciled into a snapshot (PROTOCOL.md,
 * "Action Reconciliation"). What cannot be read, or may not be, is refused: a table is never read in part.
 */
import { BatonError } from "../../model/errors.ts";
import {
  type Action,
  type AddFile,
  corrupt,
  decodeActions,
  isObject,
  type MetaData,
  type Protocol,
  type RemoveFile,
  type Txn,
} from "./actions.ts";
import { readCheckpoint } from "./checkpoint-rows.ts";
import { checkpointPath, commitPath, digits, LAST_CHECKPOINT, LOG_FOLDER } from "./log-paths.ts";
import type { DeltaStorage } from "./storage.ts";

/** A table as it was after one commit. */
export interface Snapshot {
  readonly version: number;
  readonly protocol: Protocol;
  readonly metaData: MetaData;
  /** By path. */
  readonly files: ReadonlyMap<string, AddFile>;
  /** Files that another writer took out, by path: a checkpoint must name them for those who still look for them. */
  readonly removed: ReadonlyMap<string, RemoveFile>;
  /** By the application's id. */
  readonly txns: ReadonlyMap<string, Txn>;
  /** The checkpoint that it was read from, or that was written, or tried, since; -1 if there is none. */
  readonly checkpoint: number;
}

/**
 * The table as it is now, or as it was after an earlier commit; undefined if there is none.
 * @throws BatonError `TABLE_CORRUPT`, `TABLE_UNSUITABLE`, `TABLE_NOT_FOUND` (the version), `TABLE_FAILED`
 */
export async function readSnapshot(
  storage: DeltaStorage,
  folder: string,
  version?: number,
): Promise<Snapshot | undefined> {
  const hinted = await lastCheckpoint(storage, folder);
  const from = hinted !== undefined && (version === undefined || hinted <= version) ? hinted : 0;
  const names = await storage.list(
    `${folder}/${LOG_FOLDER}`,
    from === 0 ? undefined : digits(from),
  );
  const found = versionsIn(names);
  if (found.commits.length === 0 && found.checkpoints.length === 0) {
    // What the hint leads to is gone: everything is looked through before that is believed.
    if (from > 0) return await withoutHint(storage, folder, version);
    if (names.length > 0)
      throw corrupt(
        `The Delta log of ${folder} in ${storage.label}`,
        "holds neither a commit nor a checkpoint",
      );
    return undefined;
  }
  return (
    (await fromListing(storage, folder, found, version)) ??
    (await withoutHint(storage, folder, version))
  );
}

interface Versions {
  readonly commits: readonly number[];
  readonly checkpoints: readonly number[];
}

function versionsIn(names: readonly string[]): Versions {
  const matching = (pattern: RegExp): readonly number[] =>
    names.flatMap((name) => {
      const number = pattern.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
  return {
    commits: matching(/^(\d{20})\.json$/),
    checkpoints: matching(/^(\d{20})\.checkpoint\.parquet$/),
  };
}

async function withoutHint(
  storage: DeltaStorage,
  folder: string,
  version: number | undefined,
): Promise<Snapshot | undefined> {
  const found = versionsIn(await storage.list(`${folder}/${LOG_FOLDER}`));
  if (found.commits.length === 0 && found.checkpoints.length === 0) return undefined;
  const snapshot = await fromListing(storage, folder, found, version);
  if (snapshot !== undefined) return snapshot;
  throw corrupt(
    `The Delta log of ${folder} in ${storage.label}`,
    "has neither its first commit nor a checkpoint to begin with",
  );
}

/** Undefined where what was listed does not reach back to a beginning. */
async function fromListing(
  storage: DeltaStorage,
  folder: string,
  found: Versions,
  version: number | undefined,
): Promise<Snapshot | undefined> {
  // Names are in order, and there may be more of them than a call takes arguments.
  const newest = Math.max(found.commits.at(-1) ?? -1, found.checkpoints.at(-1) ?? -1);
  const target = version ?? newest;
  if (target > newest)
    throw new BatonError(
      "TABLE_NOT_FOUND",
      `The table ${folder} in ${storage.label} has no version ${target}: the newest is ${newest}.`,
      { details: { version: target, newest } },
    );
  const checkpoint = found.checkpoints.filter((each) => each <= target).at(-1);
  const state = emptyState();
  if (checkpoint !== undefined) {
    for (const action of await readCheckpoint(storage, `${folder}/${checkpointPath(checkpoint)}`))
      take(state, action);
    state.version = checkpoint;
    state.checkpoint = checkpoint;
  } else if (!found.commits.includes(0)) {
    return undefined;
  }
  await takeCommits(storage, folder, state, target);
  return snapshotOf(state, `The Delta log of ${folder} in ${storage.label}`);
}

/** The table after all that was committed since `snapshot`, which stays what it is. */
export async function refreshed(
  storage: DeltaStorage,
  folder: string,
  snapshot: Snapshot,
): Promise<Snapshot> {
  const state: State = {
    ...snapshot,
    files: new Map(snapshot.files),
    removed: new Map(snapshot.removed),
    txns: new Map(snapshot.txns),
  };
  await takeCommits(storage, folder, state, undefined);
  return snapshotOf(state, `The Delta log of ${folder} in ${storage.label}`);
}

/** Whether something was committed after `snapshot`. */
export async function isOutdated(
  storage: DeltaStorage,
  folder: string,
  snapshot: Snapshot,
): Promise<boolean> {
  return (await storage.read(`${folder}/${commitPath(snapshot.version + 1)}`)) !== undefined;
}

/** The table after a commit that we have made ourselves. */
export function advanced(snapshot: Snapshot | undefined, actions: readonly Action[]): Snapshot {
  // Its maps are ours alone: a snapshot that was given out has been let go of by then.
  const state = snapshot === undefined ? emptyState() : (snapshot as State);
  for (const action of actions) take(state, action);
  state.version += 1;
  return snapshotOf(state, "The Delta log that was just written");
}

/** A snapshot while it is made. */
interface State {
  version: number;
  checkpoint: number;
  protocol: Protocol | undefined;
  metaData: MetaData | undefined;
  readonly files: Map<string, AddFile>;
  readonly removed: Map<string, RemoveFile>;
  readonly txns: Map<string, Txn>;
}

function emptyState(): State {
  return {
    version: -1,
    checkpoint: -1,
    protocol: undefined,
    metaData: undefined,
    files: new Map(),
    removed: new Map(),
    txns: new Map(),
  };
}

/** Takes commit after commit, up to `target`, or to where there is no next one. */
async function takeCommits(
  storage: DeltaStorage,
  folder: string,
  state: State,
  target: number | undefined,
): Promise<void> {
  while (target === undefined || state.version < target) {
    const path = `${folder}/${commitPath(state.version + 1)}`;
    const bytes = await storage.read(path);
    if (bytes === undefined) {
      if (target === undefined) return;
      throw corrupt(`The commit ${path} in ${storage.label}`, `is gone; there is a later one`);
    }
    for (const action of decodeActions(bytes, `The commit ${path} in ${storage.label}`))
      take(state, action);
    state.version += 1;
  }
}

function take(state: State, action: Action): void {
  if ("protocol" in action) state.protocol = action.protocol;
  else if ("metaData" in action) state.metaData = action.metaData;
  else if ("add" in action) {
    state.files.set(action.add.path, action.add);
    state.removed.delete(action.add.path);
  } else if ("remove" in action) {
    state.files.delete(action.remove.path);
    state.removed.set(action.remove.path, action.remove);
  } else if ("txn" in action) state.txns.set(action.txn.appId, action.txn);
}

function snapshotOf(state: State, where: string): Snapshot {
  const { protocol, metaData } = state;
  if (protocol === undefined || metaData === undefined)
    throw corrupt(where, "says neither protocol nor schema");
  checkReadable(protocol, where);
  return { ...state, protocol, metaData };
}

/** PROTOCOL.md, "Requirements for Readers": of reader version 2 and 3 nothing is known here but that they may name no feature. */
function checkReadable(protocol: Protocol, where: string): void {
  const { minReaderVersion, readerFeatures = [] } = protocol;
  const plain = minReaderVersion === 1 || (minReaderVersion === 3 && readerFeatures.length === 0);
  if (plain) return;
  throw new BatonError(
    "TABLE_UNSUITABLE",
    `${where} asks for what Baton does not know to be read: reader version ${minReaderVersion}${named(readerFeatures)}.`,
    { details: { protocol } },
  );
}

const WRITER_FEATURES: ReadonlySet<string> = new Set(["appendOnly", "invariants"]);

/**
 * PROTOCOL.md, "Requirements for Writers": writer version 2 is what an append-only table takes; column invariants are refused
 * where the schema has some.
 * @throws BatonError `TABLE_UNSUITABLE`
 */
export function checkWritable(protocol: Protocol, where: string): void {
  const { minWriterVersion, writerFeatures = [] } = protocol;
  const plain =
    minWriterVersion <= 2 ||
    (minWriterVersion === 7 && writerFeatures.every((feature) => WRITER_FEATURES.has(feature)));
  if (plain) return;
  throw new BatonError(
    "TABLE_UNSUITABLE",
    `${where} asks for what Baton does not know to be written: writer version ${minWriterVersion}${named(writerFeatures)}.`,
    { details: { protocol } },
  );
}

function named(features: readonly string[]): string {
  return features.length === 0 ? "" : `, ${features.join(", ")}`;
}

/** The version that `_last_checkpoint` names. It is a hint: one that is missing, or cannot be read, only makes reading slower. */
async function lastCheckpoint(storage: DeltaStorage, folder: string): Promise<number | undefined> {
  const bytes = await storage.read(`${folder}/${LAST_CHECKPOINT}`);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const version: unknown = isObject(value) ? value["version"] : undefined;
    return Number.isSafeInteger(version) && Number(version) >= 0 ? Number(version) : undefined;
  } catch {
    return undefined;
  }
}
