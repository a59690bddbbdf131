import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { journalStoreConformance } from "../../../test/conformance/journal-store.ts";
import { sqlite } from "./sqlite.ts";

journalStoreConformance("sqlite", async () => {
  const folder = await mkdtemp(join(tmpdir(), "baton-store-"));
  return {
    factory: sqlite(join(folder, "baton.db")),
    dispose: () => rm(folder, { recursive: true }),
  };
});
