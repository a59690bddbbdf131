/**
 * One turn of a graph in its thread: from where the thread is to its end, or to a question.
 *
 * Where the thread is, its checkpoints say and nobody else: an attempt that is made again after a failure, or in another process,
 * goes on from the last step that was saved, and gives an answer that was taken already no second time.
 */
import type { AgentContext } from "../../model/agent-definition.ts";
import { BatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { GraphConfig, RunningGraph, Snapshot, StreamMode } from "./graph.ts";
import { type Question, questionsIn } from "./graph-questions.ts";
import { usageCounter } from "./graph-usage.ts";

export interface Answer {
  readonly id: string;
  readonly answered: number;
  readonly value: unknown;
}

export interface TurnOptions {
  readonly thread: string;
  /** What the thread begins with, where it has not begun. */
  readonly begin?: () => unknown;
  readonly answer?: Answer;
  readonly config: Readonly<Record<string, unknown>>;
  readonly stream: readonly StreamMode[];
  readonly model: string;
}

/**
 * The thread of a call: the run and the step, for whoever reads it, and the call's key, which is another in each namespace and
 * for each turn that is sent back.
 */
export function threadOf({ run, path, idempotencyKey }: AgentContext): string {
  return `${run}/${path}/${idempotencyKey}`;
}

/** Where a turn has ended: with questions, or without, which is the graph's end. */
export interface TurnEnd {
  readonly values: unknown;
  readonly questions: readonly Question[];
}

/** @throws BatonError ARGUMENT_INVALID for a thread that is to go on and never began; what the graph throws */
export async function graphTurn(
  graph: RunningGraph,
  options: TurnOptions,
  context: AgentContext,
): Promise<TurnEnd> {
  const configurable = { ...configurableOf(options.config), thread_id: options.thread };
  const before = await graph.snapshot({ configurable });
  const questions = await questionsIn(graph, options.thread, before);
  const { Command } = await import("@langchain/langgraph");
  const next = nextInput(options, before, questions, (resume) => new Command({ resume }));
  if (next === undefined) return { values: before.values, questions: openOf(questions) };
  await play(graph, options, context, { configurable, input: next.input, values: before.values });
  const after = await graph.snapshot({ configurable });
  const open = openOf(await questionsIn(graph, options.thread, after));
  return { values: after.values, questions: open };
}

/** What the graph is to be given; undefined where it has come to its end, or asks what nobody has answered yet. */
function nextInput(
  { thread, begin, answer }: TurnOptions,
  before: Snapshot,
  questions: readonly Question[],
  resume: (answers: Record<string, unknown>) => unknown,
): { readonly input: unknown } | undefined {
  if (before.config.configurable["checkpoint_id"] === undefined) {
    if (begin !== undefined) return { input: begin() };
    throw new BatonError("ARGUMENT_INVALID", `The thread ${thread} has no checkpoints.`, {
      hint: "It was begun with another checkpointer, or was deleted meanwhile.",
    });
  }
  if (before.executions.length === 0) return undefined;
  const asked = questions.find(({ id }) => id === answer?.id);
  if (answer === undefined || asked === undefined)
    return openOf(questions).length === 0 ? { input: null } : undefined;
  // Where the node has taken the answer, and has failed after it: given once more, it would count for what the node asks next.
  const isTaken = asked.answered > answer.answered;
  return { input: isTaken ? null : resume({ [answer.id]: answer.value }) };
}

/** The questions that nobody has answered. */
function openOf(questions: readonly Question[]): readonly Question[] {
  return questions.filter(({ given }) => !given);
}

interface Play {
  readonly configurable: GraphConfig["configurable"];
  readonly input: unknown;
  /** What the thread had before. */
  readonly values: unknown;
}

async function play(
  graph: RunningGraph,
  options: TurnOptions,
  context: AgentContext,
  { configurable, input, values }: Play,
): Promise<void> {
  const usage = usageCounter(context.usage, options.model);
  usage.known(values);
  usage.known(input);
  const { signal } = context;
  const ended = {
    handleLLMEnd: ({ generations }: { readonly generations: readonly unknown[] }) => {
      // A model that does not heed the signal may end after the attempt has.
      if (!signal.aborted) usage.count(generations);
    },
  };
  const chunks = await graph.stream(input, {
    ...options.config,
    configurable,
    signal,
    callbacks: [...callbacksOf(options.config), ended],
    // A step counts once its checkpoint is in the journal.
    durability: "sync",
    streamMode: [...new Set<StreamMode>(["updates", ...options.stream])],
    subgraphs: true,
  });
  for await (const streamed of chunks) {
    // With `subgraphs` and a list of modes a chunk comes with both.
    const [within, mode, chunk] = streamed as [readonly string[], StreamMode, unknown];
    if (mode === "updates" && !isRepeated(chunk)) usage.count(chunk);
    if (options.stream.includes(mode)) give(context, within, mode, chunk);
    context.heartbeat();
  }
  signal.throwIfAborted();
}

/** An update that was made before, and is told again when a thread goes on. */
function isRepeated(chunk: unknown): boolean {
  if (typeof chunk !== "object" || chunk === null || !("__metadata__" in chunk)) return false;
  const metadata: unknown = chunk.__metadata__;
  return typeof metadata === "object" && metadata !== null && "cached" in metadata;
}

function give(
  context: AgentContext,
  within: readonly string[],
  mode: StreamMode,
  chunk: unknown,
): void {
  let json: string | undefined;
  try {
    // Messages and the like say by toJSON what they are.
    json = JSON.stringify({ mode, within, chunk });
  } catch {
    context.log.debug(`A chunk of ${mode} is no JSON, and was not streamed.`);
    return;
  }
  // What was written as JSON is read as it.
  context.stream(JSON.parse(json) as Json);
}

function configurableOf(config: TurnOptions["config"]): object {
  const { configurable } = config;
  return typeof configurable === "object" && configurable !== null ? configurable : {};
}

function callbacksOf({ callbacks }: TurnOptions["config"]): readonly unknown[] {
  return Array.isArray(callbacks) ? callbacks : [];
}
