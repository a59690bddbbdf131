/** A simulated death is one to the engine, too: not a process that was closed in good order. */
import { type FaultRates, simulate } from "baton/testing";
import { expect, test } from "vitest";
import { randomOptions, randomWorkflow } from "./random-workflow.ts";

const CALM: Partial<FaultRates> = {
  ...{ crashBefore: 0, crashAfter: 0, leaseLoss: 0, crash: 0, restart: 0, clockJump: 0 },
  ...{ loseAnswer: 0, slowDisk: 0, diskFull: 0 },
};

/** What is said of the process before, in each run that was taken up again in the lives of some seeds. */
async function resumedAfter(fault: Partial<FaultRates>): Promise<ReadonlySet<boolean>> {
  const crashed = new Set<boolean>();
  for (let seed = 10; seed < 22; seed += 1) {
    await simulate(randomWorkflow(seed), {
      ...randomOptions(seed),
      faults: { ...CALM, ...fault },
      invariants: ({ entries }) => {
        for (const { entry } of entries)
          if (entry.kind === "run.resumed") crashed.add(entry.payload["crashed"] === true);
        return [];
      },
    });
  }
  return crashed;
}

test("runs that were under way when a simulated process died are resumed as after a crash", async () => {
  expect(await resumedAfter({ crash: 1 })).toContain(true);
});

test("runs of a process that was closed are not", async () => {
  expect(await resumedAfter({ restart: 1 })).not.toContain(true);
});
