/**
 * The risk model, as it stands behind a serving endpoint of Databricks: a workflow that speaks the Responses API, and tokens for a
 * service principal. With DATABRICKS_HOST a real one is asked.
 */
import { type Baton, memory, open, workflow } from "baton";
import { responsesAgent } from "baton/databricks";
import { Hono } from "hono";
import { riskAssessment } from "../../credit-decision/agents.ts";
import { RiskQuestion, RiskReport } from "../../credit-decision/contracts.ts";

const assessment = workflow("risk-assessment", "1.0.0", {
  input: RiskQuestion,
  output: RiskReport,
  description: "Grades a request A to E.",
})
  .step("assess", riskAssessment, { input: ({ input }) => input })
  .output(({ assess }) => assess);

export const ENDPOINT = "risk";
export const PRINCIPAL = { clientId: "lender", clientSecret: "sesame" } as const;

export interface Workspace {
  readonly baton: Baton;
  readonly app: Hono;
}

export async function workspace(): Promise<Workspace> {
  const baton = await open({ store: memory(), workflows: [assessment] });
  const agent = responsesAgent(baton, assessment);
  const tokens = new Set<string>();
  const app = new Hono();
  app.post("/oidc/v1/token", (context) => {
    const { clientId, clientSecret } = PRINCIPAL;
    const basic = `Basic ${btoa(`${clientId}:${clientSecret}`)}`;
    if (context.req.header("authorization") !== basic)
      return context.json({ error: "invalid_client" }, 401);
    const token = `token-${tokens.size + 1}`;
    tokens.add(token);
    return context.json({ access_token: token, token_type: "Bearer", expires_in: 3600 });
  });
  app.post(`/serving-endpoints/${ENDPOINT}/invocations`, async (context) => {
    const token = context.req.header("authorization")?.replace(/^Bearer /, "") ?? "";
    if (!tokens.has(token)) return context.json({ error_code: "401", message: "Who asks?" }, 401);
    const asked = context.req.raw;
    return await agent(new Request(new URL("/invocations", asked.url), asked));
  });
  return { baton, app };
}
