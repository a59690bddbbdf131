/**
 * A line: first come, first served. An array's `shift` moves all that is behind it, and a Set is searched past all that has
 * left it: with 100,000 in line, both cost seconds. Here each place in line costs the same, however long the line is.
 */
export interface Line<X> {
  readonly push: (one: X) => void;
  /** The first in line, who leaves it; undefined if nobody stands there. */
  readonly shift: () => X | undefined;
  readonly size: () => number;
  readonly clear: () => void;
}

/** What has been served is given back to memory once it is this long, and half of the line. */
const SERVED_MAX = 1_024;

export function line<X>(): Line<X> {
  let standing: (X | undefined)[] = [];
  let served = 0;
  return {
    push: (one) => void standing.push(one),
    shift: () => {
      if (served === standing.length) return undefined;
      const first = standing[served];
      standing[served] = undefined;
      served += 1;
      if (served >= SERVED_MAX && served * 2 >= standing.length) {
        standing = standing.slice(served);
        served = 0;
      }
      return first;
    },
    size: () => standing.length - served,
    clear: () => {
      standing = [];
      served = 0;
    },
  };
}
