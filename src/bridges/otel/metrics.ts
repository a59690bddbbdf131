/** Metrics of what spans say: counted when a batch was taken, so that what is sent again after a crash counts again at most once. */
import type { TraceBatch } from "../../ports/tracing.ts";
import type { Meters } from "./api-types.ts";
import type { TraceSpan } from "../../model/trace-span.ts";

/** Counts a batch. */
export type Count = (batch: TraceBatch) => void;

export function metrics(provider: Meters): Count {
  const meter = provider.getMeter("baton");
  const runs = meter.createCounter("baton.runs", { description: "Runs that have ended." });
  const runTime = meter.createHistogram("baton.run.duration", { unit: "s" });
  const stepTime = meter.createHistogram("baton.step.duration", { unit: "s" });
  const attemptTime = meter.createHistogram("baton.attempt.duration", { unit: "s" });
  const refusals = meter.createCounter("baton.refusals", {
    description: "Handoffs that were refused.",
  });
  const transitions = meter.createCounter("baton.breaker.transitions");
  const tokens = meter.createHistogram("gen_ai.client.token.usage", { unit: "{token}" });
  const count = (span: TraceSpan) => {
    const { kind, subject, outcome, error } = span;
    const seconds = (span.endAt - span.startAt) / 1_000;
    const said = { outcome, ...(error === undefined ? {} : { "error.type": error.code }) };
    if (kind === "run") {
      runs.add(1, { workflow: subject, outcome });
      runTime.record(seconds, { workflow: subject, outcome });
    }
    if (kind === "step") stepTime.record(seconds, { step: subject.replace(/#\d+$/, ""), outcome });
    if (kind === "attempt") {
      const retry = Number(span.facts["attempt"]) > 1;
      attemptTime.record(seconds, { agent: subject, retry, ...said });
    }
    if (kind === "handoff")
      refusals.add(1, {
        step: subject.replace(/(#\d+|\[\d+\])$/, ""),
        then: String(span.facts["then"]),
      });
    if (kind === "model") return;
    for (const { model, inputTokens, outputTokens } of span.usage ?? []) {
      const of = { "gen_ai.request.model": model };
      tokens.record(inputTokens, { ...of, "gen_ai.token.type": "input" });
      tokens.record(outputTokens, { ...of, "gen_ai.token.type": "output" });
    }
  };
  return ({ spans, transitions: changed }) => {
    spans.forEach(count);
    for (const { breaker, to } of changed) transitions.add(1, { breaker, to });
  };
}
