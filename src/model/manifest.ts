/**
 * What pins a run, as data: the manifest, with every version and every policy that a decision depends on; and the graph, the
 * part of it that may not change while the workflow keeps its version.
 */
import type { AgentDefinition } from "./agent-definition.ts";
import type { BreakerPolicy } from "./breaker.ts";
import type { Budget } from "./budget.ts";
import type { AnyContract } from "./contract.ts";
import { type Json, type JsonObject, sealJson } from "./json.ts";
import type { BranchCase, StepDefinition, WorkflowDefinition } from "./workflow-definition.ts";
import { agentsOf, partsOf, topicsOf } from "./workflow-parts.ts";

/** Of the manifest and the graph; a reader of another format compares nothing. */
export const MANIFEST_FORMAT = 1;

/**
 * All that decides how a run goes, canonical: `{ format, workflow, workflows, agents, contracts }`, the last three by id.
 * `workflows` has the workflow itself and all that are nested in it, each with its steps in the order in which they were
 * written.
 */
export function manifestOf(definition: WorkflowDefinition): JsonObject {
  const { agents, contracts, workflows } = partsOf(definition);
  return sealed(definition, {
    format: MANIFEST_FORMAT,
    workflow: definition.id,
    workflows: byId(workflows, (each) => ({
      ...ends(each),
      ...policiesOf(each),
      ...limited(each),
      ...choreographyOf(each),
      steps: each.steps.map(pinnedStep),
    })),
    agents: byId(agents, pinnedAgent),
    contracts: byId(contracts, describedContract),
  });
}

/**
 * The part of a workflow that may not change under its version, canonical: `{ format, workflow, input, output, steps,
 * contracts }`. Agents are there by name, with the contracts between which they work: another version of an agent may take
 * over, another shape of the graph may not. Nested workflows are there by id: they have a graph of their own.
 */
export function graphOf(definition: WorkflowDefinition): JsonObject {
  const { steps, input, output } = definition;
  const contracts = new Set([
    input,
    ...(output === undefined ? [] : [output]),
    ...steps.flatMap(contractsOf),
  ]);
  return sealed(definition, {
    format: MANIFEST_FORMAT,
    workflow: definition.id,
    ...ends(definition),
    steps: Object.fromEntries(steps.map((step) => [step.name, graphStep(step)])),
    contracts: byId(contracts, describedContract),
  });
}

function sealed(definition: WorkflowDefinition, value: JsonObject): JsonObject {
  // An object that is sealed is a JSON object.
  return sealJson(value, `description of ${definition.id}`) as JsonObject;
}

function byId<X extends { readonly id: string }>(
  objects: Iterable<X>,
  describe: (object: X) => JsonObject,
): JsonObject {
  return Object.fromEntries([...objects].map((each) => [each.id, describe(each)]));
}

function ends({ input, output }: WorkflowDefinition): JsonObject {
  return { input: input.id, output: output?.id ?? null };
}

function policiesOf({ compensation, deadlineMs }: WorkflowDefinition): JsonObject {
  return {
    ...(compensation === undefined ? {} : { compensation }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}

function limited({ budgets, runBudget }: WorkflowDefinition): JsonObject {
  return {
    ...(budgets === undefined ? {} : { budgets: budgets.map(pinnedBudget) }),
    ...(runBudget === undefined ? {} : { runBudget: { ...runBudget } }),
  };
}

function describedContract({ jsonSchema, rules }: AnyContract): JsonObject {
  return { schema: jsonSchema ?? null, rules: rules.map(({ name }) => name) };
}

/** What of an agent decides how a run goes: its contracts and policies. */
export function pinnedAgent({
  input,
  output,
  retry,
  timeoutMs,
  sideEffects,
  compensate,
  compensateUnknown,
  breaker,
  budgets,
  maximum,
  delivery,
  onUnknown,
  probe,
  heartbeatMs,
}: AgentDefinition): JsonObject {
  return {
    input: input.id,
    output: output.id,
    attempts: retry.attempts,
    timeoutMs: timeoutMs ?? null,
    sideEffects,
    ...(compensate === undefined ? {} : { compensates: true }),
    ...(compensateUnknown === true ? { compensatesUnknown: true } : {}),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    ...(breaker === undefined ? {} : { breaker: pinnedBreaker(breaker) }),
    ...(budgets === undefined ? {} : { budgets: budgets.map(pinnedBudget) }),
    ...(maximum === undefined ? {} : { maximum: { ...maximum } }),
    ...(delivery === undefined
      ? {}
      : { delivery, onUnknown: onUnknown ?? "ask", probes: probe !== undefined }),
  };
}

/** The limit is not pinned: a budget is shared by runs of all versions, and is what its newest code says. */
function pinnedBudget({ name, whenSpent }: Budget): JsonObject {
  return { name, whenSpent };
}

/** The settings are not pinned: a breaker is shared by runs of all versions, and stands as its newest code says. */
function pinnedBreaker({ name, whenOpen }: BreakerPolicy): JsonObject {
  return {
    name,
    whenOpen: whenOpen.kind === "fallback" ? { fallback: whenOpen.agent.id } : whenOpen.kind,
  };
}

/** What the graph and the manifest say of every step. Needs are sorted: their order means nothing. */
function commonOf(step: StepDefinition): JsonObject {
  return {
    kind: step.kind,
    needs: [...step.needs].sort(),
    conditional: step.when !== undefined,
    requires: step.requires.map(({ name }) => name).sort(),
  };
}

function pinnedStep(step: StepDefinition): JsonObject {
  // The policy is plain data.
  const onRefused: JsonObject = { ...step.onRefused };
  // PINNED maps each kind to a function of that very kind; the correlation is lost through the index.
  const deadline = step.deadlineMs === undefined ? {} : { deadlineMs: step.deadlineMs };
  return {
    name: step.name,
    ...commonOf(step),
    onRefused,
    ...(step.savepoint === undefined ? {} : { savepoint: { ...step.savepoint } }),
    ...(step.pivot === undefined ? {} : { pivot: true }),
    ...deadline,
    ...PINNED[step.kind](step as never),
  };
}

type StepOf<K extends StepDefinition["kind"]> = Extract<StepDefinition, { readonly kind: K }>;

const PINNED: { readonly [K in StepDefinition["kind"]]: (step: StepOf<K>) => JsonObject } = {
  agent: ({ agent }) => ({ agent: agent.id }),
  map: ({ agent, concurrency, failures }) => ({ agent: agent.id, concurrency, failures }),
  branch: ({ cases }) => ({ cases: casesOf(cases, (agent) => agent.id) }),
  repeat: ({ agent, limit, atLimit }) => ({ agent: agent.id, limit, atLimit }),
  subflow: ({ workflow }) => ({ workflow: workflow.id }),
  sleep: ({ wake }) => ({ wake: wake.kind === "after" ? { afterMs: wake.afterMs } : "computed" }),
  approval: ({ timeoutMs, onTimeout, onDeclined, remindEveryMs }) => ({
    ...waiting(timeoutMs, remindEveryMs),
    onTimeout,
    ...(onDeclined === undefined ? {} : { onDeclined }),
  }),
  signal: ({ contract, timeoutMs, onTimeout, remindEveryMs }) => ({
    contract: contract.id,
    ...waiting(timeoutMs, remindEveryMs),
    onTimeout: { ...onTimeout },
  }),
  emit: ({ topic }) => ({ topic: topic.name, contract: topic.contract.id }),
  event: ({ topic, timeoutMs, onTimeout, remindEveryMs }) => ({
    topic: topic.name,
    contract: topic.contract.id,
    ...waiting(timeoutMs, remindEveryMs),
    onTimeout: { ...onTimeout },
  }),
  subscription: ({ target, onRefusal, onFailure, withinMs, onMissing, ...flow }) => ({
    ...flowOf(flow),
    ...(target.kind === "agent" ? { agent: target.agent.id } : { workflow: target.workflow.id }),
    onRefusal: onRefusal.kind,
    onFailure: onFailure.kind,
    ...(withinMs === undefined ? {} : { withinMs, onMissing: onMissing ?? "fail" }),
  }),
};

/** From which topics, by the names under which their data is seen, to which. */
function flowOf({
  topics,
  publishes,
}: Pick<StepOf<"subscription">, "topics" | "publishes">): JsonObject {
  return {
    takes: Object.fromEntries([...topics].map(([key, topic]) => [key, topic.name])),
    publishes: publishes.map(({ topic }) => topic.name),
  };
}

/** What makes a choreography of a workflow. */
function choreographyOf({ choreography }: WorkflowDefinition): JsonObject {
  if (choreography === undefined) return {};
  const { starts, ends, failsOn, topics, hopsMax, eventsMax } = choreography;
  return {
    choreography: {
      starts: starts.name,
      ends: ends?.name ?? null,
      failsOn: failsOn?.name ?? null,
      topics: Object.fromEntries(
        [...topics.values()].map(({ name, contract, key }) => [
          name,
          { contract: contract.id, keyed: key !== undefined },
        ]),
      ),
      hopsMax,
      eventsMax,
    },
  };
}

function waiting(timeoutMs: number | undefined, remindEveryMs: number | undefined): JsonObject {
  return { timeoutMs: timeoutMs ?? null, remindEveryMs: remindEveryMs ?? null };
}

function casesOf(
  cases: ReadonlyMap<string, BranchCase>,
  describe: (agent: AgentDefinition) => Json,
): JsonObject {
  return Object.fromEntries(
    [...cases].map(([key, each]) => [
      key,
      each.kind === "agent" ? { agent: describe(each.agent) } : { workflow: each.workflow.id },
    ]),
  );
}

function graphStep(step: StepDefinition): JsonObject {
  const common = commonOf(step);
  switch (step.kind) {
    case "agent":
    case "map":
    case "repeat":
      return { ...common, agent: named(step.agent) };
    case "branch":
      return { ...common, cases: casesOf(step.cases, named) };
    case "subflow":
      return { ...common, workflow: step.workflow.id };
    case "signal":
      return { ...common, contract: step.contract.id };
    case "emit":
    case "event":
      return { ...common, topic: step.topic.name };
    case "subscription":
      return {
        ...common,
        ...flowOf(step),
        ...(step.target.kind === "agent"
          ? { agent: named(step.target.agent) }
          : { workflow: step.target.workflow.id }),
      };
    case "sleep":
    case "approval":
      return common;
  }
}

/** An agent without its version. */
function named({ name, input, output }: AgentDefinition): JsonObject {
  return { name, input: input.id, output: output.id };
}

function contractsOf(step: StepDefinition): readonly AnyContract[] {
  switch (step.kind) {
    case "agent":
    case "map":
    case "repeat":
      return [step.agent.input, step.agent.output];
    case "branch":
      return [...step.cases.values()].flatMap((each) =>
        each.kind === "agent" ? [each.agent.input, each.agent.output] : [],
      );
    case "signal":
      return [step.contract];
    case "emit":
    case "event":
    case "subscription":
      return [
        ...agentsOf(step).flatMap(({ input, output }) => [input, output]),
        ...topicsOf(step).map(({ contract }) => contract),
      ];
    case "subflow":
    case "sleep":
    case "approval":
      return [];
  }
}
