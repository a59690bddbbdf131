import { describe, expect, it } from "vitest";
import { z } from "zod";
import { agentOf, definitionOf, stepOf } from "../../test/support/definition-builder.ts";
import { journalOf, sealed, started } from "../../test/support/journal-builder.ts";
import { kitchenSink, SINK_INPUT, SINK_PLAY } from "../../test/support/kitchen-sink.ts";
import { play } from "../../test/support/played-run.ts";
import { contract } from "../model/contract.ts";
import type { Json } from "../model/json.ts";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";
import { carriedInputs, planFork } from "./fork.ts";
import { DIFFERENCES_MAX, replay } from "./replay.ts";

const sink = kitchenSink();
const { entries } = play(sink, SINK_INPUT, SINK_PLAY);
const strict = contract("strict", "1.0.0", z.object({ never: z.string() }));

type Edit = (step: StepDefinition) => StepDefinition | undefined;
const only =
  (name: string, edit: Edit): Edit =>
  (step) =>
    step.name === name ? edit(step) : step;

function today(edit: Edit, more: Partial<WorkflowDefinition> = {}): WorkflowDefinition {
  return definitionOf(
    "credit",
    sink.steps.flatMap((step) => edit(step) ?? []),
    more.project ?? sink.project,
    more,
  );
}

/** What replaying the kitchen sink under changed code finds, as `what path`. */
function found(edit: Edit, more: Partial<WorkflowDefinition> = {}): readonly string[] {
  return replay(entries, today(edit, more)).differences.map(({ what, path }) =>
    `${what} ${path}`.trim(),
  );
}

describe("replay", () => {
  it("finds nothing where the code is the same", () => {
    expect(replay(entries, kitchenSink())).toEqual({
      run: "r1",
      workflow: "credit@1.0.0",
      entries: entries.length,
      same: true,
      differences: [],
    });
  });

  it("finds nothing in unfinished, refused and forked runs under the same code", () => {
    expect(entries.map((_, end) => replay(entries.slice(0, end + 1), sink).same)).not.toContain(
      false,
    );
    const gentle = today(only("risk", (step) => ({ ...step, onRefused: { kind: "fail" } })));
    expect(replay(play(gentle, SINK_INPUT).entries, gentle).differences).toEqual([]);
    const from = planFork(entries, sink, { at: 4 });
    const forked = play(sink, SINK_INPUT, {
      ...SINK_PLAY,
      id: "f",
      fork: from.fork,
      carried: carriedInputs(from),
    });
    expect(replay(forked.entries, sink).differences).toEqual([]);
  });

  it("says at which entry, and shows both sides", () => {
    const changed = today(
      only("letter", (step) => (step.kind === "branch" ? { ...step, choose: () => "no" } : step)),
    );
    const opened = entries.find(
      ({ entry }) => entry.kind === "step.opened" && entry.path === "letter",
    );
    expect(replay(entries, changed).differences[0]).toEqual({
      seq: opened?.entry.seq,
      path: "letter",
      what: "branch",
      message: "Today another case would be chosen.",
      recorded: "yes",
      today: "no",
    });
  });

  const cases: readonly (readonly [string, Edit, readonly string[]])[] = [
    [
      "another input of an agent",
      only("score", (step) => (step.kind === "agent" ? { ...step, input: () => 1 } : step)),
      ["inputHash score", "inputHash score"],
    ],
    [
      "an input mapping that throws",
      only("score", (step) =>
        step.kind === "agent"
          ? {
              ...step,
              input: () => {
                throw new Error("no");
              },
            }
          : step,
      ),
      ["requirement score", "requirement score"],
    ],
    [
      "an agent of another version",
      only("score", (step) =>
        step.kind === "agent" ? { ...step, agent: { ...step.agent, id: "scorer@2.0.0" } } : step,
      ),
      ["agent score", "agent score"],
    ],
    [
      "an input contract that refuses",
      only("income", (step) =>
        step.kind === "agent" ? { ...step, agent: { ...step.agent, input: strict } } : step,
      ),
      ["requirement income", "requirement income"],
    ],
    [
      "an output contract that refuses",
      only("income", (step) =>
        step.kind === "agent" ? { ...step, agent: { ...step.agent, output: strict } } : step,
      ),
      ["contract income"],
    ],
    [
      "fewer attempts",
      only("income", (step) =>
        step.kind === "agent"
          ? { ...step, agent: { ...step.agent, retry: { ...step.agent.retry, attempts: 1 } } }
          : step,
      ),
      ["retry income"],
    ],
    [
      "a condition that no longer holds",
      only("income", (step) => ({ ...step, when: () => false })),
      ["skipped income"],
    ],
    [
      "a condition that now holds",
      only("luxury", (step) => ({ ...step, when: () => true })),
      ["skipped luxury"],
    ],
    [
      "a requirement that no longer refuses",
      only("risk", (step) => ({ ...step, requires: [] })),
      ["requirement risk"],
    ],
    [
      "a requirement that refuses what passed",
      only("income", (step) => ({ ...step, requires: [{ name: "never", holds: () => false }] })),
      ["requirement income"],
    ],
    [
      "another policy after a refusal",
      only("risk", (step) => ({ ...step, onRefused: { kind: "skip" } })),
      ["requirement risk"],
    ],
    [
      "a list of another length",
      only("checks", (step) => (step.kind === "map" ? { ...step, over: () => [1] } : step)),
      ["width checks"],
    ],
    [
      "a list of other items",
      only("checks", (step) => (step.kind === "map" ? { ...step, over: () => [1, 2, 4] } : step)),
      ["width checks"],
    ],
    [
      "other inputs of items",
      only("checks", (step) =>
        step.kind === "map"
          ? { ...step, input: (item: Json, index: number) => (index === 1 ? 0 : item) }
          : step,
      ),
      ["inputHash checks[1]"],
    ],
    [
      "a repeat that ends earlier",
      only("refine", (step) =>
        step.kind === "repeat" ? { ...step, until: (output) => Number(output) >= 4 } : step,
      ),
      ["until refine#2"],
    ],
    [
      "a repeat that would go on",
      only("refine", (step) => (step.kind === "repeat" ? { ...step, until: () => false } : step)),
      ["until refine"],
    ],
    [
      "a smaller limit of a repeat",
      only("refine", (step) => (step.kind === "repeat" ? { ...step, limit: 2 } : step)),
      ["until refine#2"],
    ],
    [
      "another time to wake",
      only("pause", (step) =>
        step.kind === "sleep"
          ? { ...step, wake: { kind: "at", at: () => "2028-01-01T00:00:00.000Z" } }
          : step,
      ),
      ["timer pause"],
    ],
    [
      "something else to approve",
      only("approval", (step) =>
        step.kind === "approval" ? { ...step, show: () => "trust me" } : step,
      ),
      ["shown approval"],
    ],
    [
      "a step of another kind",
      only("pause", () =>
        stepOf({ kind: "signal", name: "pause", contract: strict, onTimeout: { kind: "fail" } }),
      ),
      ["step pause", "contract pause"],
    ],
    [
      "a step that acts before what it needs",
      only("score", (step) => ({ ...step, needs: ["input", "pause"] })),
      ["order score", "order score"],
    ],
  ];

  it.each(cases)("finds %s", (_name, edit, expected) => {
    const differences = found(edit, { project: () => entries.at(-1)?.value });
    expect(differences).toEqual(expected);
  });

  it("finds steps that are gone, and steps that are new", () => {
    const project = () => entries.at(-1)?.value;
    expect(
      found(
        only("luxury", () => undefined),
        { project },
      ),
    ).toEqual(["step luxury"]);
    const more = definitionOf(
      "credit",
      [...sink.steps, stepOf({ kind: "sleep", name: "nap", wake: { kind: "after", afterMs: 1 } })],
      project,
    );
    expect(replay(entries, more).differences).toMatchObject([
      { what: "step", path: "nap", seq: entries.length - 1 },
    ]);
  });

  it("finds another version, input contract and output", () => {
    const same: Edit = (step) => step;
    expect(found(same, { version: "2.0.0" })).toEqual(["workflow"]);
    expect(found(same, { input: strict })).toEqual(["contract"]);
    expect(found(same, { project: () => 1 })).toEqual(["output"]);
    expect(found(same, { output: strict })).toEqual(["output"]);
  });

  it("stops listing after the first thousand", () => {
    const width = DIFFERENCES_MAX + 50;
    const wide = play(sink, {
      ...SINK_INPUT,
      documents: Array.from({ length: width }, (_, index) => index),
    });
    const changed = today(
      only("checks", (step) => (step.kind === "map" ? { ...step, input: () => -1 } : step)),
    );
    expect(replay(wide.entries, changed).differences).toHaveLength(DIFFERENCES_MAX);
  });

  it("judges timeouts by today's default", () => {
    const wait = (value: number) =>
      definitionOf("credit", [
        stepOf({
          kind: "signal",
          name: "ok",
          contract: strict,
          timeoutMs: 5,
          onTimeout: { kind: "value", value },
        }),
      ]);
    const timedOut = play(wait(1), 0);
    expect(replay(timedOut.entries, wait(1)).differences).toEqual([]);
    expect(replay(timedOut.entries, wait(2)).differences.map(({ what }) => what)).toEqual([
      "timer",
    ]);
  });

  it("reads journals of code that is quite different", () => {
    const { entries: strange } = journalOf([
      started(1),
      sealed("a", 1, { input: 0 }),
      sealed("b", 2, { a: 1 }),
    ]);
    const other = definitionOf("credit", [
      stepOf({ kind: "agent", name: "b", agent: agentOf("b", () => 1), input: () => 1 }),
    ]);
    expect(replay(strange, other).differences.map(({ what, path }) => `${what} ${path}`)).toEqual([
      "step a",
    ]);
  });
});
