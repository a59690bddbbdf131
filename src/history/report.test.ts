import { describe, expect, it } from "vitest";
import {
  completed,
  journalOf,
  sealed,
  sentBack,
  skipped,
  started,
} from "../../test/support/journal-builder.ts";
import { kitchenSink, SINK_INPUT, SINK_PLAY } from "../../test/support/kitchen-sink.ts";
import { play } from "../../test/support/played-run.ts";
import type { Draft } from "../model/entry.ts";
import { type RunReport, runReport } from "./report.ts";

const BY = { kind: "engine", id: "baton" } as const;
const error = { code: "BUSY", message: "The bureau is busy." };
const report = (...drafts: readonly Draft[]): RunReport =>
  runReport(journalOf([started({ a: 1 }), ...drafts]).entries);
const step = (from: RunReport, path: string) => from.steps.find((each) => each.path === path);

function attemptFailed(path: string, attempt: number, retryAt?: number): Draft {
  const payload = { error, ...(retryAt === undefined ? {} : { retryAt }) };
  return { kind: "attempt.failed", path, turn: 0, attempt, by: BY, agent: "scorer@1.0.0", payload };
}

describe("runReport", () => {
  it("tells of a whole run from its journal alone", () => {
    const { entries } = play(kitchenSink(), SINK_INPUT, SINK_PLAY);
    const found = runReport(entries);
    expect(found).toMatchObject({
      id: "r1",
      workflow: "credit@1.0.0",
      status: "completed",
      version: 10,
      input: SINK_INPUT,
    });
    expect(found).toMatchObject({ lastSeq: entries.length - 1, headHash: entries.at(-1)?.hash });
    expect(found.steps.map(({ path, status }) => `${path} ${status}`).sort()).toEqual([
      "approval sealed",
      "archived sealed",
      "checks sealed",
      "income sealed",
      "letter sealed",
      "luxury skipped",
      "pause sealed",
      "refine sealed",
      "risk sealed",
      "score sealed",
    ]);
    expect(step(found, "score")).toMatchObject({ turn: 1, attempts: 2 });
    expect(step(found, "income")).toMatchObject({
      turn: 0,
      attempts: 2,
      agent: "earner@1.0.0",
      tookMs: 3,
    });
    expect(step(found, "checks")).toMatchObject({
      attempts: 3,
      items: { sealed: 3, failed: 0, of: 3 },
    });
    expect(step(found, "refine")).toMatchObject({ attempts: 3, items: { sealed: 3, failed: 0 } });
    expect(step(found, "letter")).toMatchObject({ case: "yes", attempts: 1 });
    expect(step(found, "approval")).toMatchObject({ attempts: 0 });
    expect(
      found.steps.filter(({ error: why, violations, waitsFor }) => why ?? violations ?? waitsFor),
    ).toEqual([]);
  });

  it("says of an unfinished run what it waits for", () => {
    const { entries } = play(kitchenSink(), SINK_INPUT);
    const found = runReport(entries);
    expect(found.status).toBe("waiting");
    expect(found.endedAt).toBeUndefined();
    expect(step(found, "approval")?.waitsFor).toEqual({
      what: "approval",
      shown: { refine: 8, risk: { grade: "A" } },
    });
  });

  it("follows a step through retries to its end", () => {
    const retrying = report(attemptFailed("score", 1, 99));
    expect(retrying.status).toBe("waiting");
    expect(step(retrying, "score")).toMatchObject({
      status: "retrying",
      error,
      waitsFor: { what: "timer", dueAt: 99 },
    });
    const failed = report(
      attemptFailed("score", 1, 99),
      attemptFailed("score", 2),
      { kind: "step.failed", path: "score", turn: 0, by: BY, payload: { error } },
      { kind: "run.failed", by: BY, payload: { step: "score", error } },
    );
    expect(failed).toMatchObject({ status: "failed", error });
    expect(step(failed, "score")).toMatchObject({ status: "failed", attempts: 2, error, seq: 3 });
  });

  it("shows a step that was sent back as open, at its next turn", () => {
    const found = report(sealed("score", 1), sentBack("risk", "score", 1));
    expect(step(found, "risk")).toMatchObject({
      status: "refused",
      violations: [{ rule: "good" }],
    });
    expect(step(found, "score")).toMatchObject({ status: "open", turn: 1 });
    expect(step(found, "score")?.version).toBeUndefined();
  });

  it("keeps why a refused step failed, and why one was skipped", () => {
    const violations = [
      { contract: "requires", path: "", rule: "good", message: "It is not good." },
    ];
    const refused: Draft = {
      kind: "handoff.refused",
      path: "risk",
      by: BY,
      payload: { violations, then: { kind: "fail" } },
    };
    const failed: Draft = { kind: "step.failed", path: "risk", by: BY, payload: { error } };
    expect(step(report(refused, failed), "risk")).toMatchObject({
      status: "refused",
      error,
      violations,
    });
    expect(step(report(skipped("risk")), "risk")).toMatchObject({
      status: "skipped",
      skipped: "when",
    });
  });

  it("adds up usage per model, with money as decimals", () => {
    const usage = (cost?: string) => ({
      model: "m",
      inputTokens: 10,
      outputTokens: 1,
      ...(cost === undefined ? {} : { cost, currency: "EUR" }),
    });
    const found = report(
      sealed("a", 1, {}, { payload: { usage: [usage("0.1"), usage("0.2")] } }),
      sealed("b", 1, {}, { payload: { usage: [usage()] } }),
    );
    expect(found.usage).toEqual([
      { model: "m", calls: 2, inputTokens: 20, outputTokens: 2, cost: "0.3", currency: "EUR" },
      { model: "m", calls: 1, inputTokens: 10, outputTokens: 1 },
    ]);
  });

  it("knows its parent, and what a blocked run is missing until it goes on", () => {
    const fork = { stream: "run/p", seq: 4, hash: "h", version: 2 };
    const forked = runReport(journalOf([started(1, { fork }), completed(2)]).entries, {
      forks: ["x"],
    });
    expect(forked).toMatchObject({
      fork: { run: "p", seq: 4, hash: "h", version: 2 },
      forks: ["x"],
      output: 2,
    });
    const blocked: Draft = { kind: "run.blocked", by: BY, payload: { missing: ["a@1.0.0"] } };
    expect(report(blocked)).toMatchObject({ status: "waiting", missing: ["a@1.0.0"] });
    const resumed: Draft = { kind: "run.resumed", by: BY, payload: { incarnation: 1 } };
    expect(report(blocked, resumed)).toMatchObject({ status: "running" });
    expect(report(blocked, resumed).missing).toBeUndefined();
  });

  it("says why a run was cancelled", () => {
    const payload = { reason: "withdrawn" };
    const found = report(
      { kind: "run.cancelling", by: BY, payload },
      { kind: "run.cancelled", by: BY, payload },
    );
    expect(found).toMatchObject({ status: "cancelled", reason: "withdrawn" });
  });

  it("reports a run that was refused", () => {
    const violations = [{ contract: "a@1.0.0", path: "/a", rule: "min", message: "Too small." }];
    const { entries } = journalOf([
      { kind: "run.refused", by: BY, payload: { workflow: "credit@1.0.0", violations } },
    ]);
    expect(runReport(entries)).toMatchObject({
      status: "refused",
      version: -1,
      violations,
      steps: [],
    });
  });
});
