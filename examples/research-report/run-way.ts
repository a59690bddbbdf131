/** All questions in one of the ways: asked at once, followed until each has a report or is not going to have one by itself. */
import { setTimeout as pause } from "node:timers/promises";
import { type Baton, type Frozen, isBatonError, type RunReport } from "baton";
import { Asked as AskedResearch } from "./choreography.ts";
import type { Report } from "./contracts.ts";
import { Asked as AskedNewsletter } from "./hybrid.ts";
import type { AskedQuestion } from "./questions.ts";
import type { ReportWorkflow, Way } from "./ways.ts";

/** How one question ended. */
export interface Answered {
  readonly question: string;
  readonly run: string;
  readonly status: RunReport["status"];
  readonly report?: Frozen<Report>;
  /** The rule that a refused handoff broke, or the error. */
  readonly because?: string;
}

/** How all of them did. */
export interface WayDone {
  readonly way: Way;
  readonly answers: readonly Answered[];
  /** With those that others started: a hybrid's composing is a run of its own. */
  readonly runs: number;
  readonly entries: number;
  readonly events: number;
  readonly tookMs: number;
  /** Runs that an earlier start had left, finished or parked. */
  readonly found: number;
}

/** What takes longer than this to begin is paused, or begins elsewhere. */
const BEGIN_MS_MAX = 10_000;
const LOOK_MS = 20;

/** What everything of a question has one id for: its run, or its event and the correlation. */
export function idOf(question: AskedQuestion, way: Way): string {
  return `${question.id}-${way}`;
}

export async function runWay(
  baton: Baton,
  way: Way,
  request: {
    readonly workflow: ReportWorkflow;
    readonly questions: readonly AskedQuestion[];
    readonly progress: (done: number) => void;
    readonly now: () => number;
  },
): Promise<WayDone> {
  const { workflow, questions, progress, now } = request;
  const before = new Set((await allRuns(baton, way)).map(({ id }) => id));
  const began = now();
  let done = 0;
  const answers = await Promise.all(
    questions.map(async (question) => {
      const run = await ask(baton, way, workflow, question);
      const answered = await answer(baton, run, question);
      done += 1;
      progress(done);
      return answered;
    }),
  );
  const tookMs = now() - began;
  const runs = await allRuns(baton, way);
  let events = 0;
  for (const { id } of runs) {
    for await (const { entry } of baton.entries(id))
      if (entry.kind === "event.published" || entry.kind === "event.received") events += 1;
  }
  return {
    way,
    answers,
    runs: runs.length,
    entries: runs.reduce((sum, { lastSeq }) => sum + lastSeq + 1, 0),
    events,
    tookMs,
    found: answers.filter(({ run }) => before.has(run)).length,
  };
}

/** The runs of a way that this example began. */
async function allRuns(baton: Baton, way: Way) {
  const runs = await baton.runs({ limit: 10_000 });
  return runs.filter(({ id }) => new RegExp(`^q\\d+-${way}(/|$)`).test(id));
}

/** Asks at the front door of the way: an event for those who subscribe, a start for the conductor. Gives the run. */
async function ask(
  baton: Baton,
  way: Way,
  workflow: ReportWorkflow,
  question: AskedQuestion,
): Promise<string> {
  const id = idOf(question, way);
  const input = { text: question.text };
  if (way === "orchestration") return (await baton.start(workflow, input, { id })).id;
  await baton.publish(way === "hybrid" ? AskedNewsletter : AskedResearch, input, { id });
  const run = `${id}/${workflow.name}`;
  for (let looks = 0; looks < BEGIN_MS_MAX / LOOK_MS; looks += 1) {
    if (await isThere(baton, run)) return run;
    await pause(LOOK_MS);
  }
  throw new Error(`No run of ${workflow.name} has begun for ${id}: npx baton why ${id}`);
}

async function isThere(baton: Baton, run: string): Promise<boolean> {
  try {
    await baton.run(run);
    return true;
  } catch (error) {
    if (isBatonError(error) && error.code === "RUN_NOT_FOUND") return false;
    throw error;
  }
}

/** Waits until the run has ended, or a person has to look. */
async function answer(baton: Baton, run: string, { id }: AskedQuestion): Promise<Answered> {
  for await (const item of baton.watch(run))
    if (item.kind === "entry" && item.entry.kind === "step.parked") break;
  const { status, steps, error } = await baton.report(run);
  const head = { question: id, run, status };
  if (status === "completed") {
    // The contract of the workflow's output has checked it.
    const report = (await (await baton.run(run)).result()) as unknown as Frozen<Report>;
    return { ...head, report };
  }
  const rule = steps.flatMap(({ violations = [] }) => violations)[0]?.rule;
  const because =
    rule ?? error?.message ?? steps.find((step) => step.status === "parked")?.error?.message;
  return because === undefined ? head : { ...head, because };
}
