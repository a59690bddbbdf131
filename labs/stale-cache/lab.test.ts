import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { memory } from "baton";
import { describe, expect, onTestFinished, test } from "vitest";
import { goodApplications } from "./applications.ts";
import { inFolder, inMemory, runSeed, whatIf } from "./lab.ts";
import { runOnBaton } from "./on-baton.ts";
import { judge } from "./outcome.ts";
import { PARAMETERS } from "./parameters.ts";
import { planOf, storyOf } from "./plan.ts";
import { reportPage } from "./report.ts";
import { runSharedDocument } from "./shared-document.ts";
import { runSharedRow } from "./shared-row.ts";
import { seedTable } from "./table.ts";

/** Some hundred runs each: on a machine with much else to do that takes its time. */
const TIMEOUT_MS = 180_000;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const all = goodApplications(fileURLToPath(new URL("../..", import.meta.url)));
const few = all.slice(0, 60);

async function row(seed: number, parameters = PARAMETERS, applications = all) {
  const plan = planOf(applications, seed, parameters);
  return judge(plan, await runSharedRow(plan, ":memory:"));
}

test("the applications are those that the example does not refuse", () => {
  expect(all.length).toBe(903);
  expect(new Set(all.map(({ id }) => id)).size).toBe(903);
});

describe("(a) a mutable row and a cache", { timeout: TIMEOUT_MS }, () => {
  test.each(SEEDS)(
    "seed %i: about a fifth of the grades are wrong, and all is decided",
    async (seed) => {
      const { wrongGrades, applications, failedLoudly, ratedOnOldScore } = await row(seed);
      expect(wrongGrades / applications).toBeGreaterThan(0.15);
      expect(wrongGrades / applications).toBeLessThan(0.25);
      expect(ratedOnOldScore).toBeGreaterThan(wrongGrades);
      expect(failedLoudly).toBe(0);
    },
  );

  test("is right each time if no invalidation fails: the other faults do it no harm", async () => {
    const parameters = { ...PARAMETERS, deafReplicas: 0, publishFailsPercent: 0 };
    expect(await row(1, parameters)).toMatchObject({ wrongGrades: 0, ratedOnOldScore: 0 });
  });

  test("is right each time if nobody has an older score", async () => {
    expect(await row(1, { ...PARAMETERS, onFilePercent: 0 })).toMatchObject({ wrongGrades: 0 });
  });

  test("raises an alarm only where the channel itself refuses, twice", async () => {
    const parameters = { ...PARAMETERS, publishFailsPercent: 100 };
    expect(await row(1, parameters, few)).toMatchObject({ alarms: few.length });
    expect(await row(1, { ...PARAMETERS, publishFailsPercent: 0 }, few)).toMatchObject({
      alarms: 0,
    });
  });
});

describe("(b) a shared document", { timeout: TIMEOUT_MS }, () => {
  test.each([1, 2, 3])(
    "seed %i: loaded late, few updates are lost, some of them silently",
    async (seed) => {
      const plan = planOf(all, seed, PARAMETERS);
      const verdict = judge(plan, await runSharedDocument(plan, ":memory:", "late"));
      expect(verdict.updatesLost).toBeGreaterThan(0);
      expect(verdict.updatesLost).toBeLessThan(0.1 * all.length);
      expect(verdict.wrongGrades).toBeGreaterThan(0);
      expect(verdict.failedLoudly).toBe(verdict.alarms);
    },
  );

  test("loaded early, every document loses something", async () => {
    const plan = planOf(few, 1, PARAMETERS);
    const { updatesLost } = judge(plan, await runSharedDocument(plan, ":memory:", "early"));
    expect(updatesLost).toBeGreaterThanOrEqual(few.length);
  });

  test("loses nothing if no two agents save at the same time", async () => {
    const at = (ms: number) => ({ low: ms, high: ms });
    const workMs = {
      score: at(600),
      income: at(400),
      fraud: at(200),
      risk: at(40),
      approval: at(30),
    };
    const plan = planOf(few, 1, { ...PARAMETERS, workMs });
    const verdict = judge(plan, await runSharedDocument(plan, ":memory:", "late"));
    expect(verdict).toMatchObject({ updatesLost: 0, wrongGrades: 0, failedLoudly: 0 });
  });
});

describe("(c) Baton", { timeout: TIMEOUT_MS }, () => {
  test.each(SEEDS)("seed %i: no grade is wrong, and every journal verifies", async (seed) => {
    const plan = planOf(few, seed, PARAMETERS);
    const result = await runOnBaton(plan, memory(), () => 0);
    expect(judge(plan, result)).toMatchObject({
      ...{ wrongGrades: 0, ratedOnOldScore: 0, wrongDecisions: 0, failedLoudly: 0 },
    });
    expect(result.problems).toBe(0);
    expect(result.processes).toBeGreaterThan(1);
  });

  test("meets the faults of the plan: kills, lost answers, failures of the bureau", async () => {
    const parameters = { ...PARAMETERS, answerLostPercent: 100, bureauFailsPercent: 100 };
    const plan = planOf(few.slice(0, 20), 1, parameters);
    const result = await runOnBaton(plan, memory(), () => 0);
    expect(judge(plan, result)).toMatchObject({ wrongGrades: 0, failedLoudly: 0 });
    expect(result.answersLost).toBeGreaterThan(10);
    expect(result.entries).toBeGreaterThan(20 * 8);
  });
});

describe("one seed over all", { timeout: TIMEOUT_MS }, () => {
  test("gives the same twice, in memory and on disk, but for the sizes of files", async () => {
    const folder = mkdtempSync(join(tmpdir(), "baton-lab-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const once = await runSeed(few, 7, inMemory());
    const again = await runSeed(few, 7, inMemory());
    const onDisk = await runSeed(few, 7, inFolder(folder));
    expect(again).toEqual(once);
    expect(onDisk.story).toEqual(once.story);
    expect(onDisk.verdicts.row).toEqual(once.verdicts.row);
    expect({ ...onDisk.verdicts.baton, bytesEach: 0 }).toEqual(once.verdicts.baton);
    expect(onDisk.verdicts.baton.bytesEach).toBeGreaterThan(1_000);
  });

  test("another seed is another plan", () => {
    const scores = (seed: number) =>
      planOf(few, seed, PARAMETERS).fates.map(({ workMs }) => workMs);
    expect(scores(1)).not.toEqual(scores(2));
  });

  test("tells one application that (a) got wrong and (c) right, with the hashes of its journal", async () => {
    const result = await runSeed(few, 1, inMemory());
    const { story } = result;
    expect(story?.fate).toEqual(storyOf(planOf(few, 1, PARAMETERS)));
    const last = story?.moments.at(-1);
    expect(last?.rowScore).toBe(story?.fate.truth.score.score);
    expect(last?.cachedScore).toBe(story?.fate.earlier?.score);
    const risk = story?.lineage.nodes.find(({ key }) => key === "risk");
    expect(risk?.value).toMatchObject({ grade: story?.fate.truth.risk.grade });
    const changed = await whatIf(few, 1);
    const page = reportPage({ results: [result, result], changed, parameters: PARAMETERS });
    for (const { hash } of story?.lineage.nodes ?? []) expect(page).toContain(hash);
    expect(page).not.toMatch(/<script|https?:\/\/|undefined|NaN|\[object/);
    expect(seedTable(result)).toContain("(c) Baton");
  });
});
