/** Agents of a simulation: fakes by name, or the real ones, each called on the simulation's time. */
import { BatonError } from "../../model/errors.ts";
import type {
  AgentContext,
  AgentDefinition,
  CompensationContext,
  ProbeContext,
} from "../../model/agent-definition.ts";
import type { Json } from "../../model/json.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { partsOf } from "../../model/workflow-parts.ts";
import { exchange } from "./exchange.ts";

/** An agent that answers from a script: its n-th attempt with the n-th answer, the last again and again. An `Error` is thrown. */
export interface ScriptedAgent {
  readonly answers: readonly unknown[];
  /** How long it takes, or from and to, in virtual milliseconds; 1 to 2,000 if left out. */
  readonly latencyMs?: number | readonly [number, number];
}

/**
 * Stands for an agent in a simulation: a function in the place of `execute`, or a script. It must answer by its input and
 * place (run, path, turn, attempt) alone: what it remembers from call to call makes runs end differently with no fault of theirs.
 */
export type AgentFake =
  // Whoever writes a fake says of what type its input is; what it is handed has passed its agent's contract.
  ((input: never, context: AgentContext) => unknown) | ScriptedAgent;

export interface Executing {
  readonly agent: AgentDefinition;
  readonly input: Json;
  readonly latencyMs: readonly [number, number];
  readonly context: AgentContext;
  readonly execute: (context: AgentContext) => unknown;
}

export interface Undoing {
  readonly agent: AgentDefinition;
  readonly input: Json;
  readonly context: CompensationContext;
  readonly compensate: () => unknown;
}

/** A question about an attempt whose agent is a fake: only the simulation's own world outside can tell what it did. */
export interface Probing {
  readonly agent: AgentDefinition;
  readonly input: Json;
  readonly context: ProbeContext;
  /** What the attempt gave, or would have given. */
  readonly answer: () => unknown;
}

/** What the simulation does around each call. */
export interface CallAround {
  readonly execute: (call: Executing) => unknown;
  readonly probe: (call: Probing) => unknown;
  readonly compensate: (call: Undoing) => unknown;
}

const LATENCY_MS = [1, 2_000] as const;

/**
 * The workflows, and those nested in them, with every agent exchanged.
 * @throws BatonError ARGUMENT_INVALID for an agent with side effects and no fake, or a fake that no agent is called by.
 */
export function withFakes(
  definitions: readonly WorkflowDefinition[],
  fakes: Readonly<Record<string, AgentFake>>,
  around: CallAround,
  ignoreUnknown = false,
): readonly WorkflowDefinition[] {
  const agents = new Set(definitions.flatMap((definition) => [...partsOf(definition).agents]));
  const known = new Set([...agents].map(({ name }) => name));
  const unknown = Object.keys(fakes).filter((name) => !known.has(name) && !ignoreUnknown);
  const real = [...agents].filter((each) => each.sideEffects && !Object.hasOwn(fakes, each.name));
  if (unknown.length > 0 || real.length > 0) {
    const problems = [
      ...unknown.map(
        (name) => `No agent of ${definitions.map(({ id }) => id).join(", ")} is called ${name}.`,
      ),
      ...real.map(({ name }) => `${name} acts on the outside world, and has no fake.`),
    ];
    throw new BatonError("ARGUMENT_INVALID", problems.join(" "), {
      hint: "Give a fake for each agent with side effects, by its name.",
      details: { problems },
    });
  }
  const exchanged = new Map<AgentDefinition, AgentDefinition>();
  const choose = (agent: AgentDefinition): AgentDefinition => {
    const known = exchanged.get(agent);
    if (known !== undefined) return known;
    const made = faked(withFallback(agent, choose), fakes[agent.name], around);
    exchanged.set(agent, made);
    return made;
  };
  const done = new Map<WorkflowDefinition, WorkflowDefinition>();
  return definitions.map((definition) => exchange(definition, choose, done));
}

/** The agent that stands in for another while its breaker is open is one of the simulation's, too. */
function withFallback(
  agent: AgentDefinition,
  choose: (agent: AgentDefinition) => AgentDefinition,
): AgentDefinition {
  const { breaker } = agent;
  if (breaker?.whenOpen.kind !== "fallback") return agent;
  const whenOpen = { kind: "fallback", agent: choose(breaker.whenOpen.agent) } as const;
  return { ...agent, breaker: { ...breaker, whenOpen } };
}

function faked(
  agent: AgentDefinition,
  fake: AgentFake | undefined,
  around: CallAround,
): AgentDefinition {
  const scripted = typeof fake === "object" ? fake : undefined;
  const { latencyMs = LATENCY_MS } = scripted ?? {};
  const answer = (input: Parameters<AgentDefinition["execute"]>[0], context: AgentContext) => {
    if (scripted !== undefined) return scriptedAnswer(scripted, context.attempt);
    // See AgentFake: the fake's author answers for the type.
    return typeof fake === "function"
      ? fake(input as never, context)
      : agent.execute(input, context);
  };
  const { compensate } = agent;
  const undone: Pick<AgentDefinition, "compensate"> =
    compensate === undefined
      ? {}
      : {
          compensate: (input, output, context) =>
            around.compensate({
              agent,
              input,
              context,
              // What a fake did needs no undoing; the real thing must not be undone for it.
              compensate: () =>
                fake === undefined ? compensate(input, output, context) : undefined,
            }),
        };
  const probed: Pick<AgentDefinition, "probe"> =
    agent.probe === undefined || fake === undefined
      ? {}
      : {
          probe: (input, context) =>
            around.probe({
              agent,
              input,
              context,
              answer: () => answer(input, remembered(context)),
            }),
        };
  return {
    ...agent,
    ...undone,
    ...probed,
    execute: (input, context) =>
      around.execute({
        agent,
        input,
        latencyMs: typeof latencyMs === "number" ? [latencyMs, latencyMs] : latencyMs,
        context,
        execute: (seen) => answer(input, seen),
      }),
  };
}

/** The context of an attempt that is only remembered: all that it did is done. */
function remembered(context: ProbeContext): AgentContext {
  const { signal, run, path, turn, attempt, idempotencyKey, traceparent, log } = context;
  return {
    traceparent,
    signal,
    run,
    path,
    turn,
    attempt,
    idempotencyKey,
    log,
    feedback: [],
    once: async (_, effect) => await effect(),
    usage: () => {},
    deadline: undefined,
    remainingMs: () => undefined,
    heartbeat: () => {},
    lastProgress: undefined,
    stream: () => {},
  };
}

function scriptedAnswer({ answers }: ScriptedAgent, attempt: number): unknown {
  const answer = answers[Math.min(attempt, answers.length) - 1];
  if (answer instanceof Error) throw answer;
  return answer;
}
