import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sealJson } from "../../src/model/json.ts";
import { type Application, applicationRules, applicationSchema } from "./application.ts";
import { pullReport } from "./bureau.ts";
import { type ExpectedRefusal, generate, renderExpected, renderLines } from "./generator.ts";
import { verifyIncome } from "./income.ts";
import { SPOILINGS } from "./spoiled.ts";

const committed = readFileSync(new URL("applications.jsonl", import.meta.url), "utf8");
const expected = readFileSync(new URL("applications.expected.json", import.meta.url), "utf8");
const lines = committed.split("\n").slice(0, -1);
// The side file is compared byte for byte with what the generator writes, so its type is the generator's.
const refusals = JSON.parse(expected) as readonly ExpectedRefusal[];
const refusalOf = new Map(refusals.map((refusal) => [refusal.line, refusal]));

interface Refused {
  readonly refusedAt: string;
  /** Everything that the refusal could name. */
  readonly names: readonly string[];
}

/** Reads a line as the example's pipeline does, up to the start of a run. `taken` remembers which ids have started. */
function read(line: string, taken: Map<string, string>): Refused | Application {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { refusedAt: "line", names: [] };
  }
  const result = applicationSchema.safeParse(value);
  if (!result.success) {
    return { refusedAt: "input", names: result.error.issues.map(({ path }) => path.map((key) => `/${String(key)}`).join("")) };
  }
  const application: Application = result.data;
  const broken = applicationRules.filter((rule) => !rule.holds(application)).map((rule) => rule.name);
  if (broken.length > 0) return { refusedAt: "input", names: broken };
  sealJson(application, "application");
  if ((taken.get(application.id) ?? line) !== line) return { refusedAt: "run id", names: [] };
  taken.set(application.id, line);
  return application;
}

/** What the handoff to the risk step refuses. */
function refusedAtRisk({ id, receivedAt, currency, applicant, employment, debts }: Application): Refused | undefined {
  const report = pullReport({ applicationId: id, nationalId: applicant.nationalId, receivedAt, debts });
  const { statedMonthlyIncome, payslips } = employment;
  const income = verifyIncome({ receivedAt, currency, statedMonthlyIncome, payslips });
  const names = [
    ...(report.confidence >= 0.7 ? [] : ["score confidence is at least 0.7"]),
    ...(income.confidence >= 0.4 ? [] : ["income confidence is at least 0.4"]),
  ];
  return names.length === 0 ? undefined : { refusedAt: "risk", names };
}

test("the committed files are what seed 1 gives, byte for byte", () => {
  const generated = generate({ seed: 1, count: 1_000 });
  expect(renderLines(generated) === committed).toBe(true);
  expect(renderExpected(generated)).toBe(expected);
});

test("there are 1,000 lines, 5% of them spoiled, and every kind of spoiling at least once", () => {
  expect(lines).toHaveLength(1_000);
  expect(Buffer.byteLength(committed)).toBeLessThan(1_500_000);
  const spoiled = refusals.filter((refusal) => refusal.refusedAt !== "risk");
  expect(spoiled).toHaveLength(50);
  expect(new Set(spoiled.map((refusal) => refusal.kind))).toEqual(new Set(Object.keys(SPOILINGS)));
});

test("each bad line is refused where it should be, for the reason that was made; no good one is refused", () => {
  const taken = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    const wanted = refusalOf.get(index + 1);
    const outcome = read(line, taken);
    const refused = "refusedAt" in outcome ? outcome : refusedAtRisk(outcome);
    expect(refused?.refusedAt, `line ${index + 1}: ${wanted?.kind ?? "good"}`).toBe(wanted?.refusedAt);
    if (wanted?.names !== undefined) expect(refused?.names, `line ${index + 1}`).toContain(wanted.names);
  }
});

test("another seed gives other applications, and every kind is refused there too", () => {
  const other = generate({ seed: 2, count: 800 });
  expect(other.lines[0]).not.toBe(lines[0]);
  const wanted = new Map(other.refusals.map((refusal) => [refusal.line, refusal.refusedAt]));
  const taken = new Map<string, string>();
  for (const [index, line] of other.lines.entries()) {
    const outcome = read(line, taken);
    const refused = "refusedAt" in outcome ? outcome : refusedAtRisk(outcome);
    expect(refused?.refusedAt, `line ${index + 1}`).toBe(wanted.get(index + 1));
  }
});

test("refusing leaves no trace on the prototype of objects", () => {
  for (const line of lines) read(line, new Map());
  expect("decision" in {}).toBe(false);
  expect("score" in {}).toBe(false);
});
