import { expect, test } from "vitest";
import { isBatonError } from "../model/errors.ts";
import { checkConfig, defineConfig } from "./config.ts";

const WORKFLOW = { name: "w", version: "1.0.0", id: "w@1.0.0", steps: [] };

function problemsOf(value: unknown): unknown {
  try {
    checkConfig(value, "baton.config.ts");
  } catch (error) {
    if (isBatonError(error, "CONFIG_INVALID")) return error.details["problems"];
    throw error;
  }
  return [];
}

test("a config is taken as it is", () => {
  const config = defineConfig({ workflows: [], store: "a.db", limits: { mapWidthMax: 5 } });
  expect(checkConfig(config, "baton.config.ts")).toBe(config);
});

test("every problem is listed at once", () => {
  const config = {
    store: 7,
    namespace: "",
    workflows: [WORKFLOW, { name: "x" }, WORKFLOW],
    agents: {},
    bus: {},
    group: "",
    prices: [],
    limits: { mapWidthMax: -1 },
    tracing: {},
    log: Promise.resolve(() => {}),
    registry: {},
    admission: "yes",
    principal: "",
    answers: "yes",
    workflow: [],
  };
  expect(problemsOf(config)).toEqual([
    "store: expected a path or a store such as sqlite(path)",
    "namespace: expected text that is not empty",
    "workflows[1]: expected a workflow: what workflow(...).output(...) gives",
    "workflows[2]: w@1.0.0 is there twice",
    "agents: expected a list",
    "bus: expected a bus such as nats({ ... })",
    "group: expected text that is not empty",
    "prices: expected a price table",
    "limits.mapWidthMax: expected a whole number above 0",
    "tracing: expected what otel(...) or mlflow(...) gives",
    "log: expected a function from a log line, such as await otelLog(...)",
    "registry: expected what embeddedRegistry(...) or unityCatalog(...) gives",
    "admission: expected true or false",
    "principal: expected text that is not empty",
    "answers: expected a function from a question to an answer",
    "workflow: unknown field; there are store, namespace, workflows, agents, topics, bus, group, prices, limits, tracing, log, registry, admission, principal, answers, simulation",
  ]);
});

test.for([undefined, null, [], "x", () => ({})])("%j is no config", (value) => {
  expect(problemsOf(value)).toEqual(["it must default-export defineConfig({ workflows: [...] })"]);
});

test("workflows can't be left out", () => {
  expect(problemsOf({})).toEqual(["workflows: missing; expected a list of workflows"]);
});

test("what a simulation needs is checked as well", () => {
  const simulation = { inputs: { w: [] }, agents: { a: 7 }, answers: [], seeds: 3 };
  expect(problemsOf({ workflows: [WORKFLOW], simulation })).toEqual([
    "simulation.seeds: unknown field; there are inputs, agents, answers",
    "simulation.inputs.w: expected a list that is not empty",
    "simulation.agents.a: expected a function, or { answers: [...] }",
    "simulation.answers: expected answers by step",
  ]);
  expect(problemsOf({ workflows: [], simulation: { inputs: { w: [1] } } })).toEqual([]);
});
