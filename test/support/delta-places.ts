/** Places for tables, for tests: in memory, one that fails as it is told to, and what the tables at a place have. */
import { type DeltaRow, deltaRows, type DeltaStorage, type TableName } from "baton/delta";
import type { JournalStore, StoreFactory } from "baton";

export const TABLE_NAMES: readonly TableName[] = [
  "entries",
  "commits",
  "blobs",
  "versions",
  "events",
  "agent_calls",
];

export interface MemoryPlace extends DeltaStorage {
  readonly files: Map<string, Uint8Array>;
}

/** A place in memory. `turn` is waited for before each call, so that who goes first can be chosen. */
export function memoryPlace(turn: () => Promise<void> = () => Promise.resolve()): MemoryPlace {
  const files = new Map<string, Uint8Array>();
  return {
    label: "memory",
    files,
    async read(path) {
      await turn();
      return files.get(path);
    },
    async list(folder, after) {
      await turn();
      const names = [...files.keys()]
        .filter((path) => path.slice(0, path.lastIndexOf("/")) === folder)
        .map((path) => path.slice(folder.length + 1));
      return names.filter((name) => after === undefined || name > after).sort();
    },
    async create(path, bytes) {
      await turn();
      if (files.has(path)) return "exists";
      files.set(path, bytes);
      return "created";
    },
    async replace(path, bytes) {
      await turn();
      files.set(path, bytes);
    },
    async remove(path) {
      await turn();
      files.delete(path);
    },
  };
}

/** What becomes of a call: it is done; it fails before it is done; it is done, and fails all the same. */
export type PlaceFault = "none" | "before" | "after";

/** In front of a place. `fault` is asked for each call, counted from 1. */
export function failingPlace(
  inner: DeltaStorage,
  fault: (call: number) => PlaceFault,
): DeltaStorage & { readonly calls: () => number } {
  let calls = 0;
  async function call<X>(work: () => Promise<X>): Promise<X> {
    calls += 1;
    const becomes = fault(calls);
    if (becomes === "before") throw new Error("no connection");
    const given = await work();
    if (becomes === "after") throw new Error("the connection was lost");
    return given;
  }
  return {
    label: inner.label,
    calls: () => calls,
    read: (path) => call(() => inner.read(path)),
    list: (folder, after) => call(() => inner.list(folder, after)),
    create: (path, bytes) => call(() => inner.create(path, bytes)),
    replace: (path, bytes) => call(() => inner.replace(path, bytes)),
    remove: (path) => call(() => inner.remove(path)),
  };
}

export async function rowsOf(
  place: DeltaStorage,
  table: TableName,
  version?: number,
): Promise<readonly DeltaRow[]> {
  const rows: DeltaRow[] = [];
  for await (const row of deltaRows(place, table, version === undefined ? {} : { version }))
    rows.push(row);
  return rows.sort((one, other) => Number(one["position"]) - Number(other["position"]));
}

/** Everything that the tables at a place have, to be compared with that of another. */
export async function contents(place: DeltaStorage): Promise<Readonly<Record<string, unknown>>> {
  const tables: [string, unknown][] = [];
  for (const name of TABLE_NAMES) {
    const rows = await rowsOf(place, name);
    // Where a batch begins decides how often a blob is there.
    const once = new Map(rows.map((row) => [String(row["sha256"]), row["text"]]));
    tables.push([
      name,
      name === "blobs" ? [...once].sort(([one], [other]) => (one < other ? -1 : 1)) : rows,
    ]);
  }
  return Object.fromEntries(tables);
}

/** The journal's own entries, as position, hash and text. */
export async function arrived(factory: StoreFactory): Promise<readonly (readonly unknown[])[]> {
  const store: JournalStore = await factory({ readOnly: true });
  const all: (readonly unknown[])[] = [];
  let after: number | undefined;
  for (;;) {
    const page = await store.arrivals(after, 1_000);
    if (page.length === 0) break;
    for (const { position, stream, seq, hash, text } of page)
      all.push([BigInt(position), stream, BigInt(seq), hash, text]);
    after = page.at(-1)?.position;
  }
  await store.close();
  return all;
}

export async function exported(place: DeltaStorage): Promise<readonly (readonly unknown[])[]> {
  const rows = await rowsOf(place, "entries");
  return rows.map(({ position, stream, seq, hash, text }) => [position, stream, seq, hash, text]);
}
