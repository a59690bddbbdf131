import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agent } from "./agent.ts";
import type { BreakerOptions } from "./breaker-options.ts";
import { contract } from "./contract.ts";
import { isBatonError } from "./errors.ts";

const PersonSchema = z.object({ id: z.string() });
const Person = contract("person", "1.0.0", PersonSchema);
const Named = contract("named", "1.0.0", z.object({ id: z.string(), name: z.string() }));
const Wider = contract("wider", "1.0.0", z.object({ id: z.string(), note: z.string().optional() }));
const Score = contract("score", "1.0.0", z.object({ score: z.number() }));
const Score2 = contract("score", "2.0.0", z.object({ score: z.number() }));

/** An agent with any option `breaker`, as somebody without a compiler may write it. */
function withBreaker(breaker: unknown) {
  return agent({
    name: "asks",
    version: "1.0.0",
    input: Person,
    output: Score,
    execute: () => ({ score: 1 }),
    breaker: breaker as BreakerOptions<z.infer<typeof PersonSchema>, { readonly score: number }>,
  });
}

function problemsOf(breaker: unknown): readonly unknown[] {
  try {
    withBreaker(breaker);
  } catch (error) {
    if (isBatonError(error, "DEFINITION_INVALID") && Array.isArray(error.details["problems"]))
      return error.details["problems"];
    throw error;
  }
  return [];
}

function fallback(input: typeof Person, output: typeof Score) {
  return agent({
    name: "stands-in",
    version: "1.0.0",
    input,
    output,
    execute: () => ({ score: 0 }),
  });
}

describe("the option `breaker`", () => {
  it("has defaults: five failures in a row, thirty seconds, one probe, runs wait, the agent's name", () => {
    expect(withBreaker({}).breaker).toEqual({
      name: "asks",
      settings: { failures: 5, window: undefined, cooldownMs: 30_000, probes: 1 },
      whenOpen: { kind: "wait" },
    });
    expect(
      agent({
        name: "x",
        version: "1.0.0",
        input: Person,
        output: Score,
        execute: () => ({ score: 1 }),
      }),
    ).not.toHaveProperty("breaker");
  });

  it("takes a window over calls or over time", () => {
    expect(withBreaker({ window: { size: 4, rate: 0.5 } }).breaker?.settings).toMatchObject({
      failures: undefined,
      window: { over: { kind: "calls", size: 4 }, rate: 0.5, minimum: 4 },
    });
    expect(
      withBreaker({ window: { duration: "1m", rate: 1, minimum: 3 } }).breaker?.settings.window,
    ).toEqual({ over: { kind: "time", durationMs: 60_000 }, rate: 1, minimum: 3 });
  });

  it.each([
    [null, "no options"],
    [{ threshold: 5 }, "`threshold`"],
    [{ name: "Bureau" }, "`name`"],
    [{ failures: 0 }, "`failures`"],
    [{ failures: 3, window: { size: 10, rate: 0.5 } }, "both"],
    [{ window: { rate: 0.5 } }, "either"],
    [{ window: { size: 10, duration: "1m", rate: 0.5 } }, "either"],
    [{ window: { size: 10, rate: 1.5 } }, "`rate`"],
    [{ window: { size: 2_000, rate: 0.5 } }, "1000"],
    [{ window: { size: 5, rate: 0.5, minimum: 6 } }, "`minimum`"],
    [{ cooldown: "soon" }, "cooldown"],
    [{ cooldown: "0s" }, "never be open"],
    [{ probes: 0.5 }, "`probes`"],
    [{ counts: async () => true }, "asynchronous"],
    [{ whenOpen: "retry" }, "`whenOpen`"],
    [{ whenOpen: { fallback: {} } }, "not an agent"],
  ])("refuses %j", (breaker, part) => {
    const problems = problemsOf(breaker);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(part);
  });

  it("refuses a fallback with another output contract, or whose input refuses what the agent's accepts", () => {
    expect(problemsOf({ whenOpen: { fallback: fallback(Person, Score2) } })).toEqual([
      expect.stringContaining("whose output is score@2.0.0, not score@1.0.0"),
    ]);
    // The types would not let it through either.
    const narrow = fallback(Named as unknown as typeof Person, Score);
    expect(problemsOf({ whenOpen: { fallback: narrow } })).toEqual([
      expect.stringContaining("named@1.0.0 refuses what person@1.0.0 accepts"),
    ]);
    const wide = fallback(Wider as unknown as typeof Person, Score);
    expect(problemsOf({ whenOpen: { fallback: wide } })).toEqual([]);
  });
});
