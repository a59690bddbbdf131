/** What a store's file holds, read past Baton: a bench must not take its word for it. */
import Database from "better-sqlite3";

export interface FileFigures {
  /** Entries of runs; those of the registry are not counted. */
  readonly entries: number;
  /** Sealed steps and items. */
  readonly steps: number;
  /** Of an entry's text. */
  readonly averageEntryBytes: number;
  readonly blobBytes: number;
}

export function fileFigures(file: string): FileFigures {
  const database = new Database(file, { readonly: true });
  try {
    const { entries, bytes, steps } = database
      .prepare<[], { readonly entries: number; readonly bytes: number; readonly steps: number }>(
        `SELECT count(*) AS entries, sum(octet_length(text)) AS bytes,
          count(*) FILTER (WHERE text ->> '$.kind' IN ('step.sealed', 'item.sealed')) AS steps
        FROM entries JOIN streams ON no = stream_no WHERE name LIKE 'run/%'`,
      )
      .get() ?? { entries: 0, bytes: 0, steps: 0 };
    const blobs = database
      .prepare<[], number>("SELECT coalesce(sum(octet_length(text)), 0) FROM blobs")
      .pluck()
      .get();
    return {
      entries,
      steps,
      averageEntryBytes: Math.round(bytes / Math.max(1, entries)),
      blobBytes: blobs ?? 0,
    };
  } finally {
    database.close();
  }
}
