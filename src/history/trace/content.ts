/**
 * What agents were given and what came out, with sensitive fields masked. The journal has outputs, and of inputs only their
 * hashes: they are computed again by the run's code, and shown only where the hash says that they are the same.
 */
import { evolve } from "../../decide/evolve.ts";
import { tryInput } from "../../decide/handoff.ts";
import { parsePath } from "../../decide/path.ts";
import { type Call, calledOf, callOf } from "../../decide/step-call.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { AgentDefinition } from "../../model/agent-definition.ts";
import type { AnyContract } from "../../model/contract.ts";
import type { Fact } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { Limits } from "../../model/limits.ts";
import { newRun, type Run } from "../../model/run.ts";
import { masked } from "../../model/sensitive.ts";
import type { StepDefinition, WorkflowDefinition } from "../../model/workflow-definition.ts";
import { partsOf } from "../../model/workflow-parts.ts";

/** Finds the contract under which an event was published; undefined where this process does not have it. */
export type TopicContracts = (
  topic: string,
  contract: string,
) => Pick<AnyContract, "sensitive"> | undefined;

/** The values of one run. Each entry is shown to `after` once, when all was asked of it. */
export interface Content {
  readonly runInput: (value: Json) => Json;
  /** Undefined where nothing says which of its fields are sensitive. */
  readonly runOutput: (value: Json) => Json | undefined;
  /** What the agent was given whose attempt this is; undefined where that can't be told any more. */
  readonly input: (fact: Fact) => Json | undefined;
  readonly output: (fact: Fact, value: Json) => Json | undefined;
  readonly event: (topic: string, contract: string, value: Json) => Json | undefined;
  readonly after: (fact: Fact) => void;
}

/** A call of an agent, by the entry that has its end. */
export interface EndedCall {
  readonly run: Run;
  readonly step: StepDefinition;
  readonly call: Call;
  readonly fact: Fact;
  readonly path: string;
  /** Of the canonical JSON of its input. */
  readonly inputHash: string;
}

/** Where inputs come from, with nothing masked. `marks` is what will be. */
export type InputOf = (ended: EndedCall, marks: () => readonly string[]) => Json | undefined;

/** The content of a run of `definition`, which is the code that the run is pinned to. */
export function contentOf(
  id: string,
  definition: WorkflowDefinition,
  limits: Limits,
  { topics, inputOf }: { readonly topics: TopicContracts; readonly inputOf: InputOf },
): Content {
  const run = newRun(id, definition, limits);
  // What follows from an entry that the code can't follow would be wrong: nothing more is shown of the run.
  let lost = false;
  const agentsAt = (fact: Fact): readonly AgentDefinition[] => {
    const { path = "" } = fact;
    const step = definition.stepByName.get(parsePath(path).step);
    const own = step === undefined || lost ? undefined : callOf(run, step, path)?.agent;
    if (own === undefined) return [];
    const called = calledOf(own, fact.agent);
    return called === own ? [own] : [own, called];
  };
  return {
    runInput: (value) => masked(value, definition.input.sensitive),
    runOutput: (value) => {
      if (definition.output !== undefined) return masked(value, definition.output.sensitive);
      return marksNothing(definition) ? value : undefined;
    },
    input: (fact) => {
      const { path = "", inputHash } = fact;
      const step = definition.stepByName.get(parsePath(path).step);
      const call = step === undefined || lost ? undefined : callOf(run, step, path);
      if (step === undefined || call === undefined || inputHash === undefined) return undefined;
      const marks = () => agentsAt(fact).flatMap((agent) => agent.input.sensitive);
      const value = inputOf({ run, step, call, fact, path, inputHash }, marks);
      return value === undefined ? undefined : masked(value, marks());
    },
    output: (fact, value) => {
      const agents = agentsAt(fact);
      if (agents.length === 0) return undefined;
      return masked(
        value,
        agents.flatMap((agent) => agent.output.sensitive),
      );
    },
    event: (topic, contract, value) => {
      const known = topics(topic, contract);
      return known === undefined ? undefined : masked(value, known.sensitive);
    },
    after: (fact) => {
      if (lost) return;
      try {
        evolve(run, fact);
      } catch {
        lost = true;
      }
    },
  };
}

/** The input of a call, by the functions of its workflow. */
export function computedInput({ call, path, inputHash }: EndedCall): Json | undefined {
  const input = tryInput(call.agent.input, `input of ${path}`, call.map);
  if (!input.ok || sha256Hex(canonicalJson(input.value)) !== inputHash) return undefined;
  return input.value;
}

const unmarked = new WeakMap<WorkflowDefinition, boolean>();

/** Whether no contract of a workflow marks anything: what its run gives has nothing of theirs then. */
function marksNothing(definition: WorkflowDefinition): boolean {
  let known = unmarked.get(definition);
  if (known === undefined) {
    known = [...partsOf(definition).contracts].every(({ sensitive }) => sensitive.length === 0);
    unmarked.set(definition, known);
  }
  return known;
}
