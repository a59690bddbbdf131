/**
 * (a) Five agents over one mutable row, with a cache: as a decent team writes it.
 *
 * Each choice is a sensible one. The row is the single source of truth. Each agent writes its own columns. Reads of the score
 * go through a cache, because the rate calculator asks for it at each change of the form. After a write, the writer publishes an
 * invalidation, retries it once, logs if that failed too, and does not fail the application for the sake of a cache: the time to live
 * will mend it. Agents are started by messages that are sent after the write is committed. Calls are retried, deliveries
 * deduplicated. What is wrong is between the parts: nothing says which score the risk agent must see.
 */
import { decideApproval } from "../../examples/credit-decision/approval.ts";
import { pullReport } from "../../examples/credit-decision/bureau.ts";
import { detectFraud } from "../../examples/credit-decision/fraud.ts";
import { verifyIncome } from "../../examples/credit-decision/income.ts";
import { assessRisk } from "../../examples/credit-decision/risk.ts";
import { type Cache, type Invalidations, invalidations, ttlCache } from "./cache.ts";
import type { Decided, VariantResult } from "./outcome.ts";
import type { Fate, Plan } from "./plan.ts";
import {
  approvalQuestion,
  creditQuestion,
  fraudQuestion,
  incomeQuestion,
  riskQuestion,
  type Score,
} from "./questions.ts";
import { failIfPlanned, retried } from "./retry.ts";
import { type EndedRow, openRowStore, type RowStore } from "./row-store.ts";
import { type VirtualOrder, virtualOrder } from "../virtual/virtual-order.ts";

/** One moment of the application that is told in full, with what the row and the cache held then. */
export interface Moment {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
  readonly rowScore?: number;
  readonly cachedScore?: number;
}

interface Lab {
  readonly time: VirtualOrder;
  readonly rows: RowStore;
  /** Of the risk service, one for each replica. */
  readonly caches: readonly Cache<Score>[];
  readonly channel: Invalidations;
  readonly ratedOn: Map<string, number>;
  readonly tookMs: Map<string, number>;
  warnings: number;
  readonly tell: (fate: Fate, who: string, what: string) => void;
}

/** Runs the plan over one mutable row each. `tell` gets the moments of the application with the id `told`. */
export async function runSharedRow(
  plan: Plan,
  path: string,
  told?: string,
): Promise<VariantResult & { readonly moments: readonly Moment[] }> {
  const time = virtualOrder();
  const rows = openRowStore(path);
  const { riskReplicas, cacheTtlMs } = plan.parameters;
  const caches = Array.from({ length: riskReplicas }, () => ttlCache<Score>(time, cacheTtlMs));
  const refusals = new Map(plan.fates.map((each) => [each.application.id, [...each.publishFails]]));
  const moments: Moment[] = [];
  const lab: Lab = {
    time,
    rows,
    caches,
    channel: invalidations(
      caches,
      (replica) => !plan.deaf.has(replica),
      (key) => refusals.get(key)?.shift() ?? false,
    ),
    ratedOn: new Map(),
    tookMs: new Map(),
    warnings: 0,
    tell: ({ application: { id }, replica }, who, what) => {
      if (id !== told) return;
      const row = rows.score(id);
      const cached = caches[replica]?.get(id);
      moments.push({
        ...{ atMs: time.now(), who, what },
        ...(row === undefined ? {} : { rowScore: row.score }),
        ...(cached === undefined ? {} : { cachedScore: cached.score }),
      });
    },
  };
  for (const fate of plan.fates) {
    void handle(lab, fate, 0);
    if (fate.deliveredTwice) void handle(lab, fate, DELIVERED_AGAIN_MS);
  }
  await time.run();
  const size = { bytes: rows.bytes(), writes: rows.writes() };
  const decided = new Map(rows.ended().map((row) => [row.id, decidedAs(lab, row)]));
  rows.close();
  return { decided, updatesLost: 0, alarms: lab.warnings, ...size, moments };
}

function decidedAs(lab: Lab, { id, grade, decision }: EndedRow): Decided {
  const ratedOn = lab.ratedOn.get(id);
  return {
    ...(grade === null ? {} : { grade }),
    ...(decision === null ? {} : { decision }),
    ...(ratedOn === undefined ? {} : { ratedOn }),
    tookMs: lab.tookMs.get(id) ?? 0,
  };
}

/** Brokers deliver at least once; the second time comes soon after the first. */
export const DELIVERED_AGAIN_MS = 80;

/** From the form to the decision. */
async function handle(lab: Lab, fate: Fate, delayMs: number): Promise<void> {
  const { time, rows } = lab;
  const { id } = fate.application;
  if (delayMs === 0) {
    await time.pass(fate.rateShownAtMs);
    rows.create(fate);
    await showRate(lab, fate);
    await time.pass(fate.arrivesAtMs - time.now());
    lab.tell(fate, "form", "application sent");
  } else {
    await time.pass(fate.arrivesAtMs + delayMs);
  }
  await time.pass(fate.messageMs);
  if (!rows.claim(id)) return;
  const fraud = assessFraud(lab, fate);
  await Promise.all([scoreCredit(lab, fate), checkIncome(lab, fate)]);
  await time.pass(fate.messageMs);
  await rateRisk(lab, fate);
  await fraud;
  await time.pass(fate.messageMs);
  await decide(lab, fate);
  lab.tookMs.set(id, time.now() - fate.arrivesAtMs);
}

/** The calculator on the form asks the risk service for a rate, from the score on file. A bureau inquiry would cost money each time. */
async function showRate(lab: Lab, fate: Fate): Promise<void> {
  const score = await readScore(lab, fate);
  if (score !== undefined)
    lab.tell(fate, "risk service", "shows a rate on the form, from the score on file");
}

/** Through the cache of the replica that the customer is routed to. */
async function readScore({ time, rows, caches }: Lab, fate: Fate): Promise<Score | undefined> {
  const { id } = fate.application;
  const cache = caches[fate.replica];
  const cached = cache?.get(id);
  if (cached !== undefined) return cached;
  await time.pass(fate.readMs);
  const score = rows.score(id);
  if (score !== undefined) cache?.set(id, score);
  return score;
}

async function scoreCredit(lab: Lab, fate: Fate): Promise<void> {
  const { time, rows } = lab;
  const { application } = fate;
  const report = await retried(time, async (attempt) => {
    await time.pass(fate.workMs.score);
    failIfPlanned(fate, attempt);
    return pullReport(creditQuestion(application), { key: application.id });
  });
  lab.tell(fate, "credit-score", `the bureau says ${report.score}`);
  // The update is the same each time, so it is safe to repeat when the answer to it was lost.
  await retried(time, async (attempt) => {
    await time.pass(fate.writeMs);
    rows.setScore(application.id, report);
    if (fate.answerLost && attempt === 1) throw new Error("The connection was reset.");
  });
  lab.tell(fate, "credit-score", `writes ${report.score} to the row: committed`);
  await invalidate(lab, fate);
}

/** Published, and published once more if that failed. Then the time to live has to do. */
async function invalidate(lab: Lab, fate: Fate): Promise<void> {
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    await lab.time.pass(fate.messageMs);
    try {
      lab.channel.publish(fate.application.id);
      return lab.tell(fate, "credit-score", "publishes the invalidation: accepted, no error");
    } catch {
      lab.tell(fate, "credit-score", "publishes the invalidation: refused");
    }
  }
  lab.warnings += 1;
}

async function checkIncome({ time, rows }: Lab, fate: Fate): Promise<void> {
  await time.pass(fate.workMs.income);
  const report = verifyIncome(incomeQuestion(fate.application));
  await time.pass(fate.writeMs);
  rows.setIncome(fate.application.id, report);
}

async function assessFraud({ time, rows }: Lab, fate: Fate): Promise<void> {
  await time.pass(fate.workMs.fraud);
  const report = detectFraud(fraudQuestion(fate.application));
  await time.pass(fate.writeMs);
  rows.setFraud(fate.application.id, report);
}

async function rateRisk(lab: Lab, fate: Fate): Promise<void> {
  const { time, rows } = lab;
  const { application } = fate;
  const score = await readScore(lab, fate);
  // The message said that the score is there, so a missing one is an error; an old one looks like any other.
  if (score === undefined) throw new Error(`${application.id} has no score.`);
  lab.tell(fate, "risk-assessment", `reads the score: ${score.score}`);
  lab.ratedOn.set(application.id, score.score);
  await time.pass(fate.readMs);
  const income = rows.income(application.id);
  await time.pass(fate.workMs.risk);
  const report = assessRisk(riskQuestion(application, score, income));
  await time.pass(fate.writeMs);
  rows.setRisk(application.id, report);
  lab.tell(fate, "risk-assessment", `writes grade ${report.grade}`);
}

async function decide(lab: Lab, fate: Fate): Promise<void> {
  const { time, rows } = lab;
  const { application } = fate;
  const { id } = application;
  await time.pass(fate.readMs);
  const score = rows.score(id);
  if (score === undefined) throw new Error(`${id} has no score.`);
  const income = rows.income(id);
  // The row has the grade and not what it rests on, so the approval takes it to rest on the score that it sees itself.
  const { countedMonthly: monthlyIncome } = income;
  const risk = { ...rows.risk(id), assessedInstalment: 1, basedOn: { ...score, monthlyIncome } };
  const question = approvalQuestion(application, { score, income, fraud: rows.fraud(id), risk });
  await time.pass(fate.workMs.approval);
  const approval = decideApproval(question);
  await time.pass(fate.writeMs);
  rows.setDecision(id, approval);
  lab.tell(
    fate,
    "final-approval",
    `reads the row's score, ${score.score}, and decides: ${approval.decision}`,
  );
}
