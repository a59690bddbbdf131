/**
 * What a graph asks by `interrupt()`, and which answers its nodes have taken.
 *
 * LangGraph keeps the answers that an execution of a node has taken with its writes. An answer that is given once more, because
 * the node has failed after it, would count for what the node asks next: so it must be known whether it was taken.
 */
import type { Execution, RunningGraph, Snapshot, Written } from "./graph.ts";

/** What a node has asked by `interrupt()`. */
export interface Question {
  /** LangGraph's id, of the node's execution and the question. */
  readonly id: string;
  /** How many answers that execution has taken. */
  readonly answered: number;
  /** Whether an answer was given: LangGraph leaves the question there, also when the node has ended. */
  readonly given: boolean;
  readonly value: unknown;
}

/** Graphs within graphs, down to which it is looked for who asks. */
const DEPTH_MAX = 10;

export async function questionsIn(
  graph: RunningGraph,
  thread: string,
  snapshot: Snapshot,
): Promise<readonly Question[]> {
  const found = new Map<string, Question>();
  const asking = snapshot.executions.filter(({ interrupts }) => interrupts.length > 0);
  const writes = asking.length === 0 ? [] : ((await graph.writes(thread, "")) ?? []);
  for (const execution of asking) {
    for (const { id, value } of execution.interrupts) {
      if (id === undefined || found.has(id)) continue;
      // What is given for a question is written under the question's id.
      const given = answersIn(writes, id) > 0;
      found.set(id, { id, value, given, answered: await answersOf(graph, thread, execution, id) });
    }
  }
  return [...found.values()];
}

/**
 * How many answers were taken by the one who asks: the execution, or one in the graph that it is, and so on. A graph within is found
 * by its namespace, which is made of the node and the execution. Where it asks something else by now, the question was answered:
 * what is asked within is written within first.
 */
async function answersOf(
  graph: RunningGraph,
  thread: string,
  { id: execution, node }: Execution,
  question: string,
): Promise<number> {
  let taken = answersIn((await graph.writes(thread, "")) ?? [], execution);
  let ns = `${node}:${execution}`;
  for (let depth = 0; depth < DEPTH_MAX; depth += 1) {
    const writes = await graph.writes(thread, ns);
    if (writes === undefined) break;
    const [asks] =
      writes.find(([, channel, value]) => channel === "__interrupt__" && has(value, question)) ??
      [];
    if (asks === undefined) return Number.POSITIVE_INFINITY;
    taken = answersIn(writes, asks);
    const deeper = await nodeOf(graph, thread, ns, asks);
    if (deeper === undefined) break;
    ns = `${ns}|${deeper}:${asks}`;
  }
  return taken;
}

type Writes = readonly Written[];

function answersIn(writes: Writes, execution: string): number {
  const taken = writes.findLast(([by, channel]) => by === execution && channel === "__resume__");
  return Array.isArray(taken?.[2]) ? taken[2].length : 0;
}

function has(interrupts: unknown, question: string): boolean {
  const listed: readonly unknown[] = Array.isArray(interrupts) ? interrupts : [interrupts];
  return listed.some(
    (each) => typeof each === "object" && each !== null && "id" in each && each.id === question,
  );
}

/** The node that an execution within is of; undefined where LangGraph knows the graph within as no node's. */
async function nodeOf(
  graph: RunningGraph,
  thread: string,
  ns: string,
  execution: string,
): Promise<string | undefined> {
  try {
    const within = await graph.snapshot({ configurable: { thread_id: thread, checkpoint_ns: ns } });
    return within.executions.find(({ id }) => id === execution)?.node;
  } catch {
    // A graph that a node calls by itself: nobody can name its nodes.
    return undefined;
  }
}
