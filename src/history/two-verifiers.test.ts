import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BuiltJournal, NAMESPACE, sourceOf } from "../../test/support/journal-builder.ts";
import { kitchenSink, SINK_INPUT, SINK_PLAY } from "../../test/support/kitchen-sink.ts";
import { play } from "../../test/support/played-run.ts";
import { verifyText } from "../../tools/verify-journal.mjs";
import { entryChecker } from "../journal/verify-entries.ts";
import { findings } from "../journal/verify-problem.ts";
import type { StoredEntry } from "../ports/journal-store.ts";
import { carriedInputs, planFork } from "./fork.ts";
import { exportRun } from "./export.ts";

type Stored = readonly StoredEntry[];

/** What Baton's own verifier finds in the entries of a stream. */
function first(run: string, stored: Stored): readonly unknown[] {
  const found = findings();
  const checker = entryChecker({}, found);
  for (const entry of stored) {
    checker.check({
      position: entry.seq,
      no: 1,
      namespace: NAMESPACE,
      stream: `run/${run}`,
      ...entry,
    });
  }
  return found.problems();
}

/** What the verifier without dependencies finds in the same entries, exported. */
async function second(
  run: string,
  stored: Stored,
  blobs: BuiltJournal["blobs"],
): Promise<readonly unknown[]> {
  let text = "";
  for await (const line of exportRun(sourceOf(stored, blobs), NAMESPACE, run)) text += line;
  return verifyText(text).problems;
}

const sink = kitchenSink();
const parent = play(sink, SINK_INPUT, { ...SINK_PLAY, inlinePayloadBytesMax: 200 });
const plan = planFork(parent.entries, sink, { at: 5 });
const fork = play(sink, SINK_INPUT, {
  ...SINK_PLAY,
  id: "f",
  fork: plan.fork,
  carried: carriedInputs(plan),
});

describe("the two verifiers", () => {
  it("both find nothing in what was sealed, in a run and in its fork", async () => {
    for (const { run, stored, blobs } of [parent, fork]) {
      expect(first(run, stored)).toEqual([]);
      expect(await second(run, stored, blobs)).toEqual([]);
    }
  });

  it("both find whatever was changed or moved", async () => {
    const { run, stored, blobs } = parent;
    const last = stored.length - 1;
    const change = fc.record({
      how: fc.constantFrom("digit", "hash", "swap", "repeat"),
      at: fc.nat({ max: last }),
      to: fc.nat({ max: last }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ how, at, to }) => {
        fc.pre(at !== to);
        const [entry, other] = [stored[at], stored[to]];
        if (entry === undefined || other === undefined) return;
        const put: Readonly<Record<typeof how, Stored>> = {
          digit: stored.with(at, { ...entry, text: entry.text.replace(/"at":\d/, '"at":0') }),
          hash: stored.with(at, { ...entry, hash: other.hash }),
          swap: stored.with(at, { ...other, seq: at }).with(to, { ...entry, seq: to }),
          repeat: stored.with(at, { ...other, seq: at }),
        };
        expect(first(run, put[how])).not.toEqual([]);
        expect(await second(run, put[how], blobs)).not.toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
