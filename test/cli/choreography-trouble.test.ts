/** What goes wrong in choreographies, as the commands tell it to people and, with --json, to programs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  agent,
  type Agent,
  choreography,
  contract,
  on,
  open,
  type OpenOptions,
  topic,
  type WorkflowDefinition,
} from "baton";
import { sqlite } from "baton/sqlite";
import { countedIds, virtualClock } from "baton/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { runProgram } from "../../src/cli/program.ts";
import { recordingTerminal } from "./recording-terminal.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// Inside the repository, so that the project finds zod.
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-cli-test-"));
const STORE = join(folder, "troubles.db");
/** Years ago: what has a deadline has missed it by now. */
const LONG_AGO_MS = 1_600_000_000_000;
const MINUTE = 60_000;

/** The project, as the commands load it: the same graph, agents that are never called. */
const CONFIG = `
import { agent, choreography, contract, defineConfig, on, topic } from "baton";
import { z } from "zod";

const Note = contract("note", "1.0.0", z.object({ text: z.string() }));
const [Asked, Found, Written] = ["asked", "found", "written"].map((name) => topic(name, Note));
const Round = topic("round", Note);
const acting = (name) => agent({
  name, version: "1.0.0", input: Note, output: Note, retry: { attempts: 1 }, execute: (given) => given,
});
const report = choreography("report", "1.0.0", {
  starts: Asked, ends: Written, deadline: "10m",
  subscriptions: {
    research: on(Asked, acting("research"), { publishes: Found }),
    writing: on(Found, acting("writing"), { publishes: Written }),
  },
});
const loop = choreography("loop", "1.0.0", {
  starts: Round, hops: 3,
  subscriptions: { again: on(Round, acting("again"), { publishes: Round }) },
});
export default defineConfig({ workflows: [report, loop], store: "troubles.db" });
`;

const Note = contract("note", "1.0.0", z.object({ text: z.string() }));
interface Note {
  readonly text: string;
}
const Asked = topic("asked", Note);
const Found = topic("found", Note);
const Written = topic("written", Note);
const Round = topic("round", Note);
const Gone = topic("gone", Note);

function acting(name: string, execute: (given: Note) => Note | Promise<Note>): Agent<Note, Note> {
  return agent({
    name,
    version: "1.0.0",
    input: Note,
    output: Note,
    retry: { attempts: 1 },
    execute,
  });
}

const report = choreography("report", "1.0.0", {
  starts: Asked,
  ends: Written,
  deadline: "10m",
  subscriptions: {
    research: on(
      Asked,
      acting("research", (given) => {
        if (given.text === "poison") throw new Error("the page has no end");
        return given;
      }),
      { publishes: Found },
    ),
    writing: on(
      Found,
      acting("writing", (given) => (given.text === "slow" ? new Promise(() => {}) : given)),
      { publishes: Written },
    ),
  },
});
const loop = choreography("loop", "1.0.0", {
  starts: Round,
  hops: 3,
  subscriptions: {
    again: on(
      Round,
      acting("again", (given) => given),
      { publishes: Round },
    ),
  },
});
const removed = choreography("removed", "1.0.0", {
  starts: Gone,
  subscriptions: {
    take: on(
      Gone,
      acting("take", (given) => given),
    ),
  },
});

async function baton(...argv: readonly string[]) {
  const terminal = recordingTerminal({ cwd: folder, columns: 200 });
  const code = await runProgram(argv, terminal);
  return { code, out: terminal.out(), err: terminal.err() };
}

async function json(...argv: readonly string[]): Promise<unknown> {
  return JSON.parse((await baton(...argv, "--json")).out);
}

beforeAll(async () => {
  writeFileSync(join(folder, "baton.config.ts"), CONFIG);
  const clock = virtualClock(LONG_AGO_MS);
  const opened = async (
    workflows: readonly WorkflowDefinition[],
    more: Partial<OpenOptions> = {},
  ) =>
    await clock.until(open({ store: sqlite(STORE), workflows, clock, ids: countedIds(), ...more }));
  const first = await opened([report, loop, removed]);
  for (const text of ["poison", "slow"])
    await clock.until(first.publish(Asked, { text }, { id: text }));
  await clock.until(first.publish(Round, { text: "loop" }, { id: "loop" }));
  await clock.advance(6 * MINUTE);
  await clock.until(first.close({ graceMs: 0 }));
  const second = await opened([report, loop], { topics: [Gone] });
  await clock.until(second.publish(Gone, { text: "gone" }, { id: "gone" }));
  await clock.until(second.close({ graceMs: 0 }));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe("a poisoned event", () => {
  test("is named by why, by the graph, and among the dead letters", async () => {
    expect((await baton("why", "poison")).out).toMatch(
      /because research#1 \(research@1\.0\.0, event poison of asked\) failed, and waits for a person: Error: the page has no end .*\n\s+next: baton dead-letters show poison\/report research#1\n/,
    );
    expect(await json("graph", "--run", "poison/report")).toMatchObject({
      differences: [
        { what: "missing", topic: "written", dueAt: LONG_AGO_MS + 10 * MINUTE },
        { what: "unreached", subscription: "writing" },
        { what: "delivery", subscription: "research", path: "research#1" },
      ],
    });
    expect(await json("waits", "poison/report")).toMatchObject({
      waits: [{ what: "person", path: "research#1", because: "failed" }],
    });
    expect((await baton("dead-letters")).out).toContain("research#1");
  });
});

describe("a slow subscriber", () => {
  test("is named by why, by the graph, by waits and, once nobody works on it, by health", async () => {
    expect(await json("why", "slow")).toMatchObject({
      complete: false,
      reasons: [
        {
          run: "slow/report",
          dueAt: LONG_AGO_MS + 10 * MINUTE,
          because: [
            {
              path: "writing#3",
              sentence:
                "writing#3 (writing@1.0.0, event slow/report@3 of found) is executed, or can begin.",
              since: expect.any(Number),
              next: "baton watch slow/report",
            },
          ],
        },
      ],
    });
    expect(await json("graph", "--run", "slow/report")).toMatchObject({
      differences: [{ what: "missing" }, { what: "slow", subscription: "writing" }],
    });
    expect((await baton("graph", "--run", "slow/report")).out).toMatch(
      /slow\s+writing#3 had not been handled .* \(deadline 2020-09-13 \S+\)/,
    );
    expect(await json("waits", "slow/report")).toMatchObject({
      waits: [{ what: "execution", path: "writing#3" }],
    });
    expect(await json("health")).toMatchObject({
      ok: false,
      stuck: expect.arrayContaining([
        expect.objectContaining({ run: "slow/report", reason: "unattended" }),
      ]),
    });
  });
});

describe("a loop", () => {
  test("is named with who stands in it, and the limit that cut it", async () => {
    expect((await baton("why", "loop")).out).toMatch(
      /failed: HOPS_EXCEEDED: [^]*because again -> again went round \d times\./,
    );
    expect(await json("graph", "--run", "loop/loop")).toMatchObject({
      status: "failed",
      differences: [
        {
          what: "cycle",
          subscription: "again",
          message: expect.stringContaining("again -> again"),
        },
        { what: "storm", subscription: "again", topic: "round" },
      ],
    });
  });
});

describe("a removed subscriber", () => {
  test("is named by why and by health, until it is paused", async () => {
    expect(await json("why", "gone")).toMatchObject({
      complete: false,
      reasons: [
        {
          sentence: "removed begins with events of gone, and has not taken event gone.",
          because: [
            {
              sentence:
                "Choreography removed is not among the workflows here: whoever executes has to have it.",
            },
          ],
        },
      ],
    });
    const { code, out } = await baton("health");
    expect(code).toBe(1);
    expect(out).toMatch(/^2 runs, 1 subscription stuck\./);
    expect(out).toMatch(
      /SUBSCRIPTION\s+SINCE\s+WHY\nremoved\s+2020-09-13 .*Event gone of gone waits/,
    );
    expect(await json("health")).toMatchObject({
      stuckSubscriptions: [{ subscription: "removed", topic: "gone", reason: "unattended" }],
    });
    const paused = await baton(
      "subscriptions",
      "pause",
      "removed",
      "--by",
      "ada",
      "--reason",
      "gone for good",
    );
    expect(paused).toMatchObject({
      code: 0,
      out: expect.stringContaining("paused: removed, by ada"),
    });
    expect(await json("health")).toMatchObject({ stuckSubscriptions: [] });
    expect((await baton("why", "gone")).out).toContain(
      "Its subscription is paused, by ada: gone for good.",
    );
  });
});
