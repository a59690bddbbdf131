/**
 * Metrics: of what spans say, counted when a batch was taken, and of how the engine stands. No attribute of them grows with the
 * number of runs.
 */
import type { TraceSpan } from "../../model/trace-span.ts";
import type { TraceBatch } from "../../ports/tracing.ts";
import type { Attributes, Meters } from "./api-types.ts";
import { isDelivery, plain } from "./attributes.ts";
import { type Standing, standing } from "./standing.ts";

/** Where metrics are counted. */
export interface Metering {
  readonly count: (batch: TraceBatch) => void;
  readonly measure: Standing["measure"];
  /** No longer asked how the engine stands. */
  readonly end: () => void;
}

/** Boundaries that the GenAI conventions ask for, in seconds and in tokens. */
const SECONDS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const TOKENS = Array.from({ length: 14 }, (_, power) => 4 ** power);
/** Steps and runs wait, too: up to a day. */
const LONG_SECONDS = [...SECONDS, 300, 900, 3_600, 14_400, 86_400];

type Meter = ReturnType<Meters["getMeter"]>;

export function metering(provider: Meters, projection: string): Metering {
  const meter = provider.getMeter("baton");
  const instruments = { ...counters(meter), ...histograms(meter) };
  const { measure, end } = standing(meter, projection);
  return {
    count: ({ spans, transitions }) => {
      for (const span of spans) countSpan(instruments, span);
      for (const { breaker, to } of transitions)
        instruments.transitions.add(1, { "baton.breaker": breaker, "baton.breaker.state": to });
    },
    measure,
    end,
  };
}

type Instruments = ReturnType<typeof counters> & ReturnType<typeof histograms>;

function counters(meter: Meter) {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(name, { unit, description });
  return {
    runs: counter("baton.runs", "{run}", "Runs that have ended."),
    attempts: counter("baton.attempts", "{attempt}", "Attempts that have ended."),
    compensations: counter("baton.compensations", "{attempt}", "Attempts to undo."),
    refusals: counter("baton.refusals", "{handoff}", "Handoffs that were refused."),
    events: counter("baton.events", "{event}", "Events that were published or received."),
    deliveries: counter("baton.deliveries", "{delivery}", "Deliveries that have ended."),
    transitions: counter(
      "baton.breaker.transitions",
      "{transition}",
      "Breakers that opened, let a probe through, or closed.",
    ),
  };
}

function histograms(meter: Meter) {
  const seconds = (name: string, description: string, boundaries: number[]) =>
    meter.createHistogram(name, {
      unit: "s",
      description,
      advice: { explicitBucketBoundaries: boundaries },
    });
  return {
    runTime: seconds("baton.run.duration", "From a run's start to its end.", LONG_SECONDS),
    stepTime: seconds("baton.step.duration", "A step in one turn, with waiting.", LONG_SECONDS),
    attemptTime: seconds("baton.attempt.duration", "One attempt of an agent.", SECONDS),
    operationTime: seconds(
      "gen_ai.client.operation.duration",
      "An attempt of an agent that called models.",
      SECONDS,
    ),
    tokens: meter.createHistogram("gen_ai.client.token.usage", {
      unit: "{token}",
      description: "Tokens of one call of a model.",
      advice: { explicitBucketBoundaries: TOKENS },
    }),
  };
}

function countSpan(to: Instruments, span: TraceSpan): void {
  const { kind, subject, outcome, error, facts } = span;
  const seconds = (span.endAt - span.startAt) / 1_000;
  const ended: Attributes = {
    "baton.outcome": outcome,
    ...(error === undefined ? {} : { "error.type": error.code }),
  };
  const agent = { "gen_ai.agent.name": subject, ...ended };
  switch (kind) {
    case "run": {
      const of = { "gen_ai.workflow.name": subject, ...ended };
      to.runs.add(1, of);
      return to.runTime.record(seconds, of);
    }
    case "step":
      if (isDelivery(subject))
        to.deliveries.add(1, { "baton.subscription": plain(subject), "baton.outcome": outcome });
      return to.stepTime.record(seconds, {
        "baton.step": plain(subject),
        "baton.outcome": outcome,
      });
    case "attempt":
      to.attempts.add(1, { ...agent, "baton.retry": Number(facts["attempt"]) > 1 });
      to.attemptTime.record(seconds, agent);
      return countModels(to, span, seconds);
    case "compensation":
      to.compensations.add(1, agent);
      return countModels(to, span, seconds);
    case "handoff":
      return to.refusals.add(1, {
        "baton.step": plain(subject),
        "baton.then": String(facts["then"]),
      });
    case "publish":
    case "receive":
      return to.events.add(1, {
        "messaging.destination.name": subject,
        "messaging.operation.type": kind === "publish" ? "send" : "receive",
      });
    default:
      // What a model of several used is counted with its attempt, and a way back with what it undoes.
      return;
  }
}

/** The conventions want the provider, too: nothing in the journal says it. */
function countModels(
  to: Instruments,
  { usage = [], subject, error, kind }: TraceSpan,
  seconds: number,
): void {
  const [first] = usage;
  if (first === undefined) return;
  const isOne = usage.every(({ model }) => model === first.model);
  if (kind === "attempt")
    to.operationTime.record(seconds, {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": subject,
      ...(isOne ? { "gen_ai.request.model": first.model } : {}),
      ...(error === undefined ? {} : { "error.type": error.code }),
    });
  for (const { model, inputTokens, outputTokens } of usage) {
    const of = { "gen_ai.operation.name": "chat", "gen_ai.request.model": model };
    to.tokens.record(inputTokens, { ...of, "gen_ai.token.type": "input" });
    to.tokens.record(outputTokens, { ...of, "gen_ai.token.type": "output" });
  }
}
