/** Type tests: this file only has to compile. Each expected error is one that must stay an error. */
import * as v from "valibot";
import * as z from "zod";
import type { AnyContract, Contract } from "./contract.ts";
import { contract, rule } from "./contract.ts";
import type { JsonObject } from "./json.ts";
import { jsonSchemaContract } from "./json-schema.ts";

const report = z.object({
  score: z.int(),
  confidence: z.number(),
  bureau: z.string().default("main"),
  reasons: z.array(z.object({ code: z.string() })),
});

interface Report {
  score: number;
  confidence: number;
  bureau: string;
  reasons: { code: string }[];
}

// A rule takes its type from the contract around it, and a contract's type is what its schema gives out.
export const inferred: Contract<Report> = contract("credit-report", "1.0.0", report, {
  rules: [
    rule("confidence is at least 0.7", (r) => r.confidence >= 0.7, { path: "/confidence" }),
    rule("the bureau is named", ({ bureau }) => bureau.length > 0),
  ],
});

export const fromValibot: Contract<{ amount: number }> = contract(
  "payment",
  "1.0.0",
  v.object({ amount: v.number() }),
  { rules: [rule("amount is positive", (payment) => payment.amount > 0)] },
);

// A rule may be written apart, for whatever has the fields that it reads.
const confident = rule("is confident", (r: { readonly confidence: number }) => r.confidence > 0.5);
export const shared = contract("credit-report", "1.0.0", report, { rules: [confident] });

export const fromJsonSchema: Contract<{ id: string }> = jsonSchemaContract<{ id: string }>(
  "order",
  "1.0.0",
  { type: "object" },
  { rules: [rule("the id is not empty", (order) => order.id !== "")] },
);

export const anyContract: AnyContract = inferred;
export const described: JsonObject = inferred.describe();

export const misspelt = contract("credit-report", "1.0.0", report, {
  // @ts-expect-error: a rule reads fields that the schema has
  rules: [rule("confidence is at least 0.7", (r) => r.confidense >= 0.7)],
});

export const mutating = contract("credit-report", "1.0.0", report, {
  // @ts-expect-error: a rule gets a frozen value
  rules: [rule("changes nothing", (r) => (r.score = 1) > 0)],
});

export const deeplyMutating = contract("credit-report", "1.0.0", report, {
  // @ts-expect-error: frozen all the way down
  rules: [rule("changes nothing", (r) => r.reasons.push({ code: "x" }) > 0)],
});

// @ts-expect-error: a rule is synchronous
export const waiting = rule("waits", async (r: Report) => r.score > 1);

// @ts-expect-error: a rule gives true or false, not a number
export const counting = rule("counts", (r: Report) => r.score);

export const foreign = contract("credit-report", "1.0.0", report, {
  // @ts-expect-error: a rule about other values does not fit
  rules: [rule("x", (r: { no: 1 }) => r.no === 1)],
});

// @ts-expect-error: a schema is needed
export const bare = contract("credit-report", "1.0.0", { type: "object" });

// @ts-expect-error: a contract for a wider type is another contract
export const wider: Contract<{ score: number }> = inferred;

// @ts-expect-error: and so is one for a narrower type
export const narrower: Contract<Report & { more: string }> = inferred;

// @ts-expect-error: a contract is frozen
inferred.version = "2.0.0";

// JSON of which nothing more is known is a type like any other.
export const anything: AnyContract = jsonSchemaContract("anything", "1.0.0", {});
export const partly = contract("partly", "1.0.0", z.object({ id: z.string(), more: z.json() }), {
  rules: [rule("has an id", ({ id, more }) => id !== "" && more !== null)],
});
export const partlyAny: AnyContract = partly;
