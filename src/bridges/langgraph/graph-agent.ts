/** A graph of LangGraph as an agent. */
import { type Agent, agent, type AgentWork, type RetryOptions } from "../../model/agent.ts";
import { BatonError, type ErrorCode, isBatonError } from "../../model/errors.ts";
import type { Frozen } from "../../model/json.ts";
import { definitionInvalid } from "../../model/problems.ts";
import { retryUnless } from "../bridged-retry.ts";
import {
  type Graph,
  type GraphInput,
  type GraphValues,
  isCheckpointer,
  type RunningGraph,
  runningGraph,
  type StreamMode,
} from "./graph.ts";
import { graphTurn, threadOf, type TurnOptions } from "./graph-turn.ts";

/** How a graph is run, by an agent or by a workflow. */
export interface GraphRunOptions<G, I, O> {
  /** What the graph is begun with; the input as it is, if left out. */
  readonly begin?: (input: NoInfer<Frozen<I>>) => GraphInput<G>;
  /** What comes out, of the graph's state in the end; the state as it is, if left out, which must be JSON then. */
  readonly result?: (values: GraphValues<G>) => NoInfer<Frozen<O>>;
  /** What is streamed to whoever watches; `["updates", "custom"]` if left out. */
  readonly stream?: readonly StreamMode[];
  /** What the graph is run with besides: `recursionLimit`, `configurable`, `tags` and so on. Not the thread, which is the run's. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The model's name in the usage, where a message does not say it; `unknown` if left out. */
  readonly model?: string;
}

/** What {@link langgraphAgent} takes: what an agent takes, and how the graph is run. */
export type LanggraphAgentOptions<G, I, O> = Omit<AgentWork<I, O, Frozen<O>>, "execute"> &
  GraphRunOptions<G, I, O>;

/**
 * An agent that runs a compiled graph. Its thread is the call's: an attempt that is made again goes on from the graph's last
 * checkpoint, also in another process, and nodes that were done are not run again.
 *
 * A graph that asks by `interrupt()` fails with `INTERRUPT_UNANSWERED`; {@link langgraphWorkflow} asks a person.
 *
 * @throws BatonError `DEFINITION_INVALID`, also for a graph without a checkpointer, and for one with `interruptBefore` or `interruptAfter`
 * @example langgraphAgent(graph, { name: "researcher", version: "1.0.0", input: Question, output: Answer, timeout: "2m" })
 */
export function langgraphAgent<G extends Graph, I, O>(
  graph: G,
  options: LanggraphAgentOptions<G, I, O>,
): Agent<I, O> {
  const { begin, result, stream, config, model, ...work } = options;
  const run: GraphRunOptions<G, I, O> = definedOnly({ begin, result, stream, config, model });
  const running = checkedGraph(graph, `agent "${options.name}"`);
  return agent<I, O, Frozen<O>>({
    ...work,
    retry: graphRetry(options.retry),
    execute: async (input, context) => {
      const { values, questions } = await graphTurn(
        running,
        { thread: threadOf(context), ...turnOptions(run), begin: () => begun(run, input) },
        context,
      );
      if (questions.length > 0) throw unanswered(options.name, questions[0]?.value);
      return resultOf(run, values);
    },
  });
}

/** The graph, if it can be run here. @throws BatonError DEFINITION_INVALID */
export function checkedGraph(graph: Graph, what: string): RunningGraph {
  const { checkpointer, interruptBefore, interruptAfter } = graph;
  const problems: string[] = [];
  if (
    [interruptBefore, interruptAfter].some(
      (at) => at === "*" || (Array.isArray(at) && at.length > 0),
    )
  )
    problems.push(
      "The graph has `interruptBefore` or `interruptAfter`: nobody would answer. Call `interrupt()` in a node.",
    );
  if (isCheckpointer(checkpointer) && problems.length === 0)
    return runningGraph(graph, checkpointer);
  if (!isCheckpointer(checkpointer)) {
    problems.push(
      "The graph has no checkpointer: compile it with one, such as that of `langgraphJournal`.",
    );
  }
  throw definitionInvalid(what, problems);
}

type HowOptions = "stream" | "config" | "model";

/** How a turn is run, without where it begins. */
export function turnOptions({
  stream = ["updates", "custom"],
  config = {},
  model = "unknown",
}: Pick<GraphRunOptions<unknown, unknown, unknown>, HowOptions>): Pick<TurnOptions, HowOptions> {
  return { stream, config, model };
}

export function begun<G, I, O>({ begin }: GraphRunOptions<G, I, O>, input: Frozen<I>): unknown {
  // Nodes may change what they are given, as LangGraph lets them: a copy.
  return begin === undefined ? structuredClone(input) : begin(input);
}

export function resultOf<G, I, O>(
  { result }: GraphRunOptions<G, I, O>,
  values: unknown,
): Frozen<O> {
  // By the graph's own types; the output's contract is checked by the engine.
  return result === undefined ? (values as Frozen<O>) : result(values as GraphValues<G>);
}

/** What a graph can't do better in another attempt is final. */
export function graphRetry(wanted: RetryOptions | undefined): RetryOptions {
  return retryUnless(isFinal, wanted);
}

const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "INTERRUPT_UNANSWERED",
  "ARGUMENT_INVALID",
  "FORK_REFUSED",
  "VALUE_NOT_JSON",
]);

function isFinal(error: unknown): boolean {
  // Another attempt would go on from the last checkpoint with as many steps again: no limit at all.
  if (error instanceof Error && error.name === "GraphRecursionError") return true;
  return isBatonError(error) && FINAL.has(error.code);
}

export function unanswered(name: string, value: unknown, asked = 0): BatonError {
  const after = asked === 0 ? "" : ` after ${asked} answers`;
  return new BatonError(
    "INTERRUPT_UNANSWERED",
    `The graph of ${name} asks${after}, and nobody is to answer.`,
    {
      details: { question: value },
    },
  );
}

/** Without what is undefined, which options that may be left out do not take. */
function definedOnly<X extends object>(fields: X): { [K in keyof X]: Exclude<X[K], undefined> } {
  // Whatever is left is not undefined.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof X]: Exclude<X[K], undefined>;
  };
}
