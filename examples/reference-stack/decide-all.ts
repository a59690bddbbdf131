/** Applications through the stack, and through the plain agents in memory beside it: the answers must be the same. */
import { isDeepStrictEqual } from "node:util";
import { setTimeout } from "node:timers/promises";
import { type Baton, isBatonError, memory, open, type RunOutcome, type Workflow } from "baton";
import type { ApplicationValue } from "./applications.ts";
import type { Decision } from "../credit-decision/approval.ts";
import { creditDecision } from "../credit-decision/workflow.ts";
import { signOff } from "./applications.ts";
import type { AnswerValue } from "./contracts.ts";
import type { Stack } from "./stack.ts";

export interface Done {
  readonly id: string;
  readonly outcome: RunOutcome<AnswerValue>;
  /** What the plain agents say. */
  readonly plain: RunOutcome<Decision>;
}

/** Under way at the same time. */
const IN_FLIGHT = 8;

export async function decideAll(
  { baton, loan }: Pick<Stack, "baton" | "loan">,
  applications: readonly ApplicationValue[],
  progress: (done: number) => void = () => {},
): Promise<readonly Done[]> {
  const beside = await open({ store: memory(), workflows: [creditDecision] });
  const done: Done[] = [];
  const left = [...applications];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [outcome, plain] = await Promise.all([
        decided(baton, loan, next, (run) => `${run}/decision`),
        decided(beside, creditDecision, next, (run) => run),
      ]);
      done.push({ id: next.id, outcome, plain });
      progress(done.length);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  await beside.close();
  return done.sort((one, other) => (one.id < other.id ? -1 : 1));
}

async function decided<Out>(
  baton: Baton,
  workflow: Workflow<ApplicationValue, Out>,
  application: ApplicationValue,
  signed: (run: string) => string,
): Promise<RunOutcome<Out>> {
  const run = await baton.start(workflow, application, { id: application.id });
  const ended = run.outcome();
  const followed = signOffs(baton, { run: run.id, signed: signed(run.id), ended });
  const [outcome] = await Promise.all([ended, followed]);
  return outcome;
}

interface Followed {
  readonly run: string;
  /** Where it is signed off: in itself, or in a run below it. */
  readonly signed: string;
  readonly ended: Promise<unknown>;
}

async function signOffs(baton: Baton, { run, signed, ended }: Followed): Promise<void> {
  if (run === signed) return signOff(baton, run);
  for await (const item of baton.watch(run))
    if (item.kind === "entry" && item.entry.kind === "step.opened") {
      if (!(await begun(baton, signed, ended))) return;
      await signOff(baton, signed);
    }
}

/** The run below begins a moment after the step that it belongs to was opened; or never, where the run above ends first. */
async function begun(baton: Baton, run: string, ended: Promise<unknown>): Promise<boolean> {
  for (let isOver = false; ; ) {
    const found = await baton.run(run).catch((error: unknown) => {
      if (isBatonError(error, "RUN_NOT_FOUND")) return undefined;
      throw error;
    });
    if (found !== undefined) return true;
    if (isOver) return false;
    isOver = await Promise.race([setTimeout(10, false), ended.then(() => true)]);
  }
}

/** Whether a run ended as the plain agents did; a refused handoff below it is a failure of it. */
export function isSame({ outcome, plain }: Done): boolean {
  if (plain.kind === "completed")
    return outcome.kind === "completed" && isDeepStrictEqual(outcome.output.decision, plain.output);
  if (plain.kind === "refused") return outcome.kind === "refused";
  return outcome.kind === "failed" || outcome.kind === "compensated";
}
