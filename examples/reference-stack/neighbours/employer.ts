/** Who verifies incomes: a service company with a Baton of its own. It speaks A2A, and a task of it is a run there. */
import { type Baton, memory, open, workflow } from "baton";
import { type A2aHandler, a2aServer } from "baton/a2a";
import { incomeVerification } from "../../credit-decision/agents.ts";
import { IncomeQuestion, IncomeReport } from "../../credit-decision/contracts.ts";

const verification = workflow("income-verification", "1.0.0", {
  input: IncomeQuestion,
  output: IncomeReport,
  description: "Holds a stated income against payslips.",
})
  .step("verify", incomeVerification, { input: ({ input }) => input })
  .output(({ verify }) => verify);

export interface Employer {
  readonly baton: Baton;
  readonly fetch: A2aHandler;
}

/** `url` is where it will be reached. */
export async function employer(url: string): Promise<Employer> {
  const baton = await open({ store: memory(), workflows: [verification] });
  const fetch = await a2aServer(baton, {
    workflows: [verification],
    card: {
      name: "income-verification",
      description: "Verifies incomes from payslips.",
      version: "1.0.0",
      url,
    },
    // The lender is the only one who knows the address.
    author: () => ({ kind: "program", id: "lender" }),
  });
  return { baton, fetch };
}
