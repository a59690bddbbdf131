/**
 * The user's `baton.config.ts`: which workflows there are, and where their journals are kept.
 */
import type { PriceTable } from "../engine/usage.ts";
import type { AgentDefinition } from "../model/agent-definition.ts";
import { BatonError } from "../model/errors.ts";
import type { Json } from "../model/json.ts";
import type { Limits } from "../model/limits.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { BusFactory } from "../ports/bus.ts";
import type { StoreFactory } from "../ports/journal-store.ts";
import type { LogSink } from "../ports/log-sink.ts";
import type { RegistryFactory } from "../ports/registry.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { AgentFake, SimulatedAnswer } from "../testing/testing.ts";

/** An approval that waits, as an answering policy sees it. */
export interface Question {
  readonly run: string;
  readonly step: string;
  /** What a person would be shown. */
  readonly shown: Json | undefined;
}

export interface Answer {
  readonly approved: boolean;
  readonly reason?: string;
}

/**
 * Answers approvals in batch mode; undefined leaves the question to a person. Its answers are journalled as given by
 * `{ kind: "program", id: "policy" }`.
 */
export type AnsweringPolicy = (question: Question) => Answer | undefined;

/** What `baton simulate` needs to know. */
export interface SimulationConfig {
  /** By workflow, its name or `name@version`: the inputs to choose from. */
  readonly inputs: Readonly<Record<string, readonly unknown[]>>;
  /** By name, what stands for an agent; one with side effects must have a fake. */
  readonly agents?: Readonly<Record<string, AgentFake>>;
  /** By step, what approvals and awaited signals are answered. */
  readonly answers?: Readonly<Record<string, SimulatedAnswer>>;
}

export interface BatonConfig {
  /** A SQLite file (relative to the config's folder) or any store; `.baton/baton.db` if left out. */
  readonly store?: string | StoreFactory;
  readonly namespace?: string;
  readonly workflows: readonly WorkflowDefinition[];
  /** Agents beside those of the workflows: earlier versions, and those to fork with. */
  readonly agents?: readonly AgentDefinition[];
  /** Topics that no workflow names, to publish to and to list. */
  readonly topics?: readonly TopicDefinition[];
  /** A bus outside of the store, such as `nats({ ... })` of `baton/nats`. */
  readonly bus?: BusFactory;
  /** Who this deployment is on the bus. */
  readonly group?: string;
  /** What the models cost, for the journal's usage records. */
  readonly prices?: PriceTable;
  readonly limits?: Partial<Limits>;
  /** Where traces go: `otel(...)` or `mlflow(...)` of `baton/otel`. */
  readonly tracing?: Tracing;
  /**
   * Where log lines go besides the terminal, on which warnings and errors are shown: `await otelLog(...)` of `baton/otel`, say.
   * Where it has `close`, a command that executes calls that at its end.
   */
  readonly log?: LogSink & { readonly close?: () => Promise<void> };
  /** Who may have what executed: `embeddedRegistry()`, or `unityCatalog({ ... })`. */
  readonly registry?: RegistryFactory;
  /** `false`: the registry is kept, and asked for nothing. */
  readonly admission?: boolean;
  /** For whom runs execute that don't say it themselves. */
  readonly principal?: string;
  readonly answers?: AnsweringPolicy;
  readonly simulation?: SimulationConfig;
}

/**
 * Gives the configuration back, checked by the compiler: the default export of `baton.config.ts`.
 * @example export default defineConfig({ workflows: [creditDecision] });
 */
export function defineConfig(config: BatonConfig): BatonConfig {
  return config;
}

const CHECKS: Readonly<Record<keyof BatonConfig, (value: unknown) => readonly string[]>> = {
  store: (value) =>
    isText(value) || typeof value === "function"
      ? []
      : ["store: expected a path or a store such as sqlite(path)"],
  namespace: (value) => (isText(value) ? [] : ["namespace: expected text that is not empty"]),
  workflows: (value) => {
    if (value === undefined) return ["workflows: missing; expected a list of workflows"];
    return listProblems(value, "workflows", "a workflow: what workflow(...).output(...) gives", [
      "name",
      "version",
      "id",
      "steps",
    ]);
  },
  agents: (value) =>
    listProblems(value, "agents", "an agent: what agent({...}) gives", [
      "name",
      "version",
      "id",
      "execute",
    ]),
  topics: (value) =>
    listProblems(value, "topics", "a topic: what topic(...) gives", ["name", "contract"], "name"),
  bus: (value) =>
    isRecord(value) && typeof value["open"] === "function"
      ? []
      : ["bus: expected a bus such as nats({ ... })"],
  group: (value) => (isText(value) ? [] : ["group: expected text that is not empty"]),
  prices: (value) => (isRecord(value) ? [] : ["prices: expected a price table"]),
  limits: (value) =>
    isRecord(value) ? limitProblems(value) : ["limits: expected an object of numbers"],
  tracing: (value) =>
    isRecord(value) && typeof value["open"] === "function"
      ? []
      : ["tracing: expected what otel(...) or mlflow(...) gives"],
  log: (value) =>
    typeof value === "function"
      ? []
      : ["log: expected a function from a log line, such as await otelLog(...)"],
  registry: (value) =>
    isRecord(value) && typeof value["open"] === "function"
      ? []
      : ["registry: expected what embeddedRegistry(...) or unityCatalog(...) gives"],
  admission: (value) => (typeof value === "boolean" ? [] : ["admission: expected true or false"]),
  principal: (value) => (isText(value) ? [] : ["principal: expected text that is not empty"]),
  answers: (value) =>
    typeof value === "function"
      ? []
      : ["answers: expected a function from a question to an answer"],
  simulation: (value) => simulationProblems(value),
};

/**
 * Checks what a config file exports.
 * @param from the file, for messages.
 * @throws BatonError CONFIG_INVALID with every problem in `details.problems`.
 */
export function checkConfig(value: unknown, from: string): BatonConfig {
  const problems = configProblems(value);
  if (problems.length > 0) {
    throw new BatonError(
      "CONFIG_INVALID",
      `${from} can't be used:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
      {
        details: { config: from, problems },
      },
    );
  }
  // Every field was checked above; what the functions do can't be.
  return value as BatonConfig;
}

function configProblems(value: unknown): readonly string[] {
  if (!isRecord(value)) return ["it must default-export defineConfig({ workflows: [...] })"];
  const problems: string[] = [];
  for (const [field, check] of Object.entries(CHECKS)) {
    if (value[field] !== undefined || field === "workflows") problems.push(...check(value[field]));
  }
  for (const field of Object.keys(value)) {
    if (!(field in CHECKS))
      problems.push(`${field}: unknown field; there are ${Object.keys(CHECKS).join(", ")}`);
  }
  return problems;
}

function listProblems(
  value: unknown,
  field: string,
  expected: string,
  marks: readonly string[],
  identity = "id",
): readonly string[] {
  if (!Array.isArray(value)) return [`${field}: expected a list`];
  const problems: string[] = [];
  const seen = new Set<unknown>();
  for (const [i, item] of value.entries()) {
    if (!isRecord(item) || marks.some((mark) => item[mark] === undefined)) {
      problems.push(`${field}[${i}]: expected ${expected}`);
    } else if (seen.has(item[identity])) {
      problems.push(`${field}[${i}]: ${String(item[identity])} is there twice`);
    } else {
      seen.add(item[identity]);
    }
  }
  return problems;
}

const SIMULATION_FIELDS = ["inputs", "agents", "answers"];

function simulationProblems(value: unknown): readonly string[] {
  if (!isRecord(value)) return ["simulation: expected an object with inputs"];
  const problems = Object.keys(value)
    .filter((field) => !SIMULATION_FIELDS.includes(field))
    .map(
      (field) => `simulation.${field}: unknown field; there are ${SIMULATION_FIELDS.join(", ")}`,
    );
  const { inputs, agents = {}, answers = {} } = value;
  if (!isRecord(inputs)) problems.push("simulation.inputs: expected lists of inputs by workflow");
  for (const [name, list] of Object.entries(isRecord(inputs) ? inputs : {})) {
    if (!Array.isArray(list) || list.length === 0)
      problems.push(`simulation.inputs.${name}: expected a list that is not empty`);
  }
  if (!isRecord(agents)) problems.push("simulation.agents: expected fakes by agent");
  for (const [name, fake] of Object.entries(isRecord(agents) ? agents : {})) {
    if (typeof fake !== "function" && !(isRecord(fake) && Array.isArray(fake["answers"])))
      problems.push(`simulation.agents.${name}: expected a function, or { answers: [...] }`);
  }
  if (!isRecord(answers)) problems.push("simulation.answers: expected answers by step");
  return problems;
}

function limitProblems(limits: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(limits)
    .filter(([, value]) => !(Number.isSafeInteger(value) && Number(value) > 0))
    .map(([name]) => `limits.${name}: expected a whole number above 0`);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
