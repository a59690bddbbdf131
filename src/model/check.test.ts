import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { CheckMode } from "./check.ts";
import { check } from "./check.ts";
import type { AnyContract } from "./contract.ts";
import { contract, rule } from "./contract.ts";
import { EVIDENCE_CHARS_MAX, VIOLATIONS_MAX } from "./evidence.ts";
import { sealJson } from "./json.ts";
import { firstDifference, sameJson } from "./json-pointer.ts";
import type { Violation } from "./violation.ts";

const WHAT = "output of credit-score";

const CreditReport = contract(
  "credit-report",
  "1.0.0",
  z.object({
    score: z.int().min(300),
    confidence: z.number(),
    bureau: z.string().trim().default("main"),
  }),
  {
    rules: [
      rule("confidence is at least 0.7", (r) => r.confidence >= 0.7, { path: "/confidence" }),
    ],
  },
);

function violations(
  by: AnyContract,
  value: unknown,
  mode: CheckMode = "edge",
): readonly Violation[] {
  const found = check(by, value, WHAT, mode);
  return found.kind === "violated" ? found.violations : [];
}

describe("a value that is right", () => {
  test("comes out sealed: frozen, in canonical order, and not the object that went in", () => {
    const value = { score: 700, confidence: 0.9, bureau: "main" };
    const found = check(CreditReport, value, WHAT, "edge");
    expect(found).toEqual({ kind: "ok", value, changed: false });
    expect(
      found.kind === "ok" && Object.isFrozen(found.value) && Object.keys(found.value ?? {}),
    ).toEqual(["bureau", "confidence", "score"]);
  });

  test("may be given defaults, trimmed and stripped, and says so", () => {
    const value = { score: 700, confidence: 0.9, bureau: " main ", more: 1 };
    expect(check(CreditReport, value, WHAT, "edge")).toEqual({
      kind: "ok",
      value: { score: 700, confidence: 0.9, bureau: "main" },
      changed: true,
    });
    expect(check(CreditReport, { score: 700, confidence: 0.9 }, WHAT, "handoff")).toMatchObject({
      changed: true,
    });
  });
});

describe("a violation", () => {
  test("names contract, path, the schema's code and the value, one for each thing that is wrong", () => {
    expect(violations(CreditReport, { score: 200, bureau: 7 })).toEqual([
      expect.objectContaining({
        contract: "credit-report@1.0.0",
        path: "/score",
        rule: "too_small",
        value: 200,
      }),
      {
        contract: "credit-report@1.0.0",
        path: "/confidence",
        rule: "invalid_type",
        message: expect.any(String),
      },
      expect.objectContaining({ path: "/bureau", rule: "invalid_type", value: 7 }),
    ]);
  });

  test("of a rule names the rule and the field it is about", () => {
    expect(violations(CreditReport, { score: 700, confidence: 0.5 })).toEqual([
      {
        contract: "credit-report@1.0.0",
        path: "/confidence",
        rule: "confidence is at least 0.7",
        message: "It does not hold that confidence is at least 0.7.",
        value: 0.5,
      },
    ]);
  });

  test("comes from valibot too, with its own codes", () => {
    const payment = contract(
      "payment",
      "1.0.0",
      v.strictObject({ lines: v.array(v.object({ amount: v.number() })) }),
    );
    expect(violations(payment, { lines: [{ amount: 1 }, { amount: "2" }], extra: 1 })).toEqual([
      expect.objectContaining({ path: "/lines/1/amount", rule: "number", value: "2" }),
      expect.objectContaining({ path: "/extra", rule: "strict_object" }),
    ]);
  });

  test("of an unknown key names the key", () => {
    const strict = contract("strict", "1.0.0", z.strictObject({ a: z.number() }));
    expect(violations(strict, { a: 1, "b/c": 2 })).toEqual([
      expect.objectContaining({ path: "/b~1c", rule: "unrecognized_keys", value: 2 }),
    ]);
  });

  test("is what a value that JSON can't carry is, with its path", () => {
    const open = contract("open", "1.0.0", z.looseObject({}));
    expect(violations(open, { at: { when: new Date(0) } })).toEqual([
      expect.objectContaining({
        path: "/at/when",
        rule: "json",
        value: "[not JSON: an instance of Date]",
      }),
    ]);
    expect(violations(open, { note: undefined })).toEqual([
      expect.objectContaining({ path: "/note", rule: "json" }),
    ]);
  });

  test("is what a rule that throws is, with what it threw", () => {
    const throwing = contract("t", "1.0.0", z.object({}), {
      rules: [
        rule("does not throw", () => {
          throw new RangeError("out of range");
        }),
      ],
    });
    expect(violations(throwing, {})).toEqual([
      expect.objectContaining({
        rule: "does not throw",
        message: "The rule threw RangeError: out of range",
      }),
    ]);
  });

  test("is what a schema that throws gives", () => {
    const schema = { "~standard": { version: 1 as const, vendor: "own", validate: fail } };
    expect(violations(contract("t", "1.0.0", schema), 1)).toEqual([
      expect.objectContaining({
        rule: "schema",
        message: "The schema threw Error: refused",
        value: 1,
      }),
    ]);
    function fail(): { value: number } {
      throw new Error("refused");
    }
  });

  test("carries long values cut, well-formed, with a mark", () => {
    const short = contract("short", "1.0.0", z.object({ text: z.string().max(3) }));
    const [found] = violations(short, { text: `${"x".repeat(EVIDENCE_CHARS_MAX - 1)}😀yz` });
    expect(found?.value).toBe(`${"x".repeat(EVIDENCE_CHARS_MAX - 1)}\ufffd… [3 more characters]`);
    expect(() => sealJson(found, "violation")).not.toThrow();
  });

  test("is listed up to a limit; the rest is counted", () => {
    const numbers = contract("numbers", "1.0.0", z.array(z.number()));
    const found = violations(numbers, new Array(VIOLATIONS_MAX + 7).fill("x"));
    expect(found).toHaveLength(VIOLATIONS_MAX + 1);
    expect(found.at(-1)).toMatchObject({
      rule: "more",
      message: "7 more violations are not listed.",
    });
  });

  test("can itself be sealed, whatever was wrong", () => {
    const none = contract("none", "1.0.0", z.strictObject({ a: z.string().max(1) }));
    fc.assert(
      fc.property(
        fc.anything({ withDate: true, withBigInt: true, withSparseArray: true }),
        (value) => {
          expect(() => sealJson(violations(none, value), "violations")).not.toThrow();
        },
      ),
    );
  });
});

describe("sensitive fields", () => {
  const SECRET = "078-05-1120";
  const secret = z.string().max(3).meta({ sensitive: true });
  const Person = contract(
    "person",
    "1.0.0",
    z.strictObject({
      ssn: secret,
      accounts: z.array(z.strictObject({ iban: secret, open: z.boolean() })).optional(),
      age: z.number(),
    }),
    {
      rules: [
        rule("is of age", (person) => person.age >= 18, { path: "/age" }),
        rule("has a number that begins with 9", (person) => person.ssn.startsWith("9"), {
          path: "/ssn",
        }),
        rule("is plausible", (person) => person.age < 200),
        rule(
          "can be read",
          (person) => {
            if (person.age === 300) throw new Error(`cannot read ${person.ssn}`);
            return true;
          },
          { path: "/age" },
        ),
      ],
    },
  );
  const hidden = "[sensitive]";

  test.each([
    ["the field itself", { ssn: SECRET, age: 20 }, "/ssn", "too_big"],
    [
      "a field under a wildcard",
      { ssn: "9", age: 20, accounts: [{ iban: SECRET, open: true }] },
      "/accounts/0/iban",
      "too_big",
    ],
    ["what lies under it", { ssn: { number: SECRET }, age: 20 }, "/ssn", "invalid_type"],
    ["a parent of it", { ssn: "9", age: 20, accounts: SECRET }, "/accounts", "invalid_type"],
    ["the whole value", SECRET, "", "invalid_type"],
    [
      "an unknown key, which may be a misspelt one",
      { ssn: "9", age: 20, snn: SECRET },
      "/snn",
      "unrecognized_keys",
    ],
    [
      "an unknown key of a parent",
      { ssn: "9", age: 20, accounts: [{ iban: "1", open: true, ibn: SECRET }] },
      "/accounts/0/ibn",
      "unrecognized_keys",
    ],
  ])("are not shown: %s", (_, value, path, code) => {
    const found = violations(Person, value);
    expect(found).toContainEqual(expect.objectContaining({ path, rule: code, value: hidden }));
    expect(JSON.stringify(found)).not.toContain(SECRET);
  });

  test("are not shown by rules about them, about their parent, or that throw", () => {
    const found = violations(Person, { ssn: "078", age: 300 });
    expect(found.map((each) => [each.rule, each.value])).toEqual([
      ["has a number that begins with 9", hidden],
      ["is plausible", hidden],
      ["can be read", hidden],
    ]);
    expect(JSON.stringify(found)).not.toContain("078");
  });

  test("leave the other fields to be seen", () => {
    expect(violations(Person, { ssn: "9", age: 17 })).toEqual([
      expect.objectContaining({ path: "/age", rule: "is of age", value: 17 }),
    ]);
  });

  test("are not quoted by the messages of a library that quotes values", () => {
    const schema = v.object({
      pin: v.number(),
      inner: v.object({ ssn: v.literal("1") }),
      note: v.number(),
    });
    const quoting = contract("quoting", "1.0.0", schema, { sensitive: ["/pin", "/inner/ssn"] });
    const found = violations(quoting, { pin: SECRET, inner: SECRET, note: "shown" });
    expect(JSON.stringify(found)).not.toContain(SECRET);
    expect(found[2]?.message).toContain("shown");
  });
});

describe("what is refused with an error", () => {
  const asynchronous = z.object({ id: z.string().refine(() => Promise.resolve(true)) });

  test("a schema that turns out to be asynchronous", () => {
    const late = contract("late", "1.0.0", asynchronous);
    expect(() => check(late, { id: "a" }, WHAT, "edge")).toThrow(
      expect.objectContaining({ code: "CONTRACT_ASYNC" }),
    );
  });

  test("a rule that answers with a promise", () => {
    // What an untyped caller can do.
    const waits = (() => Promise.resolve(false)) as unknown as () => boolean;
    const late = contract("late", "1.0.0", z.object({}), { rules: [rule("waits", waits)] });
    expect(() => check(late, {}, WHAT, "edge")).toThrow(
      expect.objectContaining({ code: "CONTRACT_ASYNC" }),
    );
  });

  test("at the edge, what does not validate again, or not unchanged", () => {
    const length = contract(
      "length",
      "1.0.0",
      z.object({ text: z.string().transform((text) => text.length) }),
    );
    const growing = contract(
      "growing",
      "1.0.0",
      z.object({ text: z.string().transform((text) => `${text}!`) }),
    );
    for (const unstable of [length, growing]) {
      expect(() => check(unstable, { text: "a" }, WHAT, "edge")).toThrow(
        expect.objectContaining({
          code: "CONTRACT_UNSTABLE",
          details: { contract: unstable.id, what: WHAT, path: "/text" },
        }),
      );
      expect(check(unstable, { text: "a" }, WHAT, "handoff")).toMatchObject({
        kind: "ok",
        changed: true,
      });
    }
  });
});

describe("comparison of JSON values", () => {
  const json = fc
    .jsonValue({ noUnicodeString: false })
    .filter((value) => !JSON.stringify(value).includes("__proto__"));

  test("does not depend on the order of keys, and tells any other difference", () => {
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([key, part]) => [key, reversed(part)]),
            )
          : value;
    fc.assert(
      fc.property(json, json, (one, other) => {
        // JSON text is the plain way to say it; -0 is no value of ours.
        const [a, b] = [one, other].map((each) =>
          sealJson(JSON.parse(JSON.stringify(each)), "value"),
        );
        expect(sameJson(a ?? null, reversed(a))).toBe(true);
        expect(sameJson(a ?? null, b)).toBe(JSON.stringify(a) === JSON.stringify(b));
        expect(firstDifference(a ?? null, b ?? null) === undefined).toBe(sameJson(a ?? null, b));
      }),
    );
  });

  test.each([
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: 1 }, {}],
    [{}, []],
    [[], {}],
    [[1], [1, 2]],
    [{}, new Date(0)],
    [null, undefined],
    [{ toString: 1 }, {}],
  ])("tells %j from %j", (a, b) => {
    expect(sameJson(sealJson(a, "value"), b)).toBe(false);
  });

  test("says where the first difference is", () => {
    expect(firstDifference({ a: [{ "b/c": 1 }] }, { a: [{ "b/c": 2 }] })).toBe("/a/0/b~1c");
    expect(firstDifference({ a: 1 }, { a: 1, b: 2 })).toBe("/b");
  });
});
