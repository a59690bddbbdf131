/** The graph of the credit decision with agents that do nothing: what is left is what Baton costs. */
import { type AgentContext, agent, contract, type Workflow, workflow } from "baton";
import { z } from "zod";

export interface ApplicationInput {
  readonly id: string;
  readonly name: string;
  readonly statedIncome: number;
}

export interface DecisionOutput {
  readonly approved: boolean;
  readonly reason: string;
}

const Application = contract(
  "application",
  "1.0.0",
  z.object({ id: z.string(), name: z.string(), statedIncome: z.number() }),
);
const Report = contract(
  "report",
  "1.0.0",
  z.object({ score: z.number(), confidence: z.number().min(0).max(1) }),
);
const Risk = contract("risk", "1.0.0", z.object({ grade: z.string(), ratio: z.number() }));
const RiskInput = contract(
  "risk-input",
  "1.0.0",
  z.object({ score: z.number(), income: z.number() }),
);
const Evidence = contract(
  "evidence",
  "1.0.0",
  z.object({ score: z.number(), income: z.number(), fraud: z.number(), grade: z.string() }),
);
const Decision = contract(
  "decision",
  "1.0.0",
  z.object({ approved: z.boolean(), reason: z.string() }),
);

/** What happens inside each agent, before it answers. */
export type During = (context: AgentContext) => Promise<void>;

/** score, income and fraud side by side; then risk; then approval. Seven entries a run. */
export function creditGraph(
  during: During = () => Promise.resolve(),
): Workflow<ApplicationInput, DecisionOutput> {
  const report = (name: string, score: number) =>
    agent({
      name,
      version: "1.0.0",
      input: Application,
      output: Report,
      execute: async (_application, context) => {
        await during(context);
        return { score, confidence: 0.9 };
      },
    });
  const risk = agent({
    name: "risk-assessment",
    version: "1.0.0",
    input: RiskInput,
    output: Risk,
    execute: async ({ score, income }, context) => {
      await during(context);
      return { grade: score > 650 ? "B" : "D", ratio: score / income };
    },
  });
  const approval = agent({
    name: "final-approval",
    version: "1.0.0",
    input: Evidence,
    output: Decision,
    execute: async ({ grade, fraud }, context) => {
      await during(context);
      return { approved: grade < "C" && fraud < 50, reason: `grade ${grade}` };
    },
  });
  return workflow("bench.credit", "1.0.0", { input: Application, output: Decision })
    .step("score", report("credit-score", 700), { input: ({ input }) => input })
    .step("income", report("income-verification", 4_200), { input: ({ input }) => input })
    .step("fraud", report("fraud-detection", 12), { input: ({ input }) => input })
    .step("risk", risk, {
      needs: ["score", "income"],
      input: ({ score, income }) => ({ score: score.score, income: income.score }),
    })
    .step("approval", approval, {
      needs: ["score", "income", "fraud", "risk"],
      input: ({ score, income, fraud, risk: rated }) => ({
        score: score.score,
        income: income.score,
        fraud: fraud.score,
        grade: rated.grade,
      }),
    })
    .output(({ approval: decision }) => decision);
}

export function application(n: number): ApplicationInput {
  return { id: `application-${n}`, name: "Jane Doe of Somewhere", statedIncome: 4_000 + n };
}
