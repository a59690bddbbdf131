import { expect, test } from "vitest";
import type { StepDefinition, WorkflowDefinition } from "../model/workflow-definition.ts";
import { edgesOf, layersOf, mermaidOf } from "./graph-text.ts";

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
  // The drawing reads names, steps and the input's id; a whole contract would say nothing more here.
  return {
    name: "w",
    version: "1.0.0",
    id: "w@1.0.0",
    input: { id: "in@1.0.0" },
    steps,
  } as unknown as WorkflowDefinition;
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

test("edges are what is read", () => {
  expect(edgesOf(DIAMOND)).toHaveLength(6);
  expect(edgesOf(DIAMOND)).toContainEqual({ from: "input", to: "c" });
});

test("Mermaid gets ids of our own, since step names may be its words, and labels without markup", () => {
  const text = mermaidOf(
    graph(step("end", ["input"]), step('a"<b>', ["end"])),
    new Map([["end", "sealed"]]),
  );
  expect(text).toContain('s0(["end<br/><small>sleep</small>"]):::sealed');
  expect(text).toContain("a&quot;&lt;b&gt;");
  expect(text).toContain("s0 --> s1");
  expect(text).toContain("classDef sealed");
});
