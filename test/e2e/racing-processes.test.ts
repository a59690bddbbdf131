/** Several real processes and one file: who wins, who is refused, and what becomes of one that hangs. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Baton, type Clock, open, type StoreFactory } from "baton";
import { sqlite } from "baton/sqlite";
import SqliteDatabase from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { application, creditGraph } from "../../bench/credit-graph.ts";
import { type RealProcess, realProcess } from "./real-process.ts";

let folder: string;
let file: string;
let processes: RealProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "baton-race-"));
  file = join(folder, "race.db");
  processes = [];
});
afterEach(async () => {
  await Promise.all(processes.map((each) => each.signal("SIGKILL")));
  await rm(folder, { recursive: true });
});

async function started(): Promise<RealProcess> {
  const made = await realProcess();
  processes.push(made);
  return made;
}

async function reading<X>(act: (baton: Baton) => Promise<X>): Promise<X> {
  const baton = await open({ store: sqlite(file), workflows: [creditGraph()], readOnly: true });
  try {
    return await act(baton);
  } finally {
    await baton.close();
  }
}

test("of ten processes that open one new file at once one wins, and again each time that the winner is killed or closes", {
  timeout: 60_000,
}, async () => {
  let racing: readonly RealProcess[] = await Promise.all(Array.from({ length: 10 }, started));
  for (let round = 0; racing.length > 1; round += 1) {
    const answers = await Promise.all(racing.map((each) => each.ask({ act: "open", file })));
    const codes = answers.map(({ code }) => code);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === "STORE_IN_USE")).toHaveLength(racing.length - 1);
    const winner = racing[codes.indexOf(undefined)];
    await winner?.ask({ act: "work", width: 3 });
    if (round % 2 === 0) {
      await winner?.ask({ act: "close" });
    } else {
      await winner?.signal("SIGKILL");
      racing = racing.filter((each) => each !== winner);
    }
  }
  expect(await reading((baton) => baton.verify())).toMatchObject({ problems: [] });
});

/** Fifty times as fast as the machine's, so that a standby need not wait ten seconds. */
const hastyClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now() * 50,
  after(delayMs, wake, background) {
    const timer = setTimeout(wake, delayMs / 50);
    if (background === true) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Whether some process is in the middle of a commit: stopped, it stays there. */
function isCommitting(): boolean {
  const database = new SqliteDatabase(file, { timeout: 0 });
  try {
    database.exec("BEGIN IMMEDIATE; ROLLBACK");
    return false;
  } catch {
    return true;
  } finally {
    database.close();
  }
}

/** A process with twenty runs under way, stopped in the middle of a commit or between two. */
async function hanging(where: "in a commit" | "between commits"): Promise<RealProcess> {
  const executions = join(folder, "executions.tsv");
  const holder = await started();
  await holder.ask({ act: "open", file });
  await holder.ask({ act: "work", width: 20, executions });
  await until(async () => (await readFile(executions, "utf8").catch(() => "")).length > 2_000);
  for (;;) {
    await holder.signal("SIGSTOP");
    await until(async () => (await readFile(`/proc/${holder.pid}/stat`, "utf8")).includes(") T "));
    if (isCommitting() === (where === "in a commit")) return holder;
    await holder.signal("SIGCONT");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const graph = creditGraph();

function openStandby(store: StoreFactory = sqlite(file)): Promise<Baton> {
  return open({ store, workflows: [graph], standby: true, clock: hastyClock });
}

// /proc says whether a process has really stopped.
test.runIf(process.platform === "linux")(
  "a process that hangs is taken over by the standby; when it wakes, its runs end with STORE_FENCED, and nothing is in the journal twice",
  { timeout: 60_000 },
  async () => {
    const holder = await hanging("between commits");
    const unfinished = await reading((baton) => baton.runs({ open: true }));
    expect(unfinished.length).toBeGreaterThan(0);
    const standby = await openStandby();
    await Promise.all(unfinished.map(async ({ id }) => (await standby.run(id)).result()));
    await holder.signal("SIGCONT");
    const { codes } = await holder.heard("ended");
    expect(codes).toEqual(Array.from({ length: 20 }, () => "STORE_FENCED"));
    const joined = await standby.start(graph, application(0), { id: "application-0" });
    expect((await joined.outcome()).kind).toBe("completed");
    await standby.close();
    expect(await reading((baton) => baton.verify())).toMatchObject({ problems: [] });
    expect(await reading((baton) => baton.runs({ open: true }))).toEqual([]);
  },
);

test.runIf(process.platform === "linux")(
  "a process that hangs in the middle of a commit is waited for by the standby, and taken over when it is killed",
  { timeout: 60_000 },
  async () => {
    const holder = await hanging("in a commit");
    let refused = 0;
    const opening = openStandby(async (mode) => {
      const store = await sqlite(file)(mode);
      const acquire: typeof store.acquire = async (...asked) => {
        try {
          return await store.acquire(...asked);
        } catch (error) {
          refused += 1;
          throw error;
        }
      };
      return { ...store, acquire };
    });
    // A look ends with SQLite's own patience, five seconds: it must not be the standby's end.
    await until(async () => refused > 0);
    await holder.signal("SIGKILL");
    const standby = await opening;
    const unfinished = await standby.runs({ open: true });
    await Promise.all(unfinished.map(async ({ id }) => (await standby.run(id)).result()));
    await standby.close();
    expect(await reading((baton) => baton.verify())).toMatchObject({ problems: [] });
  },
);

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
