/** One workflow with every kind of step, and a run of it with a retry and a send-back. */
import type { Json } from "../../src/model/json.ts";
import type {
  BranchCase,
  StepDefinition,
  WorkflowDefinition,
} from "../../src/model/workflow-definition.ts";
import { agentOf, definitionOf, field, stepOf } from "./definition-builder.ts";
import type { Play } from "./played-run.ts";

const record = (value: Json): { readonly [key: string]: Json } =>
  value as { readonly [key: string]: Json };
const times = (value: Json, factor: number): number => Number(value) * factor;

export const scoreAgent = agentOf("scorer", (_input, { turn }) => ({
  score: turn === 0 ? 500 : 750,
}));
export const incomeAgent = agentOf("earner", (input, { attempt }) => {
  if (attempt === 1) throw new Error("the bureau is busy");
  return { monthly: times(input, 1) };
});
export const riskAgent = agentOf("risker", (input) => ({
  grade: Number(record(input)["score"]) > 700 ? "A" : "E",
}));
export const checkAgent = agentOf("checker", (input) => ({ checked: times(input, 10) }));
export const refineAgent = agentOf("refiner", (input) => times(input, 2));
export const letterAgent = agentOf("letterer", (input) => `Dear ${JSON.stringify(input)}`);

/** A child workflow. */
export const archive: WorkflowDefinition = definitionOf(
  "archive",
  [stepOf({ kind: "agent", name: "store", agent: letterAgent, input: ({ input }) => input })],
  ({ store }) => store,
);

/** Calls of agents: one, many, again and again; `score` is sent back once by `risk`. */
function calls(): readonly StepDefinition[] {
  return [
    stepOf({ kind: "agent", name: "score", agent: scoreAgent, input: ({ input }) => input }),
    stepOf({
      kind: "agent",
      name: "income",
      agent: incomeAgent,
      input: (view) => field(view, "input", "income"),
    }),
    stepOf({
      kind: "agent",
      name: "risk",
      needs: ["score", "income"],
      agent: riskAgent,
      input: (view) => ({ score: field(view, "score", "score") }),
      requires: [
        { name: "the score is good", holds: (view) => Number(field(view, "score", "score")) > 700 },
      ],
      onRefused: { kind: "sendBack", to: "score", turns: 2 },
    }),
    stepOf({
      kind: "map",
      name: "checks",
      agent: checkAgent,
      over: (view) => field(view, "input", "documents") as readonly Json[],
      input: (item) => item,
      concurrency: 2,
      failures: "all",
    }),
    stepOf({
      kind: "repeat",
      name: "refine",
      needs: ["checks"],
      agent: refineAgent,
      input: (_view, previous) => previous ?? 1,
      until: (output) => Number(output) >= 8,
      limit: 5,
      atLimit: "fail",
    }),
    stepOf({
      kind: "agent",
      name: "luxury",
      agent: letterAgent,
      input: () => "nobody",
      when: (view) => Number(field(view, "input", "income")) > 1_000_000,
    }),
  ];
}

/** Ways on, and waits. */
function waysAndWaits(): readonly StepDefinition[] {
  return [
    stepOf({
      kind: "branch",
      name: "letter",
      needs: ["risk"],
      choose: (view) => (field(view, "risk", "grade") === "A" ? "yes" : "no"),
      cases: new Map<string, BranchCase>([
        [
          "yes",
          { kind: "agent", agent: letterAgent, input: (view) => field(view, "risk", "grade") },
        ],
        ["no", { kind: "workflow", workflow: archive, input: () => "nobody" }],
      ]),
    }),
    stepOf({
      kind: "subflow",
      name: "archived",
      needs: ["letter"],
      workflow: archive,
      input: ({ letter }) => letter,
    }),
    stepOf({
      kind: "sleep",
      name: "pause",
      needs: ["risk"],
      wake: { kind: "at", at: () => "2027-01-01T00:00:00.000Z" },
    }),
    stepOf({
      kind: "approval",
      name: "approval",
      needs: ["risk", "refine"],
      show: ({ risk, refine }) => ({ risk: risk ?? null, refine: refine ?? null }),
      onTimeout: "fail",
    }),
  ];
}

/** Every kind of step. */
export function kitchenSink(): WorkflowDefinition {
  return definitionOf("credit", [...calls(), ...waysAndWaits()]);
}

export const SINK_INPUT = { income: 5000, documents: [1, 2, 3], name: "Ada" };
export const SINK_PLAY: Play = {
  signals: [{ step: "approval", value: { approved: true, reason: "fine" } }],
};
