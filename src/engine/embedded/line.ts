/**
 * A line: first come first served, and whoever stands in it may leave. Everything takes the same time, however long it is.
 * A `Set` would do but for its first member: finding it passes over all that were removed before it.
 */

export interface Place<X> {
  readonly who: X;
  before: Place<X> | undefined;
  after: Place<X> | undefined;
  stands: boolean;
}

export interface Line<X> {
  readonly size: () => number;
  readonly first: () => Place<X> | undefined;
  /** Joins at the end, or before the first one from the front that `isBehind` names. */
  join(who: X, isBehind?: (other: X) => boolean): Place<X>;
  /** Gives false if it did not stand in the line any more. */
  leave(place: Place<X>): boolean;
  /** Takes the first out of the line. */
  next(): X | undefined;
  clear(): void;
}

export function line<X>(): Line<X> {
  let first: Place<X> | undefined;
  let last: Place<X> | undefined;
  let size = 0;

  const leave = (place: Place<X>): boolean => {
    if (!place.stands) return false;
    const { before, after } = place;
    if (before === undefined) first = after;
    else before.after = after;
    if (after === undefined) last = before;
    else after.before = before;
    place.stands = false;
    size -= 1;
    return true;
  };
  return {
    size: () => size,
    first: () => first,
    join: (who, isBehind) => {
      let after: Place<X> | undefined;
      if (isBehind !== undefined) {
        after = first;
        while (after !== undefined && !isBehind(after.who)) after = after.after;
      }
      const before = after === undefined ? last : after.before;
      const place: Place<X> = { who, before, after, stands: true };
      if (before === undefined) first = place;
      else before.after = place;
      if (after === undefined) last = place;
      else after.before = place;
      size += 1;
      return place;
    },
    leave,
    next: () => {
      const place = first;
      if (place !== undefined) leave(place);
      return place?.who;
    },
    clear: () => {
      while (first !== undefined) leave(first);
    },
  };
}
