/**
 * What is wrong with workflows, or likely to go wrong, as far as it can be proven without running them.
 *
 * A workflow that could be built has passed the checks of the builder. These are the ones that need several definitions at
 * once, or that are advice rather than a rule.
 */
import type { AgentDefinition } from "../model/agent-definition.ts";
import { compatibility } from "../model/compatibility.ts";
import type { AnyContract } from "../model/contract.ts";
import { compareVersions } from "../model/naming.ts";
import type { AgentStep, View, WorkflowDefinition } from "../model/workflow-definition.ts";
import { agentsOf, fallbackOf, partsOf } from "../model/workflow-parts.ts";

export interface Finding {
  /** `error`: will fail. `warning`: likely to hurt. `note`: for information; can't be decided without running. */
  readonly severity: "error" | "warning" | "note";
  readonly rule:
    | "unreachable"
    | "unread"
    | "contracts"
    | "identity"
    | "compensation"
    | "pivot"
    | "timeout"
    | "delivery"
    | "idempotency";
  /** The agent, contract, or `workflow step`. */
  readonly where: string;
  readonly message: string;
}

/** How tangled a workflow could be, and how tangled it is. */
export interface LinkCount {
  readonly workflow: string;
  readonly steps: number;
  /** n(n-1)/2: where every step may touch the others' data, each pair is a link that can go wrong. */
  readonly possible: number;
  /** Pairs of steps of which one reads the other: the links that the graph has. */
  readonly actual: number;
}

export interface CheckReport {
  readonly findings: readonly Finding[];
  readonly links: readonly LinkCount[];
}

/** Checks workflows, and agents that none of them uses. */
export function checkDefinitions(
  workflows: readonly WorkflowDefinition[],
  agents: readonly AgentDefinition[],
): CheckReport {
  const parts = workflows.map(partsOf);
  const nested = [...new Set(parts.flatMap((each) => [...each.workflows]))];
  const all = [...new Set([...agents, ...parts.flatMap((each) => [...each.agents])])];
  const contracts = [
    ...parts.flatMap((each) => [...each.contracts]),
    ...all.flatMap(({ input, output }) => [input, output]),
  ];
  const isBounded = boundedAgents(nested);
  const findings = [
    ...nested.flatMap(stepFindings),
    ...nested.flatMap(handoffFindings),
    ...nested.flatMap(pivotFindings),
    ...identityFindings(all),
    ...all.filter(firstOfItsId).flatMap((agent) => agentFindings(agent, isBounded)),
    ...contractFindings([...new Set(contracts)]),
  ];
  const order = { error: 0, warning: 1, note: 2 };
  return {
    findings: findings.toSorted((a, b) => order[a.severity] - order[b.severity]),
    links: nested.map(countLinks),
  };
}

function countLinks(workflow: WorkflowDefinition): LinkCount {
  const n = workflow.steps.length;
  const actual = workflow.steps.reduce(
    (sum, step) => sum + new Set(step.needs.filter((key) => key !== "input")).size,
    0,
  );
  return { workflow: workflow.id, steps: n, possible: (n * (n - 1)) / 2, actual };
}

function stepFindings(workflow: WorkflowDefinition): readonly Finding[] {
  const findings: Finding[] = [];
  const before = new Set(["input"]);
  const used = usedByOutput(workflow);
  for (const step of workflow.steps) {
    const where = `${workflow.id} ${step.name}`;
    const missing = step.needs.filter((key) => !before.has(key));
    before.add(step.name);
    if (missing.length > 0) {
      findings.push({
        severity: "error",
        rule: "unreachable",
        where,
        message: `It needs ${missing.join(", ")}, which nothing before it gives: it can never begin.`,
      });
    }
    // What a subscription gives goes to whoever takes its events.
    if (step.kind === "subscription") continue;
    if ((workflow.dependents.get(step.name) ?? []).length === 0 && !used.has(step.name)) {
      findings.push({
        severity: "note",
        rule: "unread",
        where,
        message:
          "No step reads it, and output() was not seen to: if it isn't there for its effect, it could be left out.",
      });
    }
  }
  return findings;
}

/**
 * Keys that output() reads, found by calling it with a state in which nothing has a value. A key that it reads only for
 * certain values may be missed, which is why nothing worse than a note follows from this.
 */
function usedByOutput(workflow: WorkflowDefinition): ReadonlySet<string> {
  const used = new Set<string>();
  const every = Object.freeze(["input", ...workflow.steps.map((step) => step.name)]);
  const view = new Proxy<View>(
    {},
    {
      get: (_, key) => {
        if (typeof key === "string") used.add(key);
        return undefined;
      },
      ownKeys: () => {
        for (const key of every) used.add(key);
        return [];
      },
    },
  );
  try {
    workflow.project(view);
  } catch {
    // It wanted a value to be there; what it had read until then counts.
  }
  return used;
}

/** Steps behind a pivot whose agents could be undone, and never are: the run only goes forward there. */
function pivotFindings(workflow: WorkflowDefinition): readonly Finding[] {
  const { steps } = workflow;
  const behind = new Map<string, string>();
  for (const { name, needs, pivot } of steps) {
    const before = needs.map((need) => behind.get(need)).find((each) => each !== undefined);
    const isBehind = before ?? (pivot === true ? name : undefined);
    if (isBehind !== undefined) behind.set(name, isBehind);
  }
  // Back to a savepoint that is behind the pivot, or is the pivot itself, things are undone all the same.
  if (steps.some(({ name, savepoint }) => savepoint !== undefined && behind.has(name))) return [];
  return steps.flatMap((step) => {
    const pivot = behind.get(step.name);
    if (pivot === undefined || pivot === step.name) return [];
    return agentsOf(step)
      .filter(({ compensate }) => compensate !== undefined)
      .map(({ id }) => ({
        severity: "warning" as const,
        rule: "pivot" as const,
        where: `${workflow.id} ${step.name}`,
        message: `${id} has \`compensate\`, and is never undone here: once ${pivot} is sealed the run only goes forward.`,
      }));
  });
}

/**
 * Handoffs whose producer and consumer name the same contract in different versions. Where the names differ, a mapping
 * stands between them, and only running it can tell.
 */
function handoffFindings(workflow: WorkflowDefinition): readonly Finding[] {
  return workflow.steps
    .filter((step): step is AgentStep => step.kind === "agent")
    .flatMap((step) => step.needs.flatMap((key) => handoffFinding(workflow, step, key)));
}

function handoffFinding(
  workflow: WorkflowDefinition,
  step: AgentStep,
  key: string,
): readonly Finding[] {
  const producer = producedBy(workflow, key);
  const consumer = step.agent.input;
  if (
    producer === undefined ||
    producer.name !== consumer.name ||
    producer.version === consumer.version
  )
    return [];
  const { verdict, problems } = compatibility(producer, consumer, "backward");
  if (verdict === "ok") return [];
  const reasons = problems.map((problem) => `${problem.path || "/"}: ${problem.message}`).join(" ");
  const where = `${workflow.id} ${key} -> ${step.name}`;
  const message = `${key} gives ${producer.id}, ${step.name} takes ${consumer.id}. ${reasons}`;
  return [
    { severity: verdict === "broken" ? "error" : "warning", rule: "contracts", where, message },
  ];
}

function producedBy(workflow: WorkflowDefinition, key: string): AnyContract | undefined {
  if (key === "input") return workflow.input;
  const step = workflow.stepByName.get(key);
  if (step?.kind === "agent" || step?.kind === "repeat") return step.agent.output;
  if (step?.kind === "subflow") return step.workflow.output;
  return step?.kind === "signal" ? step.contract : undefined;
}

function identityFindings(agents: readonly AgentDefinition[]): readonly Finding[] {
  return agents
    .filter((agent, i) => !firstOfItsId(agent, i, agents))
    .map((agent) => ({
      severity: "error",
      rule: "identity",
      where: agent.id,
      message: "Two different agents have this name and version. Give one of them another version.",
    }));
}

function firstOfItsId<X extends { readonly id: string }>(
  one: X,
  i: number,
  all: readonly X[],
): boolean {
  return all.findIndex((other) => other.id === one.id) === i;
}

/** Whether every step that may call an agent has a deadline, of its own or of its workflow. One that no step calls has none. */
function boundedAgents(
  workflows: readonly WorkflowDefinition[],
): (agent: AgentDefinition) => boolean {
  const bounded = new Map<string, boolean>();
  for (const { steps, deadlineMs } of workflows) {
    for (const step of steps) {
      const isInTime = (step.deadlineMs ?? deadlineMs) !== undefined;
      for (const first of agentsOf(step)) {
        for (let each: typeof first | undefined = first; each; each = fallbackOf(each))
          bounded.set(each.id, isInTime && bounded.get(each.id) !== false);
      }
    }
  }
  return ({ id }) => bounded.get(id) === true;
}

function agentFindings(
  agent: AgentDefinition,
  isBounded: (agent: AgentDefinition) => boolean,
): readonly Finding[] {
  const findings: Finding[] = [];
  const where = agent.id;
  const isEnded = agent.timeoutMs !== undefined || agent.heartbeatMs !== undefined;
  if (!isEnded && !isBounded(agent)) {
    findings.push({
      severity: "warning",
      rule: "timeout",
      where,
      message:
        "It has no timeout, no heartbeat, and no deadline around it: an answer that never comes holds the run for ever.",
    });
  }
  if (!agent.sideEffects) return findings;
  if (agent.compensate === undefined) {
    findings.push({
      severity: "warning",
      rule: "compensation",
      where,
      message:
        "It acts on the outside world and has no `compensate`: when a later step fails, what it did stays done.",
    });
  }
  if (agent.delivery === "at-most-once") {
    if (agent.probe !== undefined || agent.nothingDone !== undefined) return findings;
    const message =
      "It is at-most-once: after any error that it throws a person is asked whether it acted. Give it a `probe`, or say with `nothingDone` which errors mean that it did not.";
    findings.push({ severity: "note", rule: "delivery", where, message });
  } else if (agent.retry.attempts > 1) {
    const message = `It acts on the outside world and is tried up to ${agent.retry.attempts} times: pass context.idempotencyKey to what it calls, wrap the effect in context.once, or make it at-most-once.`;
    findings.push({ severity: "note", rule: "idempotency", where, message });
  }
  return findings;
}

/** One version must be one thing, and each version should accept what the one before it accepted. */
function contractFindings(contracts: readonly AnyContract[]): readonly Finding[] {
  const findings: Finding[] = [];
  for (const name of new Set(contracts.map((contract) => contract.name))) {
    const ordered = contracts
      .filter((contract) => contract.name === name)
      .toSorted((a, b) => compareVersions(a.version, b.version));
    for (const [i, newer] of ordered.entries()) {
      const older = ordered[i - 1];
      if (older === undefined) continue;
      if (older.version === newer.version) {
        if (JSON.stringify(older.describe()) === JSON.stringify(newer.describe())) continue;
        findings.push({
          severity: "error",
          rule: "identity",
          where: newer.id,
          message:
            "Two different contracts have this name and version. Give one of them another version.",
        });
        continue;
      }
      const { verdict, problems } = compatibility(older, newer, "backward");
      if (verdict !== "broken") continue;
      const reasons = problems
        .map((problem) => `${problem.path || "/"}: ${problem.message}`)
        .join(" ");
      findings.push({
        severity: "note",
        rule: "contracts",
        where: name,
        message: `Version ${newer.version} refuses values that ${older.version} accepts. ${reasons}`,
      });
    }
  }
  return findings;
}
