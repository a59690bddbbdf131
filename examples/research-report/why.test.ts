/**
 * A person who has nothing but a correlation id finds out in one command why there is no report: `baton why <id>`, as a real process,
 * on a store that others have left.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Baton, choreography, on, open, type WorkflowDefinition } from "baton";
import { sqlite } from "baton/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Agents, agentsOf, writingAgent } from "./agents.ts";
import { openCatalogue } from "./catalogue.ts";
import { Analysed, Asked, Found, Written } from "./choreography.ts";
import { Asked as AskedNewsletter } from "./hybrid.ts";
import { ordering } from "./ordering.ts";
import { type Ways, ways } from "./ways.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const JITI = join(ROOT, "node_modules", "jiti", "lib", "jiti-cli.mjs");
const SOURCES = {
  baton: join(ROOT, "src", "index.ts"),
  "baton/sqlite": join(ROOT, "src", "sqlite.ts"),
};
const GOOD = { text: "When does the time ball at Greenwich fall?" };
const RUMOUR = { text: "Did Harrison's chronometer cause the flood of 1953 in London?" };
const ADA = { kind: "person", id: "ada" } as const;

/** Inside the repository, so that the project finds zod. */
const folder = mkdtempSync(join(ROOT, "node_modules", ".baton-report-"));
const STORE = join(folder, "journal.db");
/** Of the test in which the writer fails. */
const BROKEN = join(folder, "broken.db");
const REMOVED = join(folder, "removed.db");

/** The project of the person who asks: `given` are its workflows, as an expression over those of the example. */
function project(name: string, given: string): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `import { defineConfig } from "baton";
import { agentsOf } from "../../examples/research-report/agents.ts";
import { openCatalogue } from "../../examples/research-report/catalogue.ts";
import { ordering } from "../../examples/research-report/ordering.ts";
import { ways } from "../../examples/research-report/ways.ts";
const { choreography, orchestration, hybrid } = ways(agentsOf(undefined), openCatalogue());
export default defineConfig({ workflows: ${given} });
`,
  );
  return path;
}

const ALL = project("baton.config.ts", "[choreography, orchestration, hybrid, ordering]");

/** The one command. */
function why(id: string, config: string = ALL, store: string = STORE): string {
  const argv = [
    JITI,
    join(ROOT, "src", "cli", "main.ts"),
    "why",
    id,
    "--config",
    config,
    "--store",
    store,
  ];
  const env = { ...process.env, NO_COLOR: "1", JITI_ALIAS: JSON.stringify(SOURCES) };
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
  return stdout.replaceAll(/ \((since|until) [^)]*Z\)/g, "");
}

/** Opens the store as the process that executes, for as long as `work` takes. */
async function executing(
  store: string,
  agents: Agents,
  given: (ways: Ways) => readonly WorkflowDefinition[],
  work: (baton: Baton) => Promise<void>,
): Promise<void> {
  const workflows = given(ways(agents, openCatalogue()));
  const baton = await open({ store: sqlite(store), workflows, log: () => undefined });
  try {
    await work(baton);
  } finally {
    await baton.close({ graceMs: 0 });
  }
}

/** Follows a run until it ends, or an entry of this kind is there. */
async function until(baton: Baton, run: string, kind: string): Promise<void> {
  for await (const item of baton.watch(run))
    if (item.kind === "entry" && item.entry.kind === kind) return;
}

/** The run that an event began, as soon as it has its first event. */
async function begun(baton: Baton, topic: string, correlation: string): Promise<void> {
  for await (const _ of baton.events(topic, { correlation, follow: true })) return;
}

beforeAll(async () => {
  await executing(
    STORE,
    agentsOf(),
    ({ choreography, hybrid, orchestration }) => [choreography, hybrid, orchestration, ordering],
    async (baton) => {
      await baton.publish(Asked, RUMOUR, { id: "low" });
      await baton.publish(AskedNewsletter, RUMOUR, { id: "low-hybrid" });
      await begun(baton, "research.found", "low");
      await until(baton, "low/report-choreography", "step.parked");
      await begun(baton, "newsletter.declined", "low-hybrid");
      await (await baton.run("low-hybrid/report-hybrid")).outcome();
      const orchestration = baton.workflows.find(({ name }) => name === "report-orchestration");
      if (orchestration === undefined) throw new Error("The orchestration is not open.");
      const run = await baton.startUntyped(orchestration, RUMOUR, { id: "low-orchestration" });
      await run.outcome();
      const reason = "the library is being sorted";
      await baton.pauseSubscription("report-choreography", { by: ADA, reason });
      await baton.publish(Asked, GOOD, { id: "paused" });
      await baton.start(ordering, GOOD, { id: "ordered" });
      await until(baton, "ordered", "step.opened");
    },
  );
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

test("a finding below 0.7, in each of the ways", { timeout: 60_000 }, () => {
  const cause = "It does not hold that confidence is at least 0.7, found 0.47.";
  expect(why("low")).toBe(`low
  Run low/report-choreography (report-choreography@1.0.0) has had no event of research.written, with which it ends.
    because writing, which publishes research.written, has been given no event of research.analysed.
      because analysis#3 (analysis@1.0.0, event low/report-choreography@3 of research.found) was refused, and waits for a person: ${cause}
        next: baton dead-letters show low/report-choreography analysis#3
`);
  expect(why("low-orchestration")).toMatch(
    /because analysis .*was refused: It does not hold that .*found 0\.47\./,
  );
  const hybrid = why("low-hybrid");
  expect(hybrid).toMatch(/failed, and was undone: FAILURE_EVENT: newsletter\.declined/);
  expect(hybrid).toMatch(
    /because analysis#\d+ \(.*\) was passed over, because it was refused: .*0\.7, found 0\.47\./,
  );
  expect(hybrid).toMatch(/because decline#\d+ published newsletter\.declined\./);
  expect(hybrid).toContain("next: baton events newsletter.declined --correlation low-hybrid");
});

test("a paused subscription, with who paused it and why, and what ends it", {
  timeout: 60_000,
}, () => {
  const reasons = "Its subscription is paused, by ada: the library is being sorted.";
  expect(why("paused")).toBe(`paused
  report-choreography begins with events of research.asked, and has not taken event paused.
    because ${reasons}
      next: baton subscriptions resume report-choreography
`);
  expect(why("ordered")).toContain(reasons);
});

test("a subscriber that was removed: the event that was expected never came", {
  timeout: 60_000,
}, async () => {
  const without = project("without.config.ts", "[orchestration, hybrid, ordering]");
  await executing(
    REMOVED,
    agentsOf(),
    ({ choreography }) => [choreography, ordering],
    async () => {},
  );
  await executing(
    REMOVED,
    agentsOf(),
    () => [ordering],
    async (baton) => {
      await baton.start(ordering, GOOD, { id: "ordered" });
      await until(baton, "ordered", "step.opened");
    },
  );
  expect(why("ordered", without, REMOVED)).toContain(
    "because Choreography report-choreography is not among the workflows here: whoever executes has to have it.",
  );
});

test("one that is removed within the choreography is missed before anything runs", () => {
  const { research, writing } = agentsOf();
  const build = () =>
    choreography("report-choreography", "1.0.1", {
      starts: Asked,
      ends: Written,
      deadline: "7d",
      subscriptions: {
        research: on(Asked, research, { publishes: Found }),
        // @ts-expect-error The compiler says it, too: nobody publishes research.analysed.
        writing: on(Analysed, writing, { publishes: Written }),
      },
    });
  expect(build).toThrow(
    'Subscription "writing" takes "research.analysed", which nobody publishes.',
  );
});

test("a failing agent and its open breaker: the run that met it first, and one that waits at the breaker", {
  timeout: 60_000,
}, async () => {
  const writing = writingAgent(() => {
    throw new Error("the model is down");
  }, "1.0.0");
  await executing(
    BROKEN,
    { ...agentsOf(), writing },
    ({ choreography }) => [choreography],
    async (baton) => {
      await baton.publish(Asked, GOOD, { id: "first" });
      await begun(baton, "research.analysed", "first");
      await until(baton, "first/report-choreography", "step.parked");
      const opening = opened(baton);
      await baton.publish(Asked, GOOD, { id: "broken" });
      await opening;
      await begun(baton, "research.analysed", "broken");
      await until(baton, "broken/report-choreography", "attempt.held");
    },
  );
  expect(why("first", ALL, BROKEN)).toContain(
    "failed, and waits for a person: Error: the model is down",
  );
  expect(why("broken", ALL, BROKEN)).toMatch(
    /waits at the breaker writing\.\n +because Breaker writing is open: 5 failures in a row\..*\n +next: baton breakers/,
  );
});

/** Resolves when a breaker opens. */
async function opened(baton: Baton): Promise<void> {
  for await (const { entry } of baton.watchBreakers()) if (entry.kind === "breaker.opened") return;
}
