import { memory, workflow } from "baton";
import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { agentOf, count, entriesOf, opened } from "../support/opened.ts";

test("a failed attempt says what it was given, as a sealed one does; replay sees another input", async () => {
  const failing = agentOf(
    "failing",
    (n: number, { attempt }) => {
      if (attempt === 1) throw new Error("busy");
      return n;
    },
    { attempts: 2 },
  );
  const flowWith = (factor: number) =>
    workflow("flow", "1.0.0", { input: count })
      .step("a", failing, { input: ({ input }) => input * factor })
      .output(({ a }) => a);
  const flow = flowWith(10);
  const clock = virtualClock();
  const store = memory({ now: () => clock.now() });
  const { baton } = await opened({ workflows: [flow], store }, clock);
  const run = await baton.start(flow, 4, { id: "r" });
  expect(await clock.until(run.result())).toBe(40);
  const [failed, sealed] = (await entriesOf(baton, "r")).filter(({ kind }) =>
    ["attempt.failed", "step.sealed"].includes(kind),
  );
  expect(failed?.kind).toBe("attempt.failed");
  expect(failed?.inputHash).toMatch(/^[0-9a-f]{64}$/);
  expect(failed?.inputHash).toBe(sealed?.inputHash);
  expect((await baton.replay("r")).differences).toEqual([]);
  const changed = await opened({ workflows: [flowWith(20)], store, readOnly: true }, clock);
  expect((await changed.baton.replay("r")).differences[0]).toMatchObject({
    what: "inputHash",
    seq: failed?.seq,
  });
});
