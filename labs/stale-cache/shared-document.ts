/**
 * (b) Five agents over one document each, loaded, changed and saved as a whole.
 *
 * In two forms. `late`, the careful one: an agent does its work first and loads the document only when it has something to
 * save, so that two writers must meet within a few milliseconds. `early`, the usual one of frameworks: an agent is handed the
 * state, works, and gives the state back, which is then saved. The graph, the retries and the deduplication are those of (a).
 */
import { decideApproval } from "../../examples/credit-decision/approval.ts";
import { pullReport } from "../../examples/credit-decision/bureau.ts";
import { detectFraud } from "../../examples/credit-decision/fraud.ts";
import { verifyIncome } from "../../examples/credit-decision/income.ts";
import { assessRisk } from "../../examples/credit-decision/risk.ts";
import { type Case, type DocumentStore, openDocumentStore } from "./document-store.ts";
import type { Decided, VariantResult } from "./outcome.ts";
import { AGENT_NAMES, type AgentName } from "./parameters.ts";
import type { Fate, Plan } from "./plan.ts";
import {
  approvalQuestion,
  creditQuestion,
  fraudQuestion,
  incomeQuestion,
  riskQuestion,
} from "./questions.ts";
import { failIfPlanned, retried } from "./retry.ts";
import { DELIVERED_AGAIN_MS } from "./shared-row.ts";
import { type VirtualOrder, virtualOrder } from "../virtual/virtual-order.ts";

/** When an agent loads the document: before its work, or after it. */
export type Loading = "early" | "late";

interface Lab {
  readonly time: VirtualOrder;
  readonly documents: DocumentStore;
  readonly loading: Loading;
  readonly tookMs: Map<string, number>;
  readonly ratedOn: Map<string, number>;
  updatesLost: number;
  deadLetters: number;
}

/** Runs the plan over one document each. */
export async function runSharedDocument(
  plan: Plan,
  path: string,
  loading: Loading,
): Promise<VariantResult> {
  const time = virtualOrder();
  const documents = openDocumentStore(path);
  const lab: Lab = {
    ...{ time, documents, loading, tookMs: new Map(), ratedOn: new Map() },
    ...{ updatesLost: 0, deadLetters: 0 },
  };
  for (const fate of plan.fates) {
    void handle(lab, fate, 0);
    if (fate.deliveredTwice) void handle(lab, fate, DELIVERED_AGAIN_MS);
  }
  await time.run();
  const size = { bytes: documents.bytes(), writes: documents.writes() };
  const decided = new Map(
    documents.ended().map((each) => [each.application.id, decidedAs(lab, each)]),
  );
  documents.close();
  return { decided, updatesLost: lab.updatesLost, alarms: lab.deadLetters, ...size };
}

function decidedAs(lab: Lab, { application: { id }, risk, approval }: Case): Decided {
  const ratedOn = lab.ratedOn.get(id);
  return {
    ...(risk === undefined ? {} : { grade: risk.grade }),
    ...(approval === undefined ? {} : { decision: approval.decision }),
    ...(ratedOn === undefined ? {} : { ratedOn }),
    tookMs: lab.tookMs.get(id) ?? 0,
  };
}

async function handle(lab: Lab, fate: Fate, delayMs: number): Promise<void> {
  const { time, documents } = lab;
  const { application, earlier } = fate;
  await time.pass(fate.arrivesAtMs + delayMs);
  if (delayMs === 0) {
    documents.save({ application, ...(earlier === undefined ? {} : { score: earlier }) });
  }
  await time.pass(fate.messageMs);
  const document = documents.load(application.id);
  if (document.claimed) return;
  documents.save({ ...document, claimed: true });
  try {
    await Promise.all([reports(lab, fate), act(lab, fate, "fraud", fraudOf)]);
    await time.pass(fate.messageMs);
    await act(lab, fate, "approval", approvalOf);
    lab.tookMs.set(application.id, time.now() - fate.arrivesAtMs);
  } catch {
    lab.deadLetters += 1;
  }
}

async function reports(lab: Lab, fate: Fate): Promise<void> {
  await Promise.all([act(lab, fate, "score", scoreOf), act(lab, fate, "income", incomeOf)]);
  await lab.time.pass(fate.messageMs);
  await act(lab, fate, "risk", riskOf);
}

/** What an agent adds to the document. */
type Change = (document: Case, lab: Lab) => Case;

/**
 * One agent: it works on the document as it was loaded, and saves it with its part changed.
 * Where the document lacks what the agent needs, it fails, is tried again, and becomes a dead letter: that one is loud.
 */
async function act(lab: Lab, fate: Fate, name: AgentName, change: Change): Promise<void> {
  const { time, documents, loading } = lab;
  const { id } = fate.application;
  await retried(time, async (attempt) => {
    await time.pass(fate.readMs);
    const seen = documents.load(id);
    await time.pass(fate.workMs[name]);
    if (name === "score") failIfPlanned(fate, attempt);
    const changed = change(seen, lab);
    // The same save again does no harm, so it is repeated when the answer to it was lost.
    await retried(time, async (saving) => {
      const whole = loading === "early" ? changed : await loadedAgain(lab, fate, name, changed);
      await time.pass(fate.writeMs);
      lab.updatesLost += overwritten(documents.load(id), whole, name);
      documents.save(whole);
      if (name === "score" && fate.answerLost && saving === 1) throw new Error("Connection reset.");
    });
  });
}

/** The careful form: the document of this moment, with this agent's part in it. */
async function loadedAgain(
  { time, documents }: Lab,
  fate: Fate,
  name: AgentName,
  changed: Case,
): Promise<Case> {
  await time.pass(fate.readMs);
  return { ...documents.load(fate.application.id), [name]: changed[name] };
}

/** Parts of others that are in the store and not in what is about to be saved. The lab looks; a program does not. */
function overwritten(stored: Case, saved: Case, own: AgentName): number {
  return AGENT_NAMES.filter(
    (name) =>
      name !== own &&
      stored[name] !== undefined &&
      JSON.stringify(stored[name]) !== JSON.stringify(saved[name]),
  ).length;
}

const scoreOf: Change = (document) => ({
  ...document,
  score: pullReport(creditQuestion(document.application), { key: document.application.id }),
});

const incomeOf: Change = (document) => ({
  ...document,
  income: verifyIncome(incomeQuestion(document.application)),
});

const fraudOf: Change = (document) => ({
  ...document,
  fraud: detectFraud(fraudQuestion(document.application)),
});

const riskOf: Change = (document, lab) => {
  const { application, score, income } = document;
  if (score === undefined || income === undefined) throw new Error("A report is missing.");
  lab.ratedOn.set(application.id, score.score);
  return { ...document, risk: assessRisk(riskQuestion(application, score, income)) };
};

const approvalOf: Change = (document) => {
  const { application, score, income, fraud, risk } = document;
  if (score === undefined || income === undefined || fraud === undefined || risk === undefined) {
    throw new Error("A report is missing.");
  }
  const question = approvalQuestion(application, { score, income, fraud, risk });
  return { ...document, approval: decideApproval(question) };
};
