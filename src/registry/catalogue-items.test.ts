import fc from "fast-check";
import { agent, contract, jsonSchemaContract, rule, workflow } from "baton";
import { expect, test } from "vitest";
import { z } from "zod";
import { Application, loan, loanItems } from "../../test/support/registered.ts";
import { keyText } from "../model/registered-name.ts";
import { catalogueItems } from "./catalogue-items.ts";

test("contracts, agents and workflows, each with what it uses", () => {
  const items = loanItems();
  expect(items.map(keyText)).toEqual([
    "contract loan-application@1.0.0",
    "contract loan-report@1.0.0",
    "agent loan-scoring@1.0.0",
    "workflow loan-decision@1.0.0",
  ]);
  const uses = Object.fromEntries(items.map((item) => [item.name, item.uses.map(keyText)]));
  expect(uses).toEqual({
    "loan-application": [],
    "loan-report": [],
    "loan-scoring": ["contract loan-application@1.0.0", "contract loan-report@1.0.0"],
    "loan-decision": [
      "contract loan-application@1.0.0",
      "contract loan-report@1.0.0",
      "agent loan-scoring@1.0.0",
    ].filter((key) => key !== "contract loan-report@1.0.0"),
  });
});

test("the rules of a contract are in its definition by name", () => {
  const [, report] = loanItems();
  expect(report?.definition["rules"]).toEqual([
    { name: "confidence is at least 0.7", path: "/confidence" },
  ]);
});

test("agents that no workflow names are there too, with their fallbacks and contracts", () => {
  const { scoring } = loan();
  const items = catalogueItems({ workflows: [], agents: [scoring] });
  expect(items.map(keyText)).toEqual([
    "contract loan-application@1.0.0",
    "contract loan-report@1.0.0",
    "agent loan-scoring@1.0.0",
  ]);
});

test("nested workflows are items of their own, and used by the one around them", () => {
  const { decision } = loan();
  const outer = workflow("loan-day", "1.0.0", { input: Application })
    .subflow("decide", decision, { input: ({ input }) => input })
    .output(({ decide }) => decide);
  const items = catalogueItems({ workflows: [outer] });
  const day = items.find(({ name }) => name === "loan-day");
  expect(day?.uses.map(keyText)).toContain("workflow loan-decision@1.0.0");
  expect(items.map(keyText)).toContain("agent loan-scoring@1.0.0");
});

test("one version that is two different things is refused", () => {
  const one = contract("thing", "1.0.0", z.object({ a: z.string() }));
  const other = contract("thing", "1.0.0", z.object({ b: z.string() }));
  const made = agent({
    name: "maker",
    version: "1.0.0",
    input: one,
    output: other,
    execute: () => ({ b: "" }),
  });
  expect(() => catalogueItems({ workflows: [], agents: [made] })).toThrow(
    "two different things in the code that are contract thing@1.0.0",
  );
});

/** What makes a contract, as data that a property can draw. */
interface Drawn {
  readonly fields: Readonly<Record<string, "string" | "number" | "boolean">>;
  readonly required: readonly string[];
  readonly rules: readonly string[];
  readonly sensitive: readonly string[];
}

const FIELDS = ["a", "b", "c"] as const;

const drawn: fc.Arbitrary<Drawn> = fc
  .record({
    types: fc.array(fc.constantFrom("string" as const, "number" as const, "boolean" as const), {
      minLength: 1,
      maxLength: 3,
    }),
    required: fc.subarray([...FIELDS]),
    rules: fc.subarray(["it is new", "it is blue"]),
    sensitive: fc.subarray([...FIELDS]),
  })
  .map(({ types, required, rules, sensitive }) => {
    const names = FIELDS.slice(0, types.length);
    const isThere = (name: string) => names.some((each) => each === name);
    return {
      fields: Object.fromEntries(names.map((name, i) => [name, types[i] ?? "string"])),
      required: required.filter(isThere),
      rules,
      sensitive: sensitive.filter(isThere).map((name) => `/${name}`),
    };
  });

function fingerprint({ fields, required, rules, sensitive }: Drawn, description: string): string {
  const properties = Object.fromEntries(
    Object.entries(fields).map(([name, type]) => [name, { type }]),
  );
  const made = jsonSchemaContract<unknown>(
    "drawn",
    "1.0.0",
    { type: "object", properties, required: [...required] },
    { rules: rules.map((name) => rule(name, () => true)), sensitive, description },
  );
  const using = agent({
    name: "user",
    version: "1.0.0",
    input: made,
    output: made,
    execute: () => null,
  });
  return catalogueItems({ workflows: [], agents: [using] })[0]?.fingerprint ?? "";
}

test("a contract's fingerprint changes exactly if its definition does", () => {
  const text = fc.constantFrom("one", "another");
  fc.assert(
    fc.property(drawn, drawn, text, text, (one, other, said, saidOfOther) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      expect(fingerprint(one, said) === fingerprint(other, saidOfOther)).toBe(same);
    }),
  );
  fc.assert(
    fc.property(drawn, text, text, (one, said, saidLater) => {
      expect(fingerprint(one, said)).toBe(fingerprint(one, saidLater));
    }),
  );
});

/** What an agent's policies are made of. */
interface Policies {
  readonly attempts: number;
  readonly timeout: "1s" | "2s";
  readonly acts: "never" | "for good" | "until compensated";
}

const policies: fc.Arbitrary<Policies> = fc.record({
  attempts: fc.integer({ min: 1, max: 3 }),
  timeout: fc.constantFrom("1s", "2s"),
  acts: fc.constantFrom("never", "for good", "until compensated"),
});

test("an agent's fingerprint changes exactly if its policies do, and never with its code", () => {
  const of = ({ attempts, timeout, acts }: Policies) => {
    const made = agent({
      name: "policed",
      version: "1.0.0",
      input: Application,
      output: Application,
      timeout,
      retry: { attempts },
      sideEffects: acts !== "never",
      // Another function each time.
      execute: (given) => given,
      ...(acts === "until compensated" ? { compensate: () => {} } : {}),
    });
    return catalogueItems({ workflows: [], agents: [made] }).at(-1)?.fingerprint;
  };
  fc.assert(
    fc.property(policies, policies, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      expect(of(one) === of(other)).toBe(same);
    }),
  );
});

test("a workflow keeps its fingerprint when another version of an agent takes over, not when its graph changes", () => {
  const { decision } = loan();
  const found = (steps: typeof decision.steps) =>
    catalogueItems({ workflows: [{ ...decision, steps }] }).find(({ kind }) => kind === "workflow")
      ?.fingerprint;
  const whole = found(decision.steps);
  const newer = decision.steps.map((step) =>
    step.kind === "agent"
      ? { ...step, agent: { ...step.agent, version: "1.1.0", id: "loan-scoring@1.1.0" } }
      : step,
  );
  const held = decision.steps.map((step) =>
    step.kind === "agent"
      ? { ...step, requires: [{ name: "it is day", holds: () => true }] }
      : step,
  );
  expect(found(newer)).toBe(whole);
  expect(found(held)).not.toBe(whole);
});
