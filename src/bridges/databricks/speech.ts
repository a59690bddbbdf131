/** What of a run is said before its answer is there: the text that one step streams. */
import type { ServedItem } from "../served-baton.ts";

export interface Speech {
  /** The text to be passed on now; undefined if there is none. */
  readonly heard: (item: ServedItem) => string | undefined;
  readonly hasBegun: () => boolean;
  /** What of the answer has not been said. Nothing where it begins in another way: what was said can't be taken back. */
  readonly rest: (text: string) => string;
}

/** Of the attempts of the step only the first that speaks is passed on: another would say it again, or something else. */
export function speech(step: string | undefined): Speech {
  let spoken = "";
  let attempt: number | undefined;
  return {
    heard: (item) => {
      if (item.kind !== "partial" || item.path !== step) return undefined;
      if (typeof item.chunk !== "string" || item.chunk === "") return undefined;
      attempt ??= item.attempt;
      if (attempt !== item.attempt) return undefined;
      spoken += item.chunk;
      return item.chunk;
    },
    hasBegun: () => attempt !== undefined,
    rest: (text) => (text.startsWith(spoken) ? text.slice(spoken.length) : ""),
  };
}
