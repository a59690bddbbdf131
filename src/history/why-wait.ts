/** What something waits for, in a sentence, with what to type next. */
import { type Amounts, amountText, isNothing, MEASURES, measuredBy } from "../model/amounts.ts";
import { deliveryEnd } from "./event-difference.ts";
import type { RunWait } from "./run-wait.ts";
import { named, type Place, type WhyReason } from "./why-reason.ts";

/** A wait in a sentence, with the gate that holds it up, and what to type next. */
export async function plainWait(place: Place, wait: RunWait): Promise<WhyReason> {
  const { id: run } = place.report;
  const base = waitBase(place, wait);
  const who = whoWaits(place, wait);
  const told = (sentence: string, next: string): WhyReason => ({ ...base, sentence, next });
  switch (wait.what) {
    case "person":
      return told(
        `${who} ${personText(place, wait)}`,
        `baton dead-letters show ${run} ${wait.path}`,
      );
    case "breaker": {
      const name = wait.gate.slice("breaker/".length);
      const sentence = `${who} waits at the breaker ${name}.`;
      return { ...told(sentence, "baton breakers"), because: await breakerReason(place, name) };
    }
    case "budget": {
      const name = wait.gate.slice("budget/".length);
      const sentence = `${who} waits for the budget ${name}.`;
      return { ...told(sentence, "baton budgets"), because: await budgetReason(place, name) };
    }
    case "rate": {
      const name = wait.gate.slice("rate/".length);
      return told(`${who} waits for its turn at the rate ${name}.`, `baton waits ${run}`);
    }
    case "retry": {
      const { error, attempt } = wait;
      const why = error === undefined ? "no reason is recorded" : `${error.code}: ${error.message}`;
      const sentence = `${who} failed, and is tried again (attempt ${attempt}): ${why}`;
      return told(sentence, `baton waits ${run}`);
    }
    case "probe":
      return told(
        `What an attempt of ${who} did is not known; its probe is asked again.`,
        `baton waits ${run}`,
      );
    case "approval":
      return told(`${who} waits for an approval.`, `baton approve ${run} ${wait.path}`);
    case "signal":
      return told(`${who} waits for a signal.`, `baton signal ${run} ${wait.path} payload.json`);
    case "timer":
      return told(`${who} sleeps.`, `baton waits ${run}`);
    case "code":
      return told(
        `Run ${run} waits for code that is not here: ${wait.missing.join(", ")}.`,
        "baton check",
      );
    case "execution":
      return told(`${who} is executed, or can begin.`, `baton watch ${run}`);
    case "run":
      return told(`${who} waits for run ${wait.run}.`, `baton why ${wait.run}`);
    case "event": {
      const { topics = [] } = wait;
      const names = topics.length === 0 ? "" : ` of ${topics.join(" and ")}`;
      return told(
        `${who} waits for an event${names}, which has not come.`,
        `baton graph --run ${run}`,
      );
    }
  }
}

/** What is said of every wait. */
function waitBase({ report }: Place, wait: RunWait): Omit<WhyReason, "sentence"> {
  const path = "path" in wait ? wait.path : undefined;
  return {
    run: report.id,
    ...(path === undefined || path === "" ? {} : { path }),
    since: wait.since,
    ...("dueAt" in wait && wait.dueAt !== undefined ? { dueAt: wait.dueAt } : {}),
    because: [],
  };
}

/** Who waits, with its agent and events; the run itself where it is no step. */
function whoWaits(place: Place, wait: RunWait): string {
  const path = "path" in wait ? wait.path : undefined;
  return path === undefined || path === "" ? `Run ${place.report.id}` : named(place, path);
}

function personText(
  { report }: Place,
  { path, error, because }: Extract<RunWait, { readonly what: "person" }>,
): string {
  const step = report.steps.find((each) => each.path === path);
  if (because === undefined || step === undefined)
    return `waits for a person: ${error?.message ?? "its compensation failed"}`;
  return deliveryEnd(step);
}

async function breakerReason({ walk }: Place, name: string): Promise<readonly WhyReason[]> {
  const breaker = await walk.source.breaker(name);
  // It may have closed since the wait was written down: the call is then about to be made.
  if (breaker === undefined || breaker.state === "closed") return [];
  const { state, reason, by, since, until, evidence } = breaker;
  const isPerson = by?.kind === "person";
  const why =
    reason === undefined ? "" : `${isPerson ? `, by ${by.id}` : ""}: ${reason.replace(/\.$/, "")}`;
  const last = evidence.at(-1);
  const seen =
    last === undefined ? "" : ` The last was ${last.code} at ${last.path} of ${last.run}.`;
  return [
    {
      sentence: `Breaker ${name} is ${state === "open" ? "open" : "half-open"}${why}.${isPerson ? "" : seen}`,
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { dueAt: until }),
      // What a person has opened a person closes.
      next: isPerson ? `baton breakers close ${name}` : "baton breakers",
      because: [],
    },
  ];
}

async function budgetReason({ walk }: Place, name: string): Promise<readonly WhyReason[]> {
  const budget = await walk.source.budget(name);
  if (budget === undefined) return [];
  const { limit = {}, spent, reserved, since, until } = budget;
  const aside = isNothing(reserved)
    ? ""
    : `, ${amountsText(measuredBy(reserved, limit))} set aside`;
  const of = `${amountsText(spent)} of ${amountsText(limit)} spent${aside}`;
  return [
    {
      sentence: `Budget ${name} has not enough left: ${of}.`,
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { dueAt: until }),
      next: `baton budgets raise ${name}`,
      because: [],
    },
  ];
}

function amountsText(amounts: Amounts): string {
  return MEASURES.filter((measure) => amounts[measure] !== undefined)
    .map((measure) => amountText(amounts, measure))
    .join(" and ");
}
