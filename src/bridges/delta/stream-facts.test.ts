import { expect, test } from "vitest";
import type { Entry } from "../../model/entry.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { streamBook } from "./stream-facts.ts";

test.each<[string, number]>([
  ["run/r", 1],
  ["thread/t", 0],
  ["subscription/s", 0],
  ["breaker/b", 0],
])(
  "a new export reads %s from its beginning %i times, for what its rows say of it",
  async (stream, times) => {
    let reads = 0;
    const store: Pick<JournalStore, "read"> = {
      read: (_name, fromSeq, limit = 0) => {
        reads += 1;
        const entries = Array.from({ length: limit }, (_, i) => {
          const kind = fromSeq + i === 0 ? "run.started" : "step.sealed";
          const payload = { workflow: "echo@1.0.0" };
          return {
            seq: fromSeq + i,
            text: JSON.stringify({ seq: fromSeq + i, kind, payload }),
            hash: "",
          };
        });
        return Promise.resolve(entries);
      },
    };
    // Nothing else of a store is asked, and of an entry only this.
    const book = streamBook(store as JournalStore);
    const entry = { seq: 500, kind: "step.sealed", payload: {} } as unknown as Entry;
    const facts = await book.at({ namespace: "default", stream }, entry);
    expect(reads).toBe(times);
    if (times > 0)
      expect(facts).toEqual({ workflow: "echo@1.0.0", correlation: "r", versions: 501 });
  },
);
