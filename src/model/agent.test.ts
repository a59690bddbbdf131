import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agent, exponential } from "./agent.ts";
import { contract } from "./contract.ts";
import { isBatonError } from "./errors.ts";

const Text = contract("text", "1.0.0", z.object({ text: z.string() }));
const execute = () => ({ text: "done" });

/** The problems for which a definition is refused; none if it is not. */
function problemsOf(build: () => unknown): readonly unknown[] {
  try {
    build();
  } catch (error) {
    if (!isBatonError(error, "DEFINITION_INVALID")) throw error;
    // Errors with this code always have the list.
    return error.details["problems"] as readonly unknown[];
  }
  return [];
}

describe("agent", () => {
  it("has the documented defaults where nothing is said", () => {
    const plain = agent({ name: "writer", version: "1.0.0", input: Text, output: Text, execute });
    expect(plain).toMatchObject({
      id: "writer@1.0.0",
      sideEffects: false,
      retry: { attempts: 3, backoff: { baseMs: 200, factor: 2, maxMs: 30_000, jitter: 0.5 } },
    });
    expect(plain.timeoutMs).toBeUndefined();
    expect(plain.concurrency).toBeUndefined();
    expect(Object.isFrozen(plain)).toBe(true);
  });

  it("keeps what it is given, with durations in milliseconds", () => {
    const final = () => true;
    const full = agent({
      name: "risk.eu.writer",
      version: "2.10.0",
      description: "Writes.",
      input: Text,
      output: Text,
      timeout: "5s",
      retry: {
        attempts: 5,
        backoff: exponential("1s", { factor: 3, max: "1m", jitter: 0 }),
        final,
      },
      concurrency: 4,
      execute,
    });
    expect(full).toMatchObject({
      description: "Writes.",
      timeoutMs: 5_000,
      concurrency: 4,
      retry: {
        attempts: 5,
        backoff: { baseMs: 1_000, factor: 3, maxMs: 60_000, jitter: 0 },
        final,
      },
    });
  });

  it("acts on the outside world if it can be compensated, or if it says so", () => {
    const parts = { name: "writer", version: "1.0.0", input: Text, output: Text, execute } as const;
    expect(agent({ ...parts, compensate: () => undefined }).sideEffects).toBe(true);
    expect(agent({ ...parts, sideEffects: true }).sideEffects).toBe(true);
    expect(
      problemsOf(() => agent({ ...parts, sideEffects: false, compensate: () => undefined })),
    ).toEqual([expect.stringContaining("`sideEffects` is false")]);
  });

  it("lists all problems at once", () => {
    const wrong = {
      name: "Writer",
      version: "1.0",
      input: Text,
      output: {},
      timeout: "5 seconds",
      retry: {
        attempts: 0,
        final: async () => true,
        backoff: { baseMs: 5, factor: 0, maxMs: 1, jitter: 2 },
      },
      concurrency: 0.5,
      braker: {},
      execute: undefined,
    };
    // Whoever writes JavaScript may give all of this.
    const problems = problemsOf(() => agent(wrong as unknown as Parameters<typeof agent>[0]));
    expect(problems).toHaveLength(12);
    for (const part of [
      "braker",
      "Writer",
      '"1.0"',
      "output",
      "concurrency",
      "execute",
      "timeout",
      "factor",
      "longest",
      "jitter",
      "attempts",
      "asynchronous",
    ]) {
      expect(problems).toContainEqual(expect.stringContaining(part));
    }
  });

  it("refuses a timeout in which nothing could end", () => {
    expect(
      problemsOf(() =>
        agent({ name: "a", version: "1.0.0", input: Text, output: Text, timeout: "0s", execute }),
      ),
    ).toEqual([expect.stringContaining("timeout is 0")]);
  });
});

describe("exponential", () => {
  it("refuses what would not grow, or not end", () => {
    expect(problemsOf(() => exponential("1s", { factor: 0.5 }))).toHaveLength(1);
    expect(problemsOf(() => exponential("1s", { max: "1ms" }))).toHaveLength(1);
    expect(problemsOf(() => exponential("1s", { jitter: Number.NaN }))).toHaveLength(1);
    expect(problemsOf(() => exponential("1m", { max: "1m" }))).toHaveLength(0);
  });

  it("refuses what is no duration", () => {
    expect(() => exponential("-1s")).toThrow(expect.objectContaining({ code: "DURATION_INVALID" }));
  });
});

describe("delivery", () => {
  const base = { name: "writer", version: "1.0.0", input: Text, output: Text, execute } as const;

  it("is at-least-once, and leaves no trace, where nothing is said", () => {
    expect(agent(base)).toEqual(agent({ ...base, delivery: "at-least-once" }));
    expect("delivery" in agent(base)).toBe(false);
  });

  it("keeps what an at-most-once agent says, which acts on the outside world", () => {
    const probe = () => ({ kind: "notDone" }) as const;
    const nothingDone = () => true;
    const once = agent({ ...base, delivery: "at-most-once", probe, nothingDone, onUnknown: "ask" });
    expect(once).toMatchObject({
      delivery: "at-most-once",
      onUnknown: "ask",
      probe,
      nothingDone,
      sideEffects: true,
    });
  });

  it("refuses what contradicts itself, all at once", () => {
    // What the compiler refuses as well; see agent.test-d.ts.
    const build = (more: object) => problemsOf(() => agent({ ...base, ...more } as typeof base));
    expect(build({ delivery: "sometimes" })).toHaveLength(1);
    expect(build({ onUnknown: "ask", probe: () => 1, nothingDone: () => true })).toHaveLength(3);
    expect(build({ delivery: "at-most-once", onUnknown: "compensate" })).toHaveLength(1);
    expect(
      build({ delivery: "at-most-once", onUnknown: "compensate", compensate: () => 1 }),
    ).toHaveLength(1);
    expect(build({ delivery: "at-most-once", onUnknown: "hope", sideEffects: false })).toHaveLength(
      2,
    );
    expect(
      build({ delivery: "at-most-once", probe: 1, nothingDone: async () => true }),
    ).toHaveLength(2);
  });
});
