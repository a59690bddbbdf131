import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  journalOf,
  sealed,
  sentBack,
  skipped,
  started,
} from "../../test/support/journal-builder.ts";
import type { Draft } from "../model/entry.ts";
import type { Json } from "../model/json.ts";
import { stateAt } from "./state.ts";

describe("stateAt", () => {
  const { entries } = journalOf([
    started({ a: 1 }),
    sealed("score", 500, { input: 0 }),
    skipped("luxury"),
    sentBack("risk", "score", 1),
    sealed("income", 9, { input: 0 }),
    sealed("score", 700, { input: 0 }, { turn: 1 }),
  ]);

  it("gives the input alone at version 0", () => {
    expect(stateAt(entries, 0)).toMatchObject({
      run: "r1",
      version: 0,
      seq: 0,
      values: { input: { a: 1 } },
    });
  });

  it("tells where each key was sealed", () => {
    const state = stateAt(entries);
    expect(state.values).toEqual({ input: { a: 1 }, income: 9, score: 700 });
    expect(state.sealed["score"]).toEqual({ seq: 5, version: 3, turn: 1, agent: "score@1.0.0" });
    expect(state).toEqual(stateAt(entries, 3));
  });

  it("takes away what was sent back until it is sealed again", () => {
    expect(stateAt(entries, 1).values).toEqual({ input: { a: 1 }, score: 500 });
    expect(stateAt(entries, 2).values).toEqual({ input: { a: 1 }, income: 9 });
  });

  it.each([-1, 4, 0.5])("refuses version %d", (version) => {
    expect(() => stateAt(entries, version)).toThrow(
      expect.objectContaining({ code: "VERSION_NOT_FOUND" }),
    );
  });

  it("grows from version to version as if it were kept up entry by entry", () => {
    type Move = {
      readonly key: string;
      readonly act: "seal" | "skip" | "sendBack";
      readonly value: number;
    };
    const move: fc.Arbitrary<Move> = fc.record({
      key: fc.constantFrom("a", "b", "c", "constructor", "toString"),
      act: fc.constantFrom("seal", "seal", "seal", "skip", "sendBack"),
      value: fc.nat(),
    });
    const drafts: Readonly<Record<Move["act"], (move: Move) => Draft>> = {
      seal: ({ key, value }) => sealed(key, value),
      skip: ({ key }) => skipped(key),
      sendBack: ({ key }) => sentBack("z", key, 1),
    };
    fc.assert(
      fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
        const run = journalOf([started(0), ...moves.map((each) => drafts[each.act](each))]);
        const now = new Map<string, Json>([["input", 0]]);
        const versions = [Object.fromEntries(now)];
        for (const { key, act, value } of moves) {
          if (act !== "seal") now.delete(key);
          else versions.push(Object.fromEntries(now.set(key, value)));
        }
        expect(versions.map((_, version) => stateAt(run.entries, version).values)).toEqual(
          versions,
        );
        expect(stateAt(run.entries).version).toBe(versions.length - 1);
      }),
    );
  });
});
