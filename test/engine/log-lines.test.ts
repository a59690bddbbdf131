import type { LogLine } from "baton";
import { expect, onTestFinished, test, vi } from "vitest";
import { agentOf, opened, single } from "../support/opened.ts";

test("an agent may log what it has caught, whatever its type", async () => {
  const flow = single(
    agentOf("logs", (n: number, context) => {
      // As from JavaScript, where nothing says that a message is a text.
      context.log.warn(new Error("soft") as unknown as string);
      return n;
    }),
  );
  const { baton, clock, log } = await opened({ workflows: [flow] });
  const run = await clock.until(baton.start(flow, 7));
  expect(await clock.until(run.result())).toBe(7);
  expect(log.map(({ message }) => message)).toContain("Error: soft");
});

test("a log that throws fails no call, and is told of once", async () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  let calls = 0;
  const flow = single(
    agentOf(
      "acts",
      (n: number, { log }) => {
        calls += 1;
        log.info("one");
        log.info("two");
        return n;
      },
      { attempts: 3 },
    ),
  );
  const seen: LogLine[] = [];
  const { baton, clock } = await opened({
    workflows: [flow],
    log: (line) => {
      seen.push(line);
      throw new Error("disk full");
    },
  });
  const run = await clock.until(baton.start(flow, 7));
  expect(await clock.until(run.result())).toBe(7);
  expect(calls).toBe(1);
  expect(seen).toHaveLength(2);
  expect(warn).toHaveBeenCalledTimes(1);
});
