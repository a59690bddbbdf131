/** A store in front of another one whose appends take virtual time, as commits of the naive variants do. */
import type { Clock, JournalStore } from "baton";

/** What an append is about. */
export type Streams = Parameters<JournalStore["append"]>[0]["streams"];

/** Each append takes as many milliseconds of `clock` as `msOf` says. */
export function slowStore(
  store: JournalStore,
  clock: Clock,
  msOf: (streams: Streams) => number,
): JournalStore {
  return {
    ...store,
    append: async (request) => {
      const ms = msOf(request.streams);
      if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve));
      return await store.append(request);
    },
  };
}
