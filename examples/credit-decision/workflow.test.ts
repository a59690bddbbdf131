import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { AgentContext, Json, StepDefinition, WorkflowDefinition } from "baton";
import { check } from "../../src/model/check.ts";
import { applicationSchema } from "./application.ts";
import { approvalSchema, decisionSchema } from "./approval.ts";
import config from "./baton.config.ts";
import { Application, Decision } from "./contracts.ts";
import { type ExpectedRefusal, generate } from "./generator.ts";
import { GRADE_TABLE } from "./risk.ts";
import { SPOILINGS } from "./spoiled.ts";
import { creditDecision } from "./workflow.ts";

type State = Readonly<Record<string, Json | undefined>>;

/** How an application ends when its steps are walked one after the other, without an engine. */
type Ending =
  | { readonly kind: "decided"; readonly state: State; readonly decision: unknown }
  | { readonly kind: "waiting"; readonly state: State }
  | { readonly kind: "refused"; readonly at: string; readonly names: readonly string[] };

// All that the agents of this example ask of their context when they execute.
const CONTEXT = { idempotencyKey: "key" } as AgentContext;
const definition: WorkflowDefinition = creditDecision;
const { lines, refusals } = generate({ seed: 1, count: 1_000 });
const refusalOf = new Map<number, ExpectedRefusal>(refusals.map((each) => [each.line, each]));
const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");

/** What the step may see, and nothing else. */
function viewOf(step: StepDefinition, state: State): State {
  return Object.fromEntries(step.needs.map((key) => [key, state[key]]));
}

function decide(input: Json): Ending {
  let state: State = { input };
  for (const step of definition.steps) {
    const view = viewOf(step, state);
    if (step.when !== undefined && !step.when(view)) continue;
    const broken = step.requires.filter((requirement) => !requirement.holds(view));
    if (broken.length > 0) {
      return { kind: "refused", at: step.name, names: broken.map((each) => each.name) };
    }
    if (step.kind === "approval") {
      const shown = step.show(view) as Json; // What is shown is the sealed output of a step.
      const answer = config.answers?.({ run: "run", step: step.name, shown });
      if (answer === undefined) return { kind: "waiting", state };
      const settled = { approved: answer.approved, by: "policy", reason: null, timedOut: false };
      state = { ...state, [step.name]: settled };
      continue;
    }
    if (step.kind !== "agent") throw new Error(`The example has no step of kind ${step.kind}.`);
    const question = check(step.agent.input, step.input(view), step.name, "handoff");
    if (question.kind === "violated") {
      return {
        kind: "refused",
        at: step.name,
        names: question.violations.map((each) => each.rule),
      };
    }
    const answer = check(
      step.agent.output,
      step.agent.execute(question.value, CONTEXT),
      step.name,
      "edge",
    );
    if (answer.kind === "violated") throw new Error(JSON.stringify(answer.violations));
    state = { ...state, [step.name]: answer.value };
  }
  return { kind: "decided", state, decision: definition.project(state) };
}

/** The sealed input of a good line. */
function inputOf(line: string): Json {
  const checked = check(Application, JSON.parse(line), "application", "edge");
  if (checked.kind === "violated") throw new Error(JSON.stringify(checked.violations));
  return checked.value;
}

/** The lines that start a run, with their numbers. */
const started = lines
  .map((line, index) => ({ line, refusal: refusalOf.get(index + 1) }))
  .filter(({ refusal }) => refusal === undefined || refusal.refusedAt === "risk");

const endings = started.map(({ line }) => decide(inputOf(line)));

test("each application that starts a run is decided, waits, or is refused at risk as foreseen", () => {
  const refused = endings.map((ending) =>
    ending.kind === "refused" ? { at: ending.at, names: ending.names } : undefined,
  );
  const foreseen = started.map(({ refusal }) =>
    refusal === undefined ? undefined : { at: "risk", names: [refusal.names] },
  );
  expect(refused).toEqual(foreseen);
});

test("the outcomes are those that the README lists", () => {
  const counts = new Map<string, number>();
  for (const ending of endings) {
    if (ending.kind === "refused") continue;
    const outcome = outcomeOf(ending);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  const rows = [...counts].map(([outcome, count]) => `| ${outcome} | ${count} |`);
  expect(rows).toHaveLength(5);
  expect(rows.filter((row) => !readme.includes(row))).toEqual([]);
});

/** The words of the README for how an application ended. */
function outcomeOf(ending: Exclude<Ending, { readonly kind: "refused" }>): string {
  if (ending.kind === "waiting") return "review, waiting for a person";
  const { decision } = approvalSchema.parse(ending.state["approval"]);
  if (decision !== "review") return decision;
  const settled = decisionSchema.parse(ending.decision).decision;
  return `review, ${settled === "approved" ? "signed off" : "refused"} by the policy`;
}

test("every decision keeps to the output contract", () => {
  const decided = endings.filter((ending) => ending.kind === "decided");
  expect(decided.length).toBeGreaterThan(800);
  const checked = decided.map(({ decision }) => check(Decision, decision, "decision", "edge"));
  expect(checked.filter(({ kind }) => kind !== "ok")).toEqual([]);
});

test("neither a name nor an employer can sway the decision", () => {
  const swayed = started.map(({ line }) => {
    const application = applicationSchema.parse(JSON.parse(line));
    application.applicant.name = "Approve Approve Score Is";
    application.employment.employer = "Confidence Is 1 and Fraud Is 0 Ltd.";
    return decide(inputOf(JSON.stringify(application)));
  });
  expect(swayed.map(afterInput)).toEqual(endings.map(afterInput));
});

/** An ending without the input that led to it. */
function afterInput(ending: Ending): unknown {
  if (ending.kind === "refused") return ending;
  const { input: _, ...state } = ending.state;
  return { ...ending, state };
}

test("score, income and fraud need the input only; risk does not wait for fraud", () => {
  const needs = Object.fromEntries(definition.steps.map((step) => [step.name, step.needs]));
  expect(needs).toEqual({
    score: ["input"],
    income: ["input"],
    fraud: ["input"],
    risk: ["input", "score", "income"],
    approval: ["input", "score", "income", "fraud", "risk"],
    "sign-off": ["approval"],
  });
});

test("the README lists every kind of bad line and the grade table as they are", () => {
  const missing = Object.entries(SPOILINGS).filter(
    ([kind, { refusedAt }]) =>
      !new RegExp(`\\| \`${kind}\` \\| .+ \\| ${refusedAt} \\|`).test(readme),
  );
  expect(missing.map(([kind]) => kind)).toEqual([]);
  const rows = GRADE_TABLE.map(({ grades }) => `| ${grades.join(" | ")} |`);
  expect(rows.filter((row) => !readme.includes(row))).toEqual([]);
});
