/** Stores with a bug planted in them, each of a kind that real stores have had. */
import { type JournalStore, memory } from "baton";
import type { SimulatedStore } from "baton/testing";

type Mode = Parameters<ReturnType<SimulatedStore>>[0];
type Request = Parameters<JournalStore["append"]>[0];

/** What all handles on one broken store share. */
interface Shared {
  epoch: number;
  appends: number;
  readonly lost: Set<string>;
}

function broken(
  change: (inner: JournalStore, shared: Shared, mode: Mode) => Partial<JournalStore>,
): SimulatedStore {
  return (parts) => {
    const make = memory(parts);
    const shared: Shared = { epoch: 0, appends: 0, lost: new Set() };
    return async (mode) => {
      const inner = await make(mode);
      const acquire: JournalStore["acquire"] = async (...request) => {
        const result = await inner.acquire(...request);
        if (result.kind === "acquired") shared.epoch = result.epoch;
        return result;
      };
      return { ...inner, acquire, ...change(inner, shared, mode) };
    };
  };
}

const APPENDED = { kind: "appended", commitNo: 1 } as const;

/** A request without the entries that `drop` names; the rest moves up. */
function without(
  request: Request,
  drop: (kind: string, i: number, all: number) => boolean,
): Request {
  const streams = request.streams.map((stream) => {
    const kept = stream.entries.filter(({ text }, i) => {
      // Entries are JSON objects with a kind.
      const { kind } = JSON.parse(text) as { readonly kind: string };
      return !stream.stream.startsWith("run/") || !drop(kind, i, stream.entries.length);
    });
    const entries = kept.map((entry, i) => ({ ...entry, seq: stream.expectedSeq + 1 + i }));
    return { ...stream, entries };
  });
  return {
    ...request,
    streams: streams.filter(({ entries, index }) => entries.length > 0 || index),
  };
}

/** By what is wrong with it. */
export const PLANTED: Readonly<Record<string, SimulatedStore>> = {
  "skips the check of the epoch": broken((inner, shared) => ({
    append: (request) => inner.append({ ...request, epoch: shared.epoch }),
  })),
  "forgets the check of the expected seq": broken((inner) => ({
    append: async (request) => {
      const result = await inner.append(request);
      if (result.kind !== "conflict") return result;
      const moved = result.actualSeq - result.expectedSeq;
      const streams = request.streams.map((stream) => ({
        ...stream,
        expectedSeq: stream.expectedSeq + moved,
        entries: stream.entries.map((entry) => ({ ...entry, seq: entry.seq + moved })),
      }));
      return await inner.append({ ...request, streams });
    },
  })),
  "answers that it has what it refused": broken((inner) => ({
    append: async (request) => {
      const result = await inner.append(request);
      return result.kind === "conflict" ? APPENDED : result;
    },
  })),
  "drops the last entry of a unit": broken((inner, shared) => ({
    append: (request) => {
      shared.appends += 1;
      if (shared.appends % 17 !== 0) return inner.append(request);
      return inner.append(without(request, (_, i, all) => all > 1 && i === all - 1));
    },
  })),
  "drops what an effect gave": broken((inner) => ({
    append: async (request) => {
      const fewer = without(request, (kind) => kind === "once.recorded");
      return fewer.streams.length === 0 ? APPENDED : await inner.append(fewer);
    },
  })),
  "loses blobs": broken((inner) => ({
    append: ({ blobs: _, ...request }) => inner.append(request),
  })),
  "answers before it has synced, and loses that when the process dies": broken((inner) => {
    let held: Request | undefined;
    const flush = async () => {
      const request = held;
      held = undefined;
      if (request !== undefined) await inner.append(request);
    };
    return {
      append: async (request) => {
        await flush();
        const ahead = await Promise.all(
          request.streams.map(async (stream) => {
            const lastSeq = (await inner.head(stream))?.lastSeq ?? -1;
            return lastSeq === stream.expectedSeq;
          }),
        );
        if (!ahead.every(Boolean)) return await inner.append(request);
        held = request;
        return APPENDED;
      },
      read: async (...request) => {
        await flush();
        return await inner.read(...request);
      },
    };
  }),
  "reads a stale page when a run is resumed": broken((inner) => ({
    read: async (stream, fromSeq, limit) => {
      const page = await inner.read(stream, fromSeq, limit);
      return stream.stream.startsWith("run/") && fromSeq === 0 && page.length > 2
        ? page.slice(0, -1)
        : page;
    },
  })),
  "has an index that says that runs are finished": broken((inner) => ({
    append: (request) =>
      inner.append({
        ...request,
        streams: request.streams.map(({ index, ...stream }) => ({
          ...stream,
          ...(index === undefined ? {} : { index: { ...index, open: false } }),
        })),
      }),
  })),
  "forgets when runs must be woken": broken((inner) => ({
    heads: async (filter) =>
      (await inner.heads(filter)).map((head) =>
        head.wakeAtMs === undefined ? head : { ...head, wakeAtMs: head.wakeAtMs + 86_400_000_000 },
      ),
  })),
  "gives the lease to whoever asks": broken((inner, shared) => ({
    acquire: async (holder, takeOver) => {
      if (shared.epoch > 0) {
        const result = await inner.acquire(holder, takeOver);
        if (result.kind === "acquired") shared.epoch = result.epoch;
        return { kind: "acquired", epoch: shared.epoch };
      }
      const result = await inner.acquire(holder, takeOver);
      if (result.kind === "acquired") shared.epoch = result.epoch;
      return result;
    },
    renew: async () => true,
    append: (request) => inner.append({ ...request, epoch: shared.epoch }),
  })),
  "changes a value on its way to the disk": broken((inner, shared) => ({
    append: (request) => {
      shared.appends += 1;
      if (shared.appends !== 20) return inner.append(request);
      const streams = request.streams.map((stream) => ({
        ...stream,
        entries: stream.entries.map((entry) => ({
          ...entry,
          text: entry.text.replace('"at":1', '"at":2'),
        })),
      }));
      return inner.append({ ...request, streams });
    },
  })),
};
