/**
 * recover: a process with hundreds of runs under way is killed (SIGKILL) at an arbitrary moment, sometimes its successor too;
 * then everything is finished. Every run must complete, nothing that was committed may execute again, nothing may be missing.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { fileFigures } from "./journal-file.ts";
import { type Measurement, quantile, rounded, watchRss } from "./measurement.ts";
import { rawLimits } from "./raw.ts";
import { finishRuns, problemsIn } from "./recover-runs.ts";

export interface RecoverOptions {
  readonly folder: string;
  /** How many kill points, numbered from 1: the same number gives the same point. */
  readonly seeds: number;
  readonly runs: number;
  /** The command that starts recover-child: Node, and what it is to run. */
  readonly child: readonly string[];
  /** What else the child finds in its environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

const PATHS = ["score", "income", "fraud", "risk", "approval"];

/** What one kill point showed. */
export interface Recovery {
  readonly seed: number;
  readonly kills: number;
  /** Executions that had been recorded at the last kill. */
  readonly executedBefore: number;
  /** Steps that were sealed in the journal at the last kill. */
  readonly sealedBefore: number;
  readonly seconds: number;
  /** Executed again though committed, missing, twice in the journal, not as it should be: all must be empty. */
  readonly wrong: readonly string[];
  /** Executed again because they had not been committed, which is allowed. */
  readonly again: number;
}

/** Numbers that look random and are not: mulberry32. */
function chance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Each line is `run <tab> path`; a line that was cut off by the kill never came to an answer. */
function executionsIn(file: string): readonly string[] {
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}

interface Kill {
  readonly executions: string;
  /** The size of `executions` at which the moment has come. */
  readonly untilBytes: number;
  /** How much later it is. */
  readonly delayMs: number;
}

/** Starts the child on the file, and kills it when the moment has come. */
async function killChild(
  options: Omit<RecoverOptions, "seeds">,
  file: string,
  kill: Kill,
): Promise<void> {
  const { child: command, environment, runs } = options;
  const { executions, untilBytes, delayMs } = kill;
  const [program, ...args] = [...command, file, executions, String(runs)];
  const env = { ...process.env, ...environment };
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"], env });
  const exited = once(child, "exit");
  const isUnderWay = (): boolean => child.exitCode === null && child.signalCode === null;
  // The size says how many there are without reading them: watched closely, since it is over in a moment.
  while (isUnderWay() && statSync(executions).size < untilBytes) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const fromMs = performance.now();
  while (performance.now() - fromMs < delayMs);
  child.kill("SIGKILL");
  await exited;
}

/** The sealed steps of the file, as `run <tab> path`, read from a copy: the file itself stays as the kill left it. */
function sealedIn(file: string, copy: string): readonly string[] {
  for (const suffix of ["", "-wal"]) {
    if (existsSync(`${file}${suffix}`)) copyFileSync(`${file}${suffix}`, `${copy}${suffix}`);
  }
  if (!existsSync(copy)) return [];
  const database = new Database(copy);
  try {
    const tables = database
      .prepare("SELECT count(*) FROM sqlite_master WHERE name = 'entries'")
      .pluck()
      .get();
    if (tables === 0) return [];
    return database
      .prepare<[], string>(
        `SELECT substr(name, 5) || char(9) || (text ->> '$.path') FROM entries JOIN streams ON no = stream_no
        WHERE text ->> '$.kind' = 'step.sealed'`,
      )
      .pluck()
      .all();
  } finally {
    database.close();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${copy}${suffix}`, { force: true });
  }
}

/** Finishing takes a second; a run that was lost would be waited for without end. */
const FINISH_MAX_MS = 60_000;

async function inTime<X>(finished: Promise<X>): Promise<X> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`The runs have not ended ${FINISH_MAX_MS} ms after the restart.`));
    }, FINISH_MAX_MS);
  });
  try {
    return await Promise.race([finished, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One kill point. A third of them kill the successor too. */
export async function recovery(
  options: Omit<RecoverOptions, "seeds">,
  seed: number,
): Promise<Recovery> {
  const { runs } = options;
  const folder = join(options.folder, `seed-${seed}`);
  mkdirSync(folder);
  const file = join(folder, "recover.db");
  const executions = join(folder, "executions.tsv");
  closeSync(openSync(executions, "a"));
  const random = chance(seed);
  const lineBytes = "application-100\tapproval\n".length;
  const totalBytes = runs * PATHS.length * (lineBytes - 2);
  const kills = random() < 1 / 3 ? 2 : 1;
  const startMs = performance.now();
  const wrong: string[] = [];
  let committed: readonly string[] = [];
  let before: readonly string[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const from = statSync(executions).size;
    const until = from + Math.ceil((totalBytes - from) * (0.01 + 0.9 * random()));
    await killChild(options, file, { executions, untilBytes: until, delayMs: 3 * random() });
    wrong.push(...executedAgain(committed, executionsIn(executions).slice(before.length)));
    before = executionsIn(executions);
    committed = sealedIn(file, join(folder, "copy.db"));
  }
  const outputs = await inTime(finishRuns(file, executions, runs));
  const after = executionsIn(executions);
  wrong.push(...executedAgain(committed, after.slice(before.length)));
  wrong.push(...lacking(after, sealedIn(file, join(folder, "copy.db")), outputs, runs));
  wrong.push(...(await problemsIn(file)).map((problem) => `verify: ${JSON.stringify(problem)}`));
  const seconds = (performance.now() - startMs) / 1_000;
  rmSync(folder, { recursive: true });
  const result = {
    seed,
    kills,
    executedBefore: before.length,
    sealedBefore: committed.length,
    seconds,
    wrong,
  };
  return { ...result, again: after.length - runs * PATHS.length };
}

function executedAgain(committed: readonly string[], later: readonly string[]): readonly string[] {
  const known = new Set(committed);
  return later.filter((step) => known.has(step)).map((step) => `executed again: ${step}`);
}

/** What is not as it would have been without a kill: each step executed, sealed once, and the same answer. */
function lacking(
  executed: readonly string[],
  sealed: readonly string[],
  outputs: readonly unknown[],
  runs: number,
): readonly string[] {
  const wrong: string[] = [];
  const executedOnes = new Set(executed);
  const sealedOnes = new Set(sealed);
  for (let n = 0; n < runs; n += 1) {
    for (const path of PATHS) {
      const step = `application-${n}\t${path}`;
      if (!executedOnes.has(step)) wrong.push(`never executed: ${step}`);
      if (!sealedOnes.has(step)) wrong.push(`not sealed: ${step}`);
    }
  }
  if (sealed.length !== runs * PATHS.length) wrong.push(`${sealed.length} sealed steps`);
  const expected = JSON.stringify({ approved: true, reason: "grade B" });
  if (outputs.length !== runs) wrong.push(`${outputs.length} outputs`);
  for (const output of outputs) {
    if (JSON.stringify(output) !== expected) wrong.push(`output ${JSON.stringify(output)}`);
  }
  return wrong;
}

export async function recover(options: RecoverOptions): Promise<Measurement> {
  const { folder, seeds, runs } = options;
  const sample = join(folder, "sample.db");
  await finishRuns(sample, join(folder, "sample.tsv"), runs);
  const { averageEntryBytes, entries, steps } = fileFigures(sample);
  const { size } = statSync(sample);
  const raw = await rawLimits(folder, averageEntryBytes);
  const rss = watchRss();
  const found: Recovery[] = [];
  for (let seed = 1; seed <= seeds; seed += 1) {
    const one = await recovery(options, seed);
    found.push(one);
    for (const wrong of one.wrong) process.stderr.write(`bench: recover, seed ${seed}: ${wrong}\n`);
    if (seed % 20 === 0) process.stderr.write(`bench: recover, ${seed} of ${seeds} kill points\n`);
  }
  const times = found.map(({ seconds }) => seconds);
  const seconds = sumOf(times);
  const wrong = sumOf(found.map((one) => one.wrong.length));
  const entriesPerSecond = (seeds * entries) / seconds;
  return {
    workload: "recover",
    inFlight: runs,
    runs: seeds * runs,
    seconds: rounded(seconds),
    runsPerSecond: rounded((seeds * runs) / seconds),
    stepsPerSecond: rounded((seeds * steps) / seconds),
    entriesPerSecond: rounded(entriesPerSecond),
    // Of a kill point: start, kill, restart, finish, verify.
    p50Ms: rounded(quantile(times, 0.5) * 1_000),
    p99Ms: rounded(quantile(times, 0.99) * 1_000),
    bytesPerRun: rounded(size / runs),
    peakRssMiB: rss.stop(),
    raw,
    ratio: rounded(entriesPerSecond / raw.groupCommit256PerSecond),
    killPoints: seeds,
    kills: sumOf(found.map(({ kills }) => kills)),
    executedBeforeKill: sumOf(found.map(({ executedBefore }) => executedBefore)),
    sealedBeforeKill: sumOf(found.map(({ sealedBefore }) => sealedBefore)),
    executedAgainUncommitted: sumOf(found.map(({ again }) => again)),
    wrong,
    sound: wrong === 0,
    targets: [
      { name: "steps lost, repeated or damaged", value: wrong, atMost: 0, met: wrong === 0 },
    ],
  };
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
