/**
 * The benches' command line:
 *
 *   npm run bench                                              all workloads, as a table
 *   npm run bench -- --workload credit --in-flight 256 --json  one measurement, as one JSON object
 *   npm run bench -- --workload recover --seeds 200            200 kill points
 *   npm run bench -- --profile                                 where the time of a step goes
 *
 * Each measurement has a process of its own, so that neither memory nor compiled code is handed from one to the next.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { choreo } from "./choreo.ts";
import { choreoNats } from "./choreo-nats.ts";
import { credit, creditRuns } from "./credit.ts";
import { long } from "./long.ts";
import type { Measurement } from "./measurement.ts";
import { memory } from "./memory.ts";
import { hasNatsServer } from "./nats-server.ts";
import { profile } from "./profile.ts";
import { recover } from "./recover.ts";
import { asTable, profileTable } from "./table.ts";
import { tracing } from "./tracing.ts";
import { wide } from "./wide.ts";

// From .cache/bench, where this is compiled to.
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RESULTS = join(ROOT, "bench", "results");
const CHILD = fileURLToPath(new URL("recover-child.js", import.meta.url));

const IN_FLIGHT = [1, 16, 256];
const WORKLOADS = [
  "credit",
  "tracing",
  "long",
  "wide",
  "recover",
  "memory",
  "choreo",
  "choreo-nats",
] as const;
type Workload = (typeof WORKLOADS)[number];

interface Request {
  readonly workload: Workload;
  readonly inFlight: number;
  readonly runs: number | undefined;
  readonly seeds: number;
  readonly folder: string;
}

function isWorkload(name: string): name is Workload {
  return WORKLOADS.some((known) => known === name);
}

function measure({ workload, inFlight, runs, seeds, folder }: Request): Promise<Measurement> {
  switch (workload) {
    case "credit":
      return credit({ folder, inFlight, runs: runs ?? creditRuns(inFlight) });
    case "tracing":
      return tracing({ folder, inFlight, runs: runs ?? 10_000 });
    case "long":
      return long({ folder });
    case "wide":
      return wide({ folder });
    case "recover":
      return recover({ folder, seeds, runs: runs ?? 500, child: [process.execPath, CHILD] });
    case "choreo":
      return choreo({ folder, inFlight, runs: runs ?? 20_000 });
    case "choreo-nats":
      return choreoNats({ folder, inFlight, runs: runs ?? 10_000 });
    case "memory":
      return memory({ folder, inFlight, runs: runs ?? 100_000 });
  }
}

/** Of all workloads, one needs what may not be here. */
function canRun(name: Workload): boolean {
  if (name !== "choreo-nats" || hasNatsServer()) return true;
  process.stderr.write("bench: choreo-nats is SKIPPED, for there is no nats-server here.\n");
  return false;
}

/** The arguments of each measurement, one for a process. */
function parts(
  workload: string | undefined,
  inFlight: string | undefined,
): readonly (readonly string[])[] {
  const chosen = workload === undefined ? WORKLOADS.filter(canRun) : [workload];
  return chosen.flatMap((name) =>
    name === "credit" && inFlight === undefined
      ? IN_FLIGHT.map((each) => ["--workload", name, "--in-flight", String(each)])
      : [["--workload", name, ...(inFlight === undefined ? [] : ["--in-flight", inFlight])]],
  );
}

/** A folder for the files, on the disk of this checkout: that of temporary files may lie in memory, where nothing is synced. */
async function inFolder<X>(act: (folder: string) => Promise<X>): Promise<X> {
  const parent = join(ROOT, ".cache", "bench-files");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "run-"));
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measureApart(args: readonly string[]): Measurement {
  process.stderr.write(`bench: ${args.join(" ")}\n`);
  const { stdout, status } = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.url), ...args, "--one"],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 2 ** 28 },
  );
  if (status !== 0) throw new Error(`bench ${args.join(" ")} ended with ${status}.`);
  // Written by this program, below.
  return JSON.parse(stdout) as Measurement;
}

function keep(name: string, result: unknown): void {
  mkdirSync(RESULTS, { recursive: true });
  const at = new Date().toISOString().replace(/[:.]/g, "-");
  writeFileSync(join(RESULTS, `${at}-${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

function machine() {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
  };
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workload: { type: "string" },
      "in-flight": { type: "string" },
      runs: { type: "string" },
      seeds: { type: "string" },
      json: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      /** Measures in this process, and prints the measurement: how the program calls itself. */
      one: { type: "boolean", default: false },
    },
  });
  const { workload, json } = values;
  if (workload !== undefined && !isWorkload(workload)) {
    throw new Error(`There is no workload ${workload}: ${WORKLOADS.join(", ")}.`);
  }
  if (values.profile) {
    const found = await inFolder((folder) =>
      profile({ folder, runs: Number(values.runs ?? 30_000) }),
    );
    keep("profile", found);
    write(json ? JSON.stringify(found) : profileTable(found));
    return;
  }
  if (values.one && workload !== undefined) {
    const runs = values.runs === undefined ? undefined : Number(values.runs);
    const inFlight = Number(values["in-flight"] ?? 256);
    const seeds = Number(values.seeds ?? 20);
    write(
      JSON.stringify(
        await inFolder((folder) => measure({ workload, inFlight, runs, seeds, folder })),
      ),
    );
    return;
  }
  const passed = (["runs", "seeds"] as const).flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [`--${name}`, value];
  });
  const measurements = parts(workload, values["in-flight"]).map((args) =>
    measureApart([...args, ...passed]),
  );
  const [first] = measurements;
  const result =
    measurements.length === 1 && first !== undefined ? first : { machine: machine(), measurements };
  keep(workload ?? "all", { machine: machine(), measurements });
  write(json ? JSON.stringify(result) : asTable(measurements));
  // A figure that is missed on a busy machine is no fault; a step that was lost is.
  if (measurements.some((each) => each["sound"] === false)) process.exitCode = 1;
}

await main();
