/**
 * What the Delta tables need of the place where they are kept: a folder, or a bucket. Paths have slashes, and are relative.
 *
 * Promises of every implementation:
 * D1. `create` is put-if-absent: of all who create a path at the same time, in whatever process, one is told `created`. The Delta
 *     log rests on it (PROTOCOL.md, "Creation of New Log Entries": an entry is never overwritten).
 * D2. Nobody sees a part of a file: it is there as a whole, or not at all.
 * D3. What was created or replaced survives the loss of power.
 * D4. Whoever lists or reads after a file was created sees it.
 */
import { BatonError, isBatonError } from "../../model/errors.ts";

export interface DeltaStorage {
  /** For messages: a folder, or `s3://bucket/prefix`. */
  readonly label: string;
  /** The whole file; undefined if it is not there. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** The names of the files in a folder, without those that are not after `after`, in the order of their text. Empty for an unknown folder. */
  list(folder: string, after?: string): Promise<readonly string[]>;
  /** If this throws, whether the file is there is not known. */
  create(path: string, bytes: Uint8Array): Promise<"created" | "exists">;
  /** Puts a file in the place of what is there. */
  replace(path: string, bytes: Uint8Array): Promise<void>;
  /** Does nothing where the file is not there. */
  remove(path: string): Promise<void>;
}

/** `error` as one of ours, saying what could not be done: the place is full, out of reach, or may not be written. */
export function storageError(error: unknown, what: string): BatonError {
  if (isBatonError(error)) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new BatonError("TABLE_FAILED", `${what}: ${why}.`, { cause: error });
}
