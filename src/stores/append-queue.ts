/**
 * The queue before group commit: all appends of one turn of the event loop are committed together.
 *
 * Owns: when a group is committed, and how large it is. Does not own: what is written.
 * Fails: if a commit throws, every append of that group is rejected with what it threw, and the next group is tried as usual.
 * Invariants: 1. Every append is settled. 2. Appends are committed in the order in which they came.
 */
import type { BatonError } from "../model/errors.ts";
import type { AppendRequest, AppendResult } from "../ports/journal-store.ts";
import { rowsOf } from "./group-commit.ts";

/** Bounds a transaction: what is over it goes to the next, so that no commit holds up the process for long. */
export const GROUP_ROWS_MAX = 4_096;

/** Commits a group, all or nothing, and gives an outcome for each request, in order. */
export type CommitGroup = (
  requests: readonly AppendRequest[],
) => readonly (AppendResult | BatonError)[];

export interface AppendQueue {
  append(request: AppendRequest): Promise<AppendResult>;
  /** Resolves when everything that was asked for so far is settled. */
  drained(): Promise<void>;
}

interface Waiting {
  readonly request: AppendRequest;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls what it is given in a later turn of the event loop. */
export type Soon = (run: () => void) => void;

/** A queue in front of `commit`; a simulation says when the next turn is. */
export function appendQueue(commit: CommitGroup, soon: Soon = setImmediate): AppendQueue {
  let waiting: Waiting[] = [];
  let scheduled = false;
  let idle: (() => void)[] = [];

  function schedule(): void {
    scheduled = true;
    // The next turn, not a microtask: it runs once all that this turn resolved has had its say.
    soon(flush);
  }

  function flush(): void {
    const size = groupSize(waiting);
    const group = waiting.slice(0, size);
    waiting = waiting.slice(size);
    settle(group, commit);
    scheduled = false;
    if (waiting.length > 0) {
      schedule();
      return;
    }
    const wake = idle;
    idle = [];
    for (const resolve of wake) resolve();
  }

  return {
    append: (request) =>
      new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        if (!scheduled) schedule();
      }),
    drained: () =>
      scheduled ? new Promise<void>((resolve) => idle.push(resolve)) : Promise.resolve(),
  };
}

/** How many of those that wait go into the next group: at least one, however large. */
function groupSize(waiting: readonly Waiting[]): number {
  let rows = 0;
  let size = 0;
  for (const { request } of waiting) {
    rows += rowsOf(request);
    if (size > 0 && rows > GROUP_ROWS_MAX) break;
    size += 1;
  }
  return size;
}

function settle(group: readonly Waiting[], commit: CommitGroup): void {
  let outcomes: ReturnType<CommitGroup>;
  try {
    outcomes = commit(group.map(({ request }) => request));
  } catch (error) {
    for (const { reject } of group) reject(error);
    return;
  }
  for (const [i, { resolve, reject }] of group.entries()) {
    const outcome = outcomes[i];
    if (outcome !== undefined && "kind" in outcome) resolve(outcome);
    else reject(outcome);
  }
}
