/** Where the time of a step goes: the samples of a profile of credit at 256 in flight, by part of Baton. */
import { Session } from "node:inspector/promises";
import type { Profiler } from "node:inspector";
import { join } from "node:path";
import { sqlite } from "baton/sqlite";
import { flow } from "./credit.ts";
import { fileFigures } from "./journal-file.ts";
import { rounded } from "./measurement.ts";

export interface ProfilePart {
  readonly part: string;
  /** Of the process's time. */
  readonly percent: number;
  readonly microsecondsPerEntry: number;
}

export interface ProfileResult {
  readonly runs: number;
  readonly entries: number;
  readonly parts: readonly ProfilePart[];
  /** The functions that took most themselves, callees aside. */
  readonly functions: readonly { readonly name: string; readonly microsecondsPerEntry: number }[];
}

type Node = Profiler.ProfileNode;

/** Which part a function belongs to, by file and name: the first that fits. Others belong where their caller does. */
const PARTS: readonly (readonly [part: string, file: RegExp, name?: RegExp])[] = [
  ["collecting garbage", /^$/, /^\(garbage collector\)$/],
  ["idle", /^$/, /^\(idle\)$/],
  ["SQLite: begin, commit, sync", /stores\/sqlite\/write\.js$/, /^commit$/],
  ["SQLite: insert rows", /stores\/sqlite\/write\.js$/],
  ["hashing", /journal\/(hash|merkle)\.js$|^node:internal\/crypto/],
  ["canonical JSON", /journal\/(canonical|commit)\.js$|\/canonicalize\//],
  ["sealing entries", /journal\/seal\.js$/],
  ["validation (zod)", /\/zod\//],
  ["frozen copies of values", /model\/json\.js$/],
  ["checks around the validation", /model\/(check|contract|json-pointer|evidence)\.js$/],
  ["decide and evolve", /\/decide\/|model\/run\.js$|\/tinyqueue\//],
  ["group commit, heads, lease", /\/stores\//],
  ["engine", /\/engine\//],
  ["the bench itself", /\/bench\//],
];

const OTHER = "promises, timers, the rest of Node";

function partOf({ callFrame }: Node): string | undefined {
  const { url, functionName } = callFrame;
  return PARTS.find(
    ([, file, name]) => file.test(url) && (name === undefined || name.test(functionName)),
  )?.[0];
}

/** Microseconds by part: what each function took itself, put to the part of the nearest caller that has one. */
function byPart(profile: Profiler.Profile): ReadonlyMap<string, number> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const partById = new Map<number, string>();
  const visit = (node: Node, inherited: string): void => {
    const part = partOf(node) ?? inherited;
    partById.set(node.id, part);
    for (const child of node.children ?? []) {
      const found = nodes.get(child);
      if (found !== undefined) visit(found, part);
    }
  };
  const [root] = profile.nodes;
  if (root !== undefined) visit(root, OTHER);
  const times = new Map<string, number>();
  for (const [i, id] of (profile.samples ?? []).entries()) {
    const part = partById.get(id) ?? OTHER;
    times.set(part, (times.get(part) ?? 0) + (profile.timeDeltas?.[i] ?? 0));
  }
  return times;
}

const FUNCTIONS_SHOWN = 30;

/** Microseconds by function; those without a file of their own (natives) are named after their caller. */
function byFunction(profile: Profiler.Profile): readonly (readonly [name: string, time: number])[] {
  const names = new Map<number, string>();
  for (const { id, callFrame, children = [] } of profile.nodes) {
    const own = callFrame.functionName || "(anonymous)";
    const file = callFrame.url.split("/").at(-1) ?? "";
    const name = file === "" ? (names.get(id) ?? own) : `${own} ${file}`;
    names.set(id, name);
    for (const child of children) {
      const found = profile.nodes.find((node) => node.id === child);
      if (found?.callFrame.url === "")
        names.set(child, `${found.callFrame.functionName} in ${name}`);
    }
  }
  const times = new Map<string, number>();
  for (const [i, id] of (profile.samples ?? []).entries()) {
    const name = names.get(id) ?? "";
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas?.[i] ?? 0));
  }
  return [...times].sort(([, a], [, b]) => b - a).slice(0, FUNCTIONS_SHOWN);
}

/** Between two samples; a step takes some tens. */
const SAMPLE_MICROSECONDS = 100;

export async function profile({
  folder,
  runs,
}: {
  readonly folder: string;
  readonly runs: number;
}): Promise<ProfileResult> {
  await flow(sqlite(join(folder, "warm-up.db")), 5_000, 256);
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: SAMPLE_MICROSECONDS });
  await session.post("Profiler.start");
  const file = join(folder, "profile.db");
  await flow(sqlite(file), runs, 256);
  const { profile: taken } = await session.post("Profiler.stop");
  session.disconnect();
  const { entries } = fileFigures(file);
  const times = byPart(taken);
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  const parts = [...times]
    .sort(([, a], [, b]) => b - a)
    .map(([part, time]) => ({
      part,
      percent: rounded((time * 100) / total),
      microsecondsPerEntry: rounded(time / entries),
    }));
  const functions = byFunction(taken).map(([name, time]) => ({
    name,
    microsecondsPerEntry: rounded(time / entries),
  }));
  return { runs, entries, parts, functions };
}
