/**
 * The report in a newsletter: agents that publish and subscribe, a part of it conducted, and a saga over all of it. What was taken of the
 * catalogue is given back, the newest first, when a finding is declined or the report can't be written.
 */
import { all, choreography, type Frozen, on, to, topic, workflow, type Workflow } from "baton";
import type { Agents } from "./agents.ts";
import { Analysis, CONFIDENCE_NEEDED, Finding, Question, Report } from "./contracts.ts";
import { type Desk, Notice, Taken } from "./desk.ts";

export const Asked = topic("newsletter.asked", Question);
const Announced = topic("newsletter.announced", Taken);
const Numbered = topic("newsletter.numbered", Taken);
const Found = topic("newsletter.found", Finding);
const Analysed = topic("newsletter.analysed", Analysis);
const Declined = topic("newsletter.declined", Notice);
export const Written = topic("newsletter.written", Report);

/** The conducted part: a run of it is started for each report that is to be written. */
function composing(agents: Agents, desk: Desk): Workflow<Analysis, Frozen<Report>> {
  return workflow("composing", "1.0.0", { input: Analysis, output: Report })
    .step("place", desk.place, { input: ({ input }) => ({ text: input.question }) })
    .step("writing", agents.writing, { needs: ["input", "place"], input: ({ input }) => input })
    .output(({ writing }) => writing);
}

export function reportByHybrid(agents: Agents, desk: Desk): Workflow<Question, Report> {
  return choreography("report-hybrid", "1.0.0", {
    starts: Asked,
    ends: Written,
    failsOn: Declined,
    deadline: "7d",
    subscriptions: {
      announce: on(Asked, desk.announce, { publishes: Announced }),
      number: on(Announced, desk.number, {
        input: ({ event }) => ({ text: event.question }),
        publishes: Numbered,
      }),
      // Only what is in the newsletter's plan is looked for.
      research: on(all({ asked: Asked, numbered: Numbered }), agents.research, {
        input: ({ asked }) => asked,
        publishes: Found,
      }),
      analysis: on(Found, agents.analysis, {
        input: ({ event }) => event,
        publishes: Analysed,
        onRefused: "skip",
      }),
      decline: on(Found, desk.decline, {
        when: ({ event }) => event.confidence < CONFIDENCE_NEEDED,
        publishes: Declined,
      }),
      compose: on(Analysed, composing(agents, desk), {
        publishes: to(Written, (report) => report),
        onFailure: "fail",
      }),
    },
  });
}
