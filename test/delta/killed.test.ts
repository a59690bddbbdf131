import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sqlite } from "baton/sqlite";
import { deltaFolder, deltaSink, verifyDelta } from "baton/delta";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { diceOf } from "../sim/dice.ts";
import { arrived, contents, exported } from "../support/delta-places.ts";
import { sampleRuns } from "../support/sample-journal.ts";

function path(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}

const ALIASES = {
  baton: path("src/index.ts"),
  "baton/sqlite": path("src/sqlite.ts"),
  "baton/delta": path("src/delta.ts"),
};

describe("sinks in processes of their own", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "baton-delta-kill-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function sinkProcess(rowsMax: number): ChildProcess {
    const jiti = path("node_modules/jiti/lib/jiti-cli.mjs");
    const argv = [
      jiti,
      path("test/delta/sink-child.ts"),
      join(folder, "baton.db"),
      join(folder, "lake"),
      String(rowsMax),
    ];
    return spawn(process.execPath, argv, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, JITI_ALIAS: JSON.stringify(ALIASES) },
    });
  }

  /** Kills the process after so many batches, at a moment that nobody chooses; tells whether it was done before. */
  async function killed(child: ChildProcess, batches: number): Promise<boolean> {
    let heard = 0;
    let done = false;
    child.on("message", (message: { readonly done?: boolean }) => {
      heard += 1;
      done ||= message.done === true;
      if (heard >= batches && !done) child.kill("SIGKILL");
    });
    await once(child, "exit");
    return done;
  }

  test.each([1, 2])(
    "that are killed again and again, two at a time, write each row once (seed %i)",
    async (seed) => {
      const dice = diceOf(seed);
      const store = sqlite(join(folder, "baton.db"));
      const { baton, more } = await sampleRuns(store);
      await more(60);
      let ends = 0;
      for (let round = 0; round < 3; round += 1) {
        const [one, other] = [sinkProcess(5 + dice(10)), sinkProcess(5 + dice(10))];
        const both = [killed(one, 1 + dice(8)), killed(other, 1 + dice(8)), more(10)] as const;
        const [first, second] = await Promise.all(both);
        ends += Number(first) + Number(second);
      }
      expect(ends).toBeLessThan(6);
      const last = await killed(sinkProcess(500), Number.POSITIVE_INFINITY);
      expect(last).toBe(true);
      const lake = deltaFolder(join(folder, "lake"));
      expect(await exported(lake)).toEqual(await arrived(store));
      const verified = await baton.verify();
      expect(await verifyDelta(lake)).toMatchObject({ ...verified, entriesAhead: 0 });
      const alone = deltaFolder(join(folder, "alone"));
      const sink = await deltaSink({ store, to: alone });
      await sink.drain();
      await sink.close();
      expect(await contents(lake)).toEqual(await contents(alone));
      await baton.close();
    },
    90_000,
  );
});
