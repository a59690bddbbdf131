/** The example's input: good applications with malformed and adversarial lines among them, from a seed. */
import type { Application } from "./application.ts";
import { pullReport } from "./bureau.ts";
import { verifyIncome } from "./income.ts";
import { makeApplication } from "./people.ts";
import { seededRandom } from "./random.ts";
import { INCOME_CONFIDENCE_NEEDED, SCORE_CONFIDENCE_NEEDED } from "./risk.ts";
import { type RefusedAt, SPOILINGS } from "./spoiled.ts";

/** One line in this many is spoiled: 5%. */
const LINES_PER_SPOILED = 20;

/** A line that must be refused. */
export interface ExpectedRefusal {
  /** Counted from 1. */
  readonly line: number;
  readonly kind: string;
  readonly refusedAt: RefusedAt;
  /** JSON pointer of the bad field, or name of the broken rule. */
  readonly names?: string;
}

export interface Generated {
  readonly lines: readonly string[];
  readonly refusals: readonly ExpectedRefusal[];
}

/** `count` lines from `seed`, and which of them must be refused where. */
export function generate(wanted: { readonly seed: number; readonly count: number }): Generated {
  const random = seededRandom(wanted.seed);
  const kinds = Object.entries(SPOILINGS);
  const lines: string[] = [];
  const refusals: ExpectedRefusal[] = [];
  let spoiledAt = 0;
  for (let index = 0; index < wanted.count; index += 1) {
    const block = Math.floor(index / LINES_PER_SPOILED);
    // The first line of a block stays good: it is the earlier application that a spoiled one may refer to.
    if (index % LINES_PER_SPOILED === 0) spoiledAt = index + random.whole(1, LINES_PER_SPOILED - 1);
    const good = makeApplication({ seed: wanted.seed, number: index + 1 });
    const kind = index === spoiledAt ? kinds[block % kinds.length] : undefined;
    if (kind === undefined) {
      lines.push(JSON.stringify(good));
      const refusal = foreseeRefusal(good);
      if (refusal !== undefined) refusals.push({ line: index + 1, ...refusal });
      continue;
    }
    const [name, { spoil, refusedAt, names }] = kind;
    const earlier = makeApplication({ seed: wanted.seed, number: block * LINES_PER_SPOILED + 1 });
    lines.push(spoil(good, earlier));
    refusals.push({
      line: index + 1,
      kind: name,
      refusedAt,
      ...(names === undefined ? {} : { names }),
    });
  }
  return { lines, refusals };
}

/** Well-formed applications about which too little can be found out: the handoff to the risk step refuses them. */
function foreseeRefusal(application: Application): Omit<ExpectedRefusal, "line"> | undefined {
  const { id, receivedAt, currency, applicant, employment, debts } = application;
  const { nationalId } = applicant;
  const report = pullReport({ nationalId, receivedAt, debts }, { key: id });
  if (report.confidence < SCORE_CONFIDENCE_NEEDED) {
    return {
      kind: "thin-file",
      refusedAt: "risk",
      names: `score confidence is at least ${SCORE_CONFIDENCE_NEEDED}`,
    };
  }
  const { statedMonthlyIncome, payslips } = employment;
  const income = verifyIncome({ receivedAt, currency, statedMonthlyIncome, payslips });
  if (income.confidence < INCOME_CONFIDENCE_NEEDED) {
    return {
      kind: "unshown-income",
      refusedAt: "risk",
      names: `income confidence is at least ${INCOME_CONFIDENCE_NEEDED}`,
    };
  }
  return undefined;
}

/** The text of applications.jsonl. */
export function renderLines(generated: Generated): string {
  return `${generated.lines.join("\n")}\n`;
}

/** The text of applications.expected.json. */
export function renderExpected(generated: Generated): string {
  return `${JSON.stringify(generated.refusals, null, 2)}\n`;
}
