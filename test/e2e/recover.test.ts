import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recovery } from "../../bench/recover.ts";

function path(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}

describe("a process that is killed with 200 runs under way", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "baton-recover-"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  // Three of the seeds kills the successor too. `npm run bench -- --workload recover --seeds 200` does more of them.
  it.each([1, 2, 7, 8, 9])(
    "leaves a store in which all of them end, and nothing committed executes again (seed %i)",
    async (seed) => {
      // The child is TypeScript, which Node 20 does not run by itself; it and this test see the same sources.
      const aliases = { baton: path("src/index.ts"), "baton/sqlite": path("src/sqlite.ts") };
      const jiti = path("node_modules/jiti/lib/jiti-cli.mjs");
      const child = [process.execPath, jiti, path("bench/recover-child.ts")];
      const environment = { JITI_ALIAS: JSON.stringify(aliases) };
      const { wrong, executedBefore } = await recovery(
        { folder, runs: 200, child, environment },
        seed,
      );
      expect(wrong).toEqual([]);
      expect(executedBefore).toBeGreaterThan(0);
    },
    // Three processes and hundreds of commits, each synced: slow on a busy disk.
    90_000,
  );
});
