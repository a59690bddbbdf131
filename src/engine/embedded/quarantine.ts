/**
 * Quarantine: calls that a process may have died of are made one at a time, over all runs, so that if it dies again the
 * journal says of which. Every other call goes on as usual.
 *
 * N1. The next begins only when the outcome of the one before is in the journal: else both would stand accused.
 */
export interface Quarantine {
  /** Calls `begin` once it is the call's turn, at once if nobody is before it. Gives a function that leaves, in whatever state. */
  enter(begin: () => void): () => void;
}

export function quarantine(): Quarantine {
  const queue: (() => void)[] = [];
  return {
    enter: (begin) => {
      const own = () => begin();
      queue.push(own);
      if (queue[0] === own) own();
      return () => {
        const at = queue.indexOf(own);
        if (at < 0) return;
        queue.splice(at, 1);
        if (at === 0) queue[0]?.();
      };
    },
  };
}
