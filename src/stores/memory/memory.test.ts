import { journalStoreConformance } from "../../../test/conformance/journal-store.ts";
import { memory } from "./memory.ts";

journalStoreConformance("memory", async () => ({
  factory: memory(),
  dispose: async () => undefined,
}));
