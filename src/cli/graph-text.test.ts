import { expect, test } from "vitest";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";
import { layersOf, mermaidOf } from "./graph-text.ts";

function step(name: string, needs: readonly string[]): StepDefinition {
  return {
    kind: "sleep",
    name,
    needs,
    requires: [],
    onRefused: { kind: "fail" },
    wake: { kind: "after", afterMs: 1 },
  };
}

function graph(...steps: readonly StepDefinition[]): WorkflowDefinition {
  const stepByName = new Map(steps.map((each) => [each.name, each]));
  const parts = { name: "w", version: "1.0.0", id: "w@1.0.0", steps, stepByName };
  // The drawing reads names, steps and who depends on whom; contracts would say nothing more here.
  return { ...parts, dependents: new Map() } as unknown as WorkflowDefinition;
}

const DIAMOND = graph(
  step("a", ["input"]),
  step("b", ["a"]),
  step("c", ["a", "input"]),
  step("end", ["b", "c"]),
  step("alone", []),
);

test("a step stands below everything that it reads, directly or not", () => {
  expect(layersOf(DIAMOND).map((layer) => layer.map((each) => each.name))).toEqual([
    ["a", "alone"],
    ["b", "c"],
    ["end"],
  ]);
});

test("Mermaid gets ids of our own, since step names may be its words, and labels without markup", () => {
  const text = mermaidOf(
    graph(step("end", ["input"]), step('a"<b>', ["end"])),
    new Map([["end", "sealed"]]),
  );
  expect(text).toContain('n1(["end<br/><small>sleep</small>"]):::sealed');
  expect(text).toContain("a&quot;&lt;b&gt;");
  expect(text).toContain("n1 --> n2");
  expect(text).toContain("classDef sealed");
});
