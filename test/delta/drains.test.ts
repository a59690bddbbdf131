/** One sink that is asked twice at the same time. */
import { memory } from "baton";
import { deltaSink, verifyDelta } from "baton/delta";
import { expect, onTestFinished, test } from "vitest";
import { diceOf } from "../sim/dice.ts";
import { arrived, exported, memoryPlace } from "../support/delta-places.ts";
import { sampleRuns } from "../support/sample-journal.ts";

async function sample(runs: number) {
  const store = memory();
  const { baton, more } = await sampleRuns(store);
  onTestFinished(() => baton.close());
  await more(runs);
  return { store, more };
}

test.each([1, 2, 3, 4, 5])(
  "a sink that is drained twice at the same time writes each row once (seed %i)",
  async (seed) => {
    const { store, more } = await sample(2);
    const dice = diceOf(seed);
    const place = memoryPlace(async () => {
      for (let turns = dice(40); turns > 0; turns -= 1) await Promise.resolve();
    });
    const sink = await deltaSink({ store, to: place, batch: { rowsMax: 3 } });
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([sink.drain(), sink.drain(), sink.drain()]);
      expect(await exported(place)).toEqual(await arrived(store));
      await more(2);
    }
    await sink.close();
    expect((await verifyDelta(place)).problems).toEqual([]);
  },
);
