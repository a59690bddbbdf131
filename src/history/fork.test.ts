import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agentOf, anything, definitionOf, stepOf } from "../../test/support/definition-builder.ts";
import { kitchenSink, SINK_INPUT, SINK_PLAY, scoreAgent } from "../../test/support/kitchen-sink.ts";
import { play } from "../../test/support/played-run.ts";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";
import { carriedInputs, type ForkOptions, type ForkPlan, planFork } from "./fork.ts";
import { lineageOf } from "./lineage.ts";
import { runReport } from "./report.ts";
import { stateAt } from "./state.ts";

const sink = kitchenSink();
const parent = play(sink, SINK_INPUT, { ...SINK_PLAY, id: "p" });
const newest = stateAt(parent.entries).version;
const plan = (options: ForkOptions, definition: WorkflowDefinition = sink): ForkPlan =>
  planFork(parent.entries, definition, options);
const keysOf = (steps: readonly { readonly key: string }[]): readonly string[] =>
  steps.map(({ key }) => key).sort();

/** The definition with some steps changed. */
function edited(edit: (step: StepDefinition) => StepDefinition | undefined): WorkflowDefinition {
  return definitionOf(
    "credit",
    sink.steps.flatMap((step) => edit(step) ?? []),
    sink.project,
    { version: "2.0.0" },
  );
}

function playFork(from: ForkPlan) {
  const carried = carriedInputs(from);
  return play(from.definition, from.input, { ...SINK_PLAY, id: "f", fork: from.fork, carried });
}

describe("planFork", () => {
  it("carries nothing at version 0, and may begin with another input there", () => {
    expect(plan({ at: 0 })).toMatchObject({
      carried: [],
      dropped: [],
      input: SINK_INPUT,
      hasOtherInput: false,
    });
    expect(plan({ at: 0, input: { income: 1 } })).toMatchObject({
      input: { income: 1 },
      hasOtherInput: true,
    });
    expect(() => plan({ at: 1, input: {} })).toThrow(
      expect.objectContaining({ code: "FORK_REFUSED" }),
    );
    expect(() => plan({ at: newest + 1 })).toThrow(
      expect.objectContaining({ code: "VERSION_NOT_FOUND" }),
    );
  });

  it("at any version, begins with the state of that version, and ends as the parent did", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: newest }), (at) => {
        const from = plan({ at });
        expect(from.dropped).toEqual([]);
        const state = stateAt(parent.entries, at);
        const forked = playFork(from);
        expect(stateAt(forked.entries, from.carried.length).values).toEqual(state.values);
        expect(stateAt(forked.entries).values).toEqual(stateAt(parent.entries).values);
        expect(runReport(forked.entries).fork).toMatchObject({
          run: "p",
          version: at,
          seq: state.seq,
        });
        expect(parent.entries[from.fork.seq]?.hash).toBe(from.fork.hash);
      }),
    );
  });

  it("lets a carried value be followed back within the fork, and says where it is from", () => {
    const forked = playFork(plan({ at: newest }));
    const { nodes } = lineageOf(forked.entries, "risk");
    expect(keysOf(nodes)).toEqual(["income", "input", "risk", "score"]);
    expect(nodes.at(-1)).toMatchObject({ carriedFrom: { stream: "run/p" }, agent: "risker@1.0.0" });
  });

  it("drops what another agent replaces, and all that depends on it", () => {
    const other = agentOf("scorer", () => ({ score: 800 }), { version: "2.0.0" });
    const from = plan({ at: newest, agents: { score: other } });
    expect([...from.dropped].sort()).toEqual([
      "approval",
      "archived",
      "letter",
      "pause",
      "risk",
      "score",
    ]);
    expect(keysOf(from.carried)).toEqual(["checks", "income", "refine"]);
    expect(keysOf(from.skipped)).toEqual(["luxury"]);
    expect(stateAt(playFork(from).entries).values["score"]).toEqual({ score: 800 });
  });

  it("refuses agents that don't fit", () => {
    const unfit = { ...scoreAgent, output: { ...anything, name: "something-else" } };
    for (const agents of [{ nobody: scoreAgent }, { approval: scoreAgent }, { score: unfit }]) {
      expect(() => plan({ at: 1, agents })).toThrow(
        expect.objectContaining({ code: "FORK_REFUSED" }),
      );
    }
  });

  it("carries into another version of the workflow only what still stands there", () => {
    const gone = plan(
      { at: newest },
      edited((step) => (step.name === "income" ? undefined : step)),
    );
    expect(gone.dropped).toContain("income");
    expect(gone.dropped).toContain("risk");
    expect(keysOf(gone.carried)).toEqual(["checks", "refine", "score"]);
    const sleep = stepOf({ kind: "sleep", name: "checks", wake: { kind: "after", afterMs: 1 } });
    const other = plan(
      { at: newest },
      edited((step) => (step.name === "checks" ? sleep : step)),
    );
    expect([...other.dropped].sort()).toEqual(["approval", "checks", "refine"]);
  });

  it("computes anew what today needs more than it was computed from, or calls another agent", () => {
    const needy = plan(
      { at: newest },
      edited((step) => (step.name === "score" ? { ...step, needs: ["input", "pause"] } : step)),
    );
    expect(needy.dropped).toContain("score");
    const upgrade = agentOf("letterer", () => "", { version: "2.0.0" });
    const changed = edited((step) =>
      step.kind === "branch"
        ? { ...step, cases: new Map([["yes", { kind: "agent", agent: upgrade, input: () => 1 }]]) }
        : step,
    );
    expect([...plan({ at: newest }, changed).dropped].sort()).toEqual(["archived", "letter"]);
  });

  it("refuses another workflow", () => {
    const other = definitionOf("debit", sink.steps);
    expect(() => plan({ at: 0 }, other)).toThrow(expect.objectContaining({ code: "FORK_REFUSED" }));
  });

  it("lets agents with side effects act again only if that is asked for", () => {
    const acting = edited((step) =>
      step.kind === "agent" && step.name === "risk"
        ? { ...step, agent: { ...step.agent, sideEffects: true } }
        : step,
    );
    expect(() => plan({ at: 0 }, acting)).toThrow(
      expect.objectContaining({
        code: "FORK_REFUSED",
        details: { run: "p", steps: ["risk (risker@1.0.0)"] },
      }),
    );
    expect(plan({ at: 0, allowSideEffects: true }, acting).carried).toEqual([]);
    expect(plan({ at: newest }, acting).dropped).toEqual([]);
    const early = { ...acting, stepByName: acting.stepByName };
    const unfinished = parent.entries.slice(0, 2);
    expect(planFork(unfinished, early, { at: 0 }).carried).toEqual([]);
  });
});
