/** Idempotency keys: derived, so that every attempt, in whatever process, gives outside systems the same one. */
import { sha256Hex } from "./hash.ts";

interface Place {
  readonly namespace: string;
  readonly run: string;
  readonly path: string;
  readonly turn: number;
}

/** The key of an execution. */
export function executionKeyOf(place: Place): string {
  return keyOf("baton/key/v1", place);
}

/** The key of the compensation of what was executed at the same place. */
export function compensationKeyOf(place: Place): string {
  return keyOf("baton/compensation-key/v1", place);
}

function keyOf(domain: string, { namespace, run, path, turn }: Place): string {
  return sha256Hex(`${domain}\n${namespace}\n${run}\n${path}\n${turn}`).slice(0, 32);
}
