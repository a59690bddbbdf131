import { expect, test } from "vitest";
import { latestAnswer } from "./latest-answer.ts";

/** Answers that the test gives, in the order in which they were asked for. */
function asked() {
  const answers: { readonly give: (n: number) => void; readonly fail: () => void }[] = [];
  const ask = () =>
    new Promise<number>((resolve, reject) => {
      answers.push({ give: resolve, fail: () => reject(new Error("no")) });
    });
  return { answers, ask };
}

test("who comes while a question is under way shares the next one, with all who come meanwhile", async () => {
  const latest = latestAnswer<number>();
  const { answers, ask } = asked();
  const first = latest("may she", ask);
  const [second, third] = [latest("may she", ask), latest("may she", ask)];
  expect(answers.length).toBe(1);
  answers[0]?.give(1);
  expect(await first).toBe(1);
  // Asked after the first was answered, so that what was revoked meanwhile counts.
  expect(answers.length).toBe(2);
  const fourth = latest("may she", ask);
  answers[1]?.give(2);
  expect(await Promise.all([second, third])).toEqual([2, 2]);
  expect(answers.length).toBe(3);
  answers[2]?.give(3);
  expect(await fourth).toBe(3);
});

test("other questions are not waited for, and a question that failed is asked again by the next", async () => {
  const latest = latestAnswer<number>();
  const { answers, ask } = asked();
  const [first, second] = [latest("may she", ask), latest("may she", ask)];
  const other = latest("may he", ask);
  answers[1]?.give(7);
  expect(await other).toBe(7);
  answers[0]?.fail();
  await expect(first).rejects.toThrow("no");
  answers[2]?.give(2);
  expect(await second).toBe(2);
});
