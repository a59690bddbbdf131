/** The report without a conductor: each agent takes what it needs, and says what it has. */
import { choreography, on, topic, type Workflow } from "baton";
import type { Agents } from "./agents.ts";
import { Analysis, Finding, Question, Report } from "./contracts.ts";

export const Asked = topic("research.asked", Question);
export const Found = topic("research.found", Finding);
export const Analysed = topic("research.analysed", Analysis);
export const Written = topic("research.written", Report);

export function reportByChoreography(agents: Agents): Workflow<Question, Report> {
  return choreography("report-choreography", "1.0.0", {
    starts: Asked,
    ends: Written,
    deadline: "7d",
    subscriptions: {
      research: on(Asked, agents.research, { publishes: Found }),
      analysis: on(Found, agents.analysis, {
        input: ({ event }) => event,
        publishes: Analysed,
      }),
      writing: on(Analysed, agents.writing, { publishes: Written }),
    },
  });
}
