/** Reported of Effect's workflow engine: wake-ups are lost, and 10 to 13 of 40 runs stay suspended for ever (#6318, #8238). */
import { contract, workflow } from "baton";
import { expect, test } from "vitest";
import { z } from "zod";
import { ADA, agentOf, count } from "../support/opened.ts";
import { restarting } from "../support/restarting.ts";

const Note = contract("note", "1.0.0", z.object({ n: z.number() }));

test.each([1, 7, 23])(
  "promise 11: 40 runs with timers, retries and signals that race with restarts all end (rhythm %i)",
  async (rhythm) => {
    const shaky = agentOf(
      "shaky",
      (n: number, { attempt }) => {
        if (attempt < 3) throw new Error("not yet");
        return n;
      },
      { attempts: 3 },
    );
    const flow = workflow("waking", "1.0.0", { input: count })
      .sleep("short", { for: "3s" })
      .step("a", shaky, { needs: ["short", "input"], input: ({ input }) => input })
      .awaitSignal("note", { contract: Note, needs: ["short"], timeout: "30d" })
      .sleep("long", { needs: ["a"], for: "20s" })
      .approval("ok", { needs: ["note"], show: () => null, timeout: "30d" })
      .output(({ a, note, ok }) => [a, note.n, ok.approved]);
    const here = await restarting({ workflows: [flow] });
    const ids = Array.from({ length: 40 }, (_, i) => `r${i}`);
    for (const [i, id] of ids.entries()) await here.baton().start(flow, i, { id });
    // Answers and restarts fall into every moment in which a timer is due, or was just set.
    for (let moment = 0; moment < 40; moment += 1) {
      const id = ids[(moment * 7) % 40] ?? "";
      const late = ids[(moment * 7 + 20) % 40] ?? "";
      const sent = [
        here.baton().signal(id, "note", { n: moment }, { by: ADA, id: `n${moment}` }),
        moment < 20
          ? Promise.resolve()
          : here.baton().approve(late, "ok", { approved: true, by: ADA }),
      ];
      if (moment % rhythm === 0) {
        const closing = here.restart();
        // What was cut off was not taken; its sender knows, and sends it again.
        const told = await here.clock.until(Promise.allSettled(sent));
        await closing;
        for (const [which, { status }] of told.entries()) {
          if (status === "fulfilled") continue;
          if (which === 0)
            await here.baton().signal(id, "note", { n: moment }, { by: ADA, id: `n${moment}` });
          else await here.baton().approve(late, "ok", { approved: true, by: ADA });
        }
      } else await here.clock.until(Promise.all(sent));
      await here.clock.advance(999);
    }
    for (let moment = 0; moment < 20; moment += 1)
      await here
        .baton()
        .approve(ids[(moment * 7 + 20) % 40] ?? "", "ok", { approved: true, by: ADA })
        .catch(() => {});
    await here.clock.advance(120_000);
    const open = await here.baton().runs({ open: true });
    for (const { id } of open) {
      const { waits } = await here.baton().waits(id);
      // Whoever is still here waits for a person alone, who has not been asked of this test.
      expect(waits.map(({ what }) => what)).toEqual(["approval"]);
      await here.baton().approve(id, "ok", { approved: true, by: ADA });
    }
    await here.clock.settle();
    expect(await here.baton().runs({ status: "completed" })).toHaveLength(40);
    expect(here.log.filter(({ data }) => data?.["stuck"] !== undefined)).toEqual([]);
  },
  60_000,
);
