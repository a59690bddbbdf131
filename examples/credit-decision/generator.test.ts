import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { check } from "../../src/model/check.ts";
import { type Application as ApplicationValue, applicationSchema } from "./application.ts";
import { pullReport } from "./bureau.ts";
import { Application } from "./contracts.ts";
import { type ExpectedRefusal, generate, renderExpected, renderLines } from "./generator.ts";
import { verifyIncome } from "./income.ts";
import { SPOILINGS } from "./spoiled.ts";

const committed = readFileSync(new URL("applications.jsonl", import.meta.url), "utf8");
const expected = readFileSync(new URL("applications.expected.json", import.meta.url), "utf8");
const lines = committed.split("\n").slice(0, -1);
// The side file is compared byte for byte with what the generator writes, so its type is the generator's.
const refusals = JSON.parse(expected) as readonly ExpectedRefusal[];

interface Refused {
  readonly refusedAt: string;
  /** Everything that the refusal names: paths and rules. */
  readonly names: readonly string[];
}

/** Reads a line as a door of Baton does, up to the start of a run. `taken` remembers which ids have started. */
function read(line: string, taken: Map<string, string>): Refused | ApplicationValue {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { refusedAt: "line", names: [] };
  }
  const checked = check(Application, value, "application", "edge");
  if (checked.kind === "violated") {
    return {
      refusedAt: "input",
      names: checked.violations.flatMap(({ path, rule }) => [path, rule]),
    };
  }
  const application = applicationSchema.parse(checked.value);
  const earlier = taken.get(application.id);
  taken.set(application.id, line);
  return earlier === undefined || earlier === line
    ? application
    : { refusedAt: "run id", names: [] };
}

/** What the handoff to the risk step refuses. */
function refusedAtRisk(application: ApplicationValue): Refused | undefined {
  const { id, receivedAt, currency, applicant, employment, debts } = application;
  const { nationalId } = applicant;
  const report = pullReport({ nationalId, receivedAt, debts }, { key: id });
  const { statedMonthlyIncome, payslips } = employment;
  const income = verifyIncome({ receivedAt, currency, statedMonthlyIncome, payslips });
  const names = [
    ...(report.confidence >= 0.7 ? [] : ["score confidence is at least 0.7"]),
    ...(income.confidence >= 0.4 ? [] : ["income confidence is at least 0.4"]),
  ];
  return names.length === 0 ? undefined : { refusedAt: "risk", names };
}

/** The lines that are not refused where, or for what, they were expected to be. */
function surprises(all: readonly string[], expectedRefusals: readonly ExpectedRefusal[]): string[] {
  const wantedOf = new Map(expectedRefusals.map((refusal) => [refusal.line, refusal]));
  const taken = new Map<string, string>();
  return all.flatMap((line, index) => {
    const wanted = wantedOf.get(index + 1);
    const outcome = read(line, taken);
    const refused = "refusedAt" in outcome ? outcome : refusedAtRisk(outcome);
    const named = wanted?.names === undefined || (refused?.names ?? []).includes(wanted.names);
    if (refused?.refusedAt === wanted?.refusedAt && named) return [];
    return [
      `line ${index + 1}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(refused)}`,
    ];
  });
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
  expect(surprises(lines, refusals)).toEqual([]);
});

test("another seed gives other applications, and every kind is refused there too", () => {
  const other = generate({ seed: 2, count: 800 });
  expect(other.lines[0]).not.toBe(lines[0]);
  expect(surprises(other.lines, other.refusals)).toEqual([]);
});

test("refusing leaves no trace on the prototype of objects", () => {
  for (const line of lines) read(line, new Map());
  expect("decision" in {}).toBe(false);
  expect("score" in {}).toBe(false);
});
