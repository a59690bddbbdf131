/** The options that bound an agent's calls: rate, queue, retry budget. */
import { describe, expect, it, test } from "vitest";
import { z } from "zod";
import { agent } from "./agent.ts";
import { contract } from "./contract.ts";
import { isBatonError } from "./errors.ts";
import { manifestOf } from "./manifest.ts";
import { workflow } from "./workflow.ts";

const Text = contract("text", "1.0.0", z.object({ text: z.string() }));
const BASE = {
  name: "writer",
  version: "1.0.0",
  input: Text,
  output: Text,
  execute: () => ({ text: "done" }),
} as const;

type More = Partial<
  Parameters<typeof agent<{ text: string }, { text: string }, { text: string }>>[0]
>;

function problemsOf(more: unknown): string {
  try {
    // What is wrong on purpose is not of the type.
    agent({ ...BASE, ...(more as More) } as never);
  } catch (error) {
    if (!isBatonError(error, "DEFINITION_INVALID")) throw error;
    return String(error.message);
  }
  return "";
}

describe("a rate", () => {
  it("has the agent's name and a burst of one where nothing is said", () => {
    const { rate } = agent({ ...BASE, rate: { calls: 100, per: "1m" } });
    expect(rate).toEqual({ name: "writer", settings: { calls: 100, perMs: 60_000, burst: 1 } });
    expect(Object.isFrozen(rate)).toBe(true);
    const key = ({ text }: { readonly text: string }) => text;
    const full = agent({ ...BASE, rate: { calls: 1, per: "1s", burst: 5, key, name: "model" } });
    expect(full.rate).toEqual({
      name: "model",
      settings: { calls: 1, perMs: 1_000, burst: 5 },
      key,
    });
  });

  test.each([
    [{}, "has a `calls` of undefined"],
    [{ calls: 1 }, "has no `per`"],
    [{ calls: 0, per: "1s" }, "has a `calls` of 0"],
    [{ calls: 1, per: "0s" }, "has a `per` of 0"],
    [{ calls: 2_000_000, per: "1s" }, "more than 1000000"],
    [{ calls: 1, per: "1s", burst: 0 }, "has a `burst` of 0"],
    [{ calls: 1, per: "soon" }, "is not a duration"],
    [{ calls: 1, per: "1s", key: "id" }, "has no function `key`"],
    [{ calls: 1, per: "1s", key: async () => "a" }, "asynchronous function `key`"],
    [{ calls: 1, per: "1s", name: "A b" }, "has a `name` that is not"],
    [{ calls: 1, per: "1s", jitter: 1 }, "There is no option `jitter`"],
    ["100/min", "was given no options"],
  ])("%j is refused: %s", (rate, says) => {
    expect(problemsOf({ rate })).toContain(says);
  });
});

describe("a queue", () => {
  it("goes with a concurrency", () => {
    expect(agent({ ...BASE, concurrency: 2, queue: 0 })).toMatchObject({
      concurrency: 2,
      queue: 0,
    });
    expect(problemsOf({ queue: 1 })).toContain("yet no `concurrency`");
    expect(problemsOf({ concurrency: 1, queue: -1 })).toContain("not a whole number of 0 or more");
  });
});

describe("a retry budget", () => {
  it("is a fifth of the first attempts, and ten, where nothing is said; and none without it", () => {
    expect(agent({ ...BASE, retry: { attempts: 3, budget: {} } }).retry.budget).toEqual({
      share: 0.2,
      least: 10,
    });
    expect(agent({ ...BASE, retry: { attempts: 3 } }).retry.budget).toBeUndefined();
  });

  test.each([
    [{ share: 2 }, "is not between 0 and 1"],
    [{ least: -1 }, "is not a whole number of 0 or more"],
    [{ most: 1 }, "There is no option `most`"],
    [0.2, "was given no options"],
  ])("%j is refused: %s", (budget, says) => {
    expect(problemsOf({ retry: { attempts: 3, budget } })).toContain(says);
  });

  it("is no option of compensations", () => {
    const compensation = { retry: { attempts: 3, budget: {} } };
    expect(problemsOf({ compensate: () => undefined, compensation })).toContain("must be undone");
  });
});

test("none of them is pinned: a run that is under way takes the newest", () => {
  const flow = (more: More) =>
    workflow("w", "1.0.0", { input: Text })
      .step("a", agent({ ...BASE, ...more } as never) as never, {
        input: ({ input }) => input as never,
      })
      .output(({ a }) => a);
  const bounded = { rate: { calls: 1, per: "1s" }, concurrency: 1, queue: 1 } as const;
  expect(manifestOf(flow({ ...bounded, retry: { attempts: 3, budget: {} } }))).toEqual(
    manifestOf(flow({})),
  );
});
