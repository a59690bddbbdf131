/** Writes down how far a group has come: now and then only, since what is handed on twice is recognised. */
import type { BusPlace, PlaceKeeper } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";

/** After so many messages at once; after fewer, when so long has passed. */
const WRITE_EVERY = 500;
const WRITE_AFTER_MS = 2_000;

export interface PlaceWriter {
  readonly moved: (place: BusPlace) => void;
  /** Writes down what was not, and writes nothing more. */
  readonly stop: () => Promise<void>;
}

/** `failed` is told of a place that could not be written; a later one is. */
export function placeWriter(
  clock: Clock,
  keeper: PlaceKeeper,
  failed: (error: unknown) => void,
): PlaceWriter {
  let newest: BusPlace | undefined;
  let count = 0;
  let cancel: (() => void) | undefined;
  let writing: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    cancel?.();
    cancel = undefined;
    count = 0;
    const place = newest;
    newest = undefined;
    if (place !== undefined) writing = writing.then(() => keeper.keep(place)).catch(failed);
    return writing;
  };
  return {
    moved: (place) => {
      newest = place;
      count += 1;
      if (count >= WRITE_EVERY) void write();
      else cancel ??= clock.after(WRITE_AFTER_MS, () => void write(), true);
    },
    stop: write,
  };
}
