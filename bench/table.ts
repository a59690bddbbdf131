/** Measurements for people. */
import Table from "cli-table3";
import type { Measurement } from "./measurement.ts";
import type { ProfileResult } from "./profile.ts";

const FIGURES = [
  "inFlight",
  "runs",
  "seconds",
  "runsPerSecond",
  "stepsPerSecond",
  "entriesPerSecond",
  "p50Ms",
  "p99Ms",
  "bytesPerRun",
  "peakRssMiB",
  "ratio",
] as const;

const LIMITS = ["commit1PerSecond", "commit100PerSecond", "groupCommit256PerSecond"] as const;

function figure(value: unknown): string {
  return typeof value === "number" ? value.toLocaleString("en") : JSON.stringify(value);
}

/** One column for each measurement, then what only one workload has, then the targets. */
export function asTable(measurements: readonly Measurement[]): string {
  const table = new Table({
    head: ["", ...measurements.map(({ workload }) => workload)],
    style: { head: [] },
  });
  for (const name of FIGURES) table.push([name, ...measurements.map((each) => figure(each[name]))]);
  for (const name of LIMITS)
    table.push([`raw ${name}`, ...measurements.map(({ raw }) => figure(raw[name]))]);
  const known = new Set<string>(["workload", "raw", "targets", ...FIGURES]);
  const details = measurements.flatMap((each) =>
    Object.entries(each)
      .filter(([name]) => !known.has(name))
      .flatMap(([name, value]) => detail(`${each.workload} ${each.inFlight}: ${name}`, value)),
  );
  const targets = measurements.flatMap(({ workload, inFlight, targets: all }) =>
    all.map(({ name, value, atLeast, atMost, met }) => {
      const bound = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
      return `${met ? "met   " : "MISSED"}  ${workload} ${inFlight}: ${name}: ${figure(value)} (${bound})`;
    }),
  );
  return [table.toString(), ...details, "", ...targets].join("\n");
}

function detail(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || typeof value[0] !== "object") return [`${name} ${figure(value)}`];
  return [name, ...value.map((row) => `  ${figure(row)}`)];
}

export function profileTable({ runs, entries, parts }: ProfileResult): string {
  const table = new Table({
    head: ["part", "% of the time", "microseconds per entry"],
    style: { head: [] },
  });
  for (const { part, percent, microsecondsPerEntry } of parts)
    table.push([part, percent, microsecondsPerEntry]);
  return `${table.toString()}\n${runs} runs, ${entries} entries`;
}
