import { virtualClock } from "baton/testing";
import { expect, test } from "vitest";
import { type LogQueueParts, logQueue } from "./log-queue.ts";

/** A queue whose collector answers as the test says: it takes what it is sent once that is used up. */
function queued(more: Partial<LogQueueParts<string>> = {}) {
  const clock = virtualClock();
  const answers: ("refuse" | "never" | Promise<undefined>)[] = [];
  const [batches, told]: [string[][], string[]] = [[], []];
  const bad = new Set<string>();
  const queue = logQueue<string>({
    clock,
    linesMax: 5,
    send: async (lines, refused) => {
      const answer = answers.shift();
      if (answer === "refuse") return { message: "503 busy", status: 503, cause: new Error() };
      await answer;
      for (const line of lines) if (bad.has(line)) refused(line, "400 bad");
      batches.push(lines.filter((line) => !bad.has(line)));
      return undefined;
    },
    lossOf: (lost) => `${lost} lost`,
    tell: (message) => told.push(message),
    ...more,
  });
  return { clock, queue, answers, batches, told, bad };
}

test("lines that come together go together, in their order", async () => {
  const { clock, queue, batches } = queued();
  for (const line of ["a", "b", "c"]) queue.add(line);
  expect(batches).toEqual([]);
  await clock.advance(1_000);
  expect(batches).toEqual([["a", "b", "c"]]);
});

test("what is not taken comes again, after pauses that grow, and trouble is told once", async () => {
  const { clock, queue, answers, batches, told } = queued();
  answers.push("refuse", "refuse", "refuse");
  queue.add("a");
  await clock.advance(1_000);
  queue.add("b");
  await clock.advance(1_000 + 2_000 + 3_999);
  expect(batches).toEqual([]);
  await clock.advance(1);
  expect(batches).toEqual([["a", "b"]]);
  expect(told).toEqual(["Log lines are not taken: 503 busy"]);
  answers.push("refuse");
  queue.add("c");
  await clock.advance(2_000);
  expect(batches).toEqual([["a", "b"], ["c"]]);
  expect(told).toHaveLength(2);
});

test("a full queue takes no more, and how many were lost is in the log as soon as it is taken", async () => {
  const { clock, queue, answers, batches } = queued();
  answers.push("refuse");
  for (const line of ["a", "b", "c", "d", "e", "f", "g"]) queue.add(line);
  expect(queue.lost()).toBe(2);
  await clock.advance(2_000);
  expect(batches).toEqual([["2 lost", "a", "b", "c", "d", "e"]]);
  queue.add("h");
  await clock.advance(1_000);
  expect(batches[1]).toEqual(["h"]);
});

test("that lines are lost is told with the first, though nobody answers", async () => {
  const { clock, queue, answers, told } = queued({ linesMax: 2 });
  answers.push(new Promise(() => {}));
  const add = (count: number) => {
    for (let i = 0; i < count; i += 1) queue.add(`line ${i}`);
  };
  add(2);
  await clock.advance(1_000);
  expect(told).toEqual([]);
  add(10);
  const lost = "Log lines are lost: 2 wait for the collector.";
  expect(told).toEqual([lost]);
  await clock.until(queue.close(5_000));
  add(1);
  expect(told).toEqual([lost, "Log lines were lost (12): the collector did not take them."]);
});

test("a queue that was full and was emptied tells anew of the next line that finds no room", async () => {
  const { clock, queue, told } = queued({ linesMax: 1 });
  for (const line of ["a", "b", "c"]) queue.add(line);
  await clock.advance(1_000);
  for (const line of ["d", "e", "f"]) queue.add(line);
  const lost = "Log lines are lost: 1 wait for the collector.";
  expect(told).toEqual([lost, lost]);
});

test("lines of which a loss is told are not told of again where that was not taken", async () => {
  const { clock, queue, answers, batches } = queued({ linesMax: 1 });
  answers.push("refuse", "refuse");
  for (const line of ["a", "b"]) queue.add(line);
  await clock.advance(1_000);
  queue.add("c");
  await clock.advance(3_000);
  expect(batches).toEqual([["2 lost", "a"]]);
});

test("a line that is refused for good is lost, and keeps no other; nor does one that says so", async () => {
  const { clock, queue, batches, told, bad } = queued();
  bad.add("b").add("1 lost");
  for (const line of ["a", "b", "c"]) queue.add(line);
  await clock.advance(60_000);
  expect(batches).toEqual([["a", "c"], []]);
  expect(queue.lost()).toBe(1);
  expect(told).toEqual([
    "The collector refuses log lines (1): 400 bad",
    "The collector refuses log lines (0): 400 bad",
  ]);
});

test("a line that comes while others are sent is sent after them", async () => {
  const { clock, queue, answers, batches } = queued();
  let go = () => {};
  answers.push(
    new Promise((resolve) => {
      go = () => resolve(undefined);
    }),
  );
  queue.add("a");
  await clock.advance(1_000);
  queue.add("b");
  const flushed = queue.flush(5_000);
  go();
  await clock.until(flushed);
  expect(batches).toEqual([["a"], ["b"]]);
});

test("flushing and closing end in time, also where nobody answers; what is left is counted and told", async () => {
  const { clock, queue, answers, batches, told } = queued();
  answers.push(new Promise(() => {}));
  for (const line of ["a", "b"]) queue.add(line);
  await clock.until(queue.flush(5_000));
  expect(batches).toEqual([]);
  await clock.until(queue.close(5_000));
  queue.add("c");
  expect(queue.lost()).toBe(3);
  expect(told).toEqual(["Log lines were lost (2): the collector did not take them."]);
});

test("closing sends what waits, though the collector was down a moment ago", async () => {
  const { clock, queue, answers, batches } = queued();
  answers.push("refuse");
  queue.add("a");
  await clock.advance(1_000);
  await clock.until(queue.close(5_000));
  expect(batches).toEqual([["a"]]);
  expect(queue.lost()).toBe(0);
});

test("nothing that is thrown on the way gets out of it", async () => {
  const clock = virtualClock();
  let thrown = 0;
  const queue = logQueue<string>({
    clock,
    linesMax: 5,
    send: () => {
      thrown += 1;
      throw new Error("serializing");
    },
    lossOf: String,
    tell: () => {
      throw new Error("telling");
    },
  });
  queue.add("a");
  await clock.advance(10_000);
  expect(thrown).toBe(4);
  await clock.until(queue.close(5_000));
  expect(queue.lost()).toBe(1);
});
