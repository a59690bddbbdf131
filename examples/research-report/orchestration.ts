/** The report with a conductor: one graph that says who comes when. */
import { type Frozen, workflow, type Workflow } from "baton";
import type { Agents } from "./agents.ts";
import { Question, Report } from "./contracts.ts";

export function reportByOrchestration(agents: Agents): Workflow<Question, Frozen<Report>> {
  return workflow("report-orchestration", "1.0.0", { input: Question, output: Report })
    .step("research", agents.research, { input: ({ input }) => input })
    .step("analysis", agents.analysis, {
      needs: ["research"],
      input: ({ research }) => research,
    })
    .step("writing", agents.writing, {
      needs: ["analysis"],
      input: ({ analysis }) => analysis,
    })
    .output(({ writing }) => writing);
}
