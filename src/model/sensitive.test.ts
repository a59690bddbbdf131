import { describe, expect, test } from "vitest";
import { masked } from "./sensitive.ts";

describe("masked", () => {
  test("hides a field, all under it, and each of a list, and leaves the value alone", () => {
    const value = {
      name: "Ada",
      card: { number: "4111", until: "12/30" },
      notes: [{ secret: "a", open: 1 }, { secret: "b", open: 2 }, 7],
    };
    expect(masked(value, ["/card", "/notes/*/secret", "/not/there"])).toEqual({
      name: "Ada",
      card: "[sensitive]",
      notes: [{ secret: "[sensitive]", open: 1 }, { secret: "[sensitive]", open: 2 }, 7],
    });
    expect(value.card.number).toBe("4111");
    expect(masked(value, [])).toBe(value);
  });

  test("hides the whole value, any key, and one place of a list", () => {
    expect(masked({ a: 1 }, [""])).toBe("[sensitive]");
    expect(masked({ a: { x: 1, y: 2 }, b: { x: 3 } }, ["/*/x"])).toEqual({
      a: { x: "[sensitive]", y: 2 },
      b: { x: "[sensitive]" },
    });
    expect(masked([1, 2], ["/0"])).toEqual(["[sensitive]", 2]);
    expect(masked("text", ["/a"])).toBe("text");
  });

  test("keeps keys that mean something else to an object", () => {
    const value = JSON.parse('{"__proto__":{"x":1},"a":1}') as { readonly a: number };
    expect(JSON.stringify(masked(value, ["/a"]))).toBe('{"__proto__":{"x":1},"a":"[sensitive]"}');
  });
});
