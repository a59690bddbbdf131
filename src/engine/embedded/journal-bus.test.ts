import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { busConformance, OTHER_TOPIC, TOPIC } from "../../../test/conformance/bus.ts";
import { busCodec } from "../../bridges/cloud-events/message.ts";
import { contract } from "../../model/contract.ts";
import { DEFAULT_LIMITS } from "../../model/limits.ts";
import { topic } from "../../model/topic.ts";
import type { StoreFactory } from "../../ports/journal-store.ts";
import { memory } from "../../stores/memory/memory.ts";
import { sqlite } from "../../stores/sqlite/sqlite.ts";
import { catalogue } from "../definitions.ts";
import { systemClock } from "../system-clock.ts";
import { systemIds } from "../system-ids.ts";
import { journalBus } from "./journal-bus.ts";
import { acquireLease } from "./lease-keeper.ts";
import { makeCore } from "./make-core.ts";

const Numbered = contract(
  "numbered",
  "1.0.0",
  z.object({ key: z.string().nullable(), n: z.number() }),
);
const topics = [TOPIC, OTHER_TOPIC].map((name) => topic(name, Numbered));
const known = catalogue([], [], DEFAULT_LIMITS, topics);

/** Handles on one store; each ends the engine before it, as processes do. */
async function openOn(factory: StoreFactory) {
  const store = await factory({ readOnly: false });
  const lease = await acquireLease(store, systemClock, "conformance", false);
  const core = makeCore(
    {
      store,
      namespace: "default",
      holder: "conformance",
      standby: false,
      clock: systemClock,
      ids: systemIds,
      log: () => {},
      limits: DEFAULT_LIMITS,
      prices: {},
      catalogue: known,
      watchdogMs: 0,
    },
    lease,
  );
  const bus = journalBus(core, busCodec("conformance"));
  return {
    ...bus,
    close: async () => {
      await bus.close();
      await store.release(lease.epoch);
      await store.close();
    },
  };
}

busConformance("the journal in memory", async () => {
  const factory = memory();
  return { open: () => openOn(factory), dispose: async () => {} };
});

busConformance("the journal in SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-bus-"));
  const factory = sqlite(join(folder, "baton.db"), { durability: "process-crash" });
  return {
    open: () => openOn(factory),
    dispose: async () => rmSync(folder, { recursive: true }),
  };
});
