/** A store that may not be written: as the mode of the file says or, for root, whom no mode binds, as the file system says. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Baton, open } from "baton";
import { sqlite } from "baton/sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { creditGraph } from "../../bench/credit-graph.ts";
import { realProcess } from "./real-process.ts";
import { fillStore, letters } from "./told-runs.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-read-only-"));
const isRoot = process.getuid?.() === 0;
const canFreeze = !isRoot || chattr("+i");
if (!canFreeze) console.warn("read-only-files.test.ts is skipped: root, and no chattr +i here.");

/** Whether files here can be frozen, even for root. */
function chattr(change: "+i" | "-i", path?: string): boolean {
  const probe = path ?? join(folder, "probe");
  if (path === undefined) writeFileSync(probe, "");
  try {
    execFileSync("chattr", [change, probe], { stdio: "ignore" });
    return path === undefined ? chattr("-i", probe) : true;
  } catch {
    return false;
  }
}

function freeze(path: string): void {
  if (isRoot) chattr("+i", path);
  else chmodSync(path, statSync(path).isDirectory() ? 0o555 : 0o444);
}

function thaw(path: string): void {
  if (isRoot) chattr("-i", path);
  else chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
}

afterAll(() => rmSync(folder, { recursive: true }));

describe.runIf(canFreeze)("a store that may not be written", () => {
  async function opened<X>(file: string, readOnly: boolean, act: (baton: Baton) => Promise<X>) {
    const baton = await open({
      store: sqlite(file),
      workflows: [letters, creditGraph()],
      readOnly,
    });
    try {
      return await act(baton);
    } finally {
      await baton.close();
    }
  }

  test("a file: it is refused for writing, and read as before", async () => {
    const file = join(folder, "file.db");
    await fillStore(file, 3);
    const before = await opened(file, true, (baton) => baton.verify());
    freeze(file);
    try {
      await expect(opened(file, false, (baton) => baton.verify())).rejects.toMatchObject({
        code: "STORE_READ_ONLY",
        message: expect.stringContaining(file),
      });
      expect(await opened(file, true, (baton) => baton.verify())).toEqual(before);
    } finally {
      thaw(file);
    }
  });

  test("a folder: it is refused for writing, and read as before", async () => {
    const place = join(folder, "place");
    mkdirSync(place);
    const file = join(place, "baton.db");
    await fillStore(file, 3);
    const before = await opened(file, true, (baton) => baton.verify());
    freeze(place);
    try {
      await expect(opened(file, false, (baton) => baton.verify())).rejects.toMatchObject({
        code: "STORE_READ_ONLY",
        message: expect.stringContaining(place),
      });
      expect(await opened(file, true, (baton) => baton.verify())).toEqual(before);
    } finally {
      thaw(place);
    }
  });

  test("a file and a log that are frozen under a running process: its runs wait, and go on when they are thawed", {
    timeout: 30_000,
  }, async ({ skip }) => {
    // A mode is asked for when a file is opened, not when it is written.
    skip(!isRoot, "only root can freeze what is open");
    const file = join(folder, "running.db");
    const executions = join(folder, "executions.tsv");
    writeFileSync(executions, "");
    const child = await realProcess();
    await child.ask({ act: "open", file });
    await child.ask({ act: "work", width: 5, executions });
    const reach = async (bytes: number): Promise<void> => {
      while (readFileSync(executions).length < bytes)
        await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await reach(1_000);
    freeze(`${file}-wal`);
    try {
      await child.heard("log", "Tried again in");
    } finally {
      thaw(`${file}-wal`);
    }
    await reach(readFileSync(executions).length + 200);
    await child.ask({ act: "close" });
    await child.signal("SIGKILL");
    await opened(file, false, async (baton) => {
      for (const { id } of await baton.runs({ open: true }))
        expect((await (await baton.run(id)).outcome()).kind).toBe("completed");
      expect(await baton.verify()).toMatchObject({ problems: [] });
    });
  });
});
