/**
 * What is asked of a graph of LangGraph: a part of what a compiled `StateGraph` has.
 *
 * Written out here, so that nothing is imported before a graph runs, and so that graphs of any types are taken.
 */

/** A compiled graph, with a checkpointer. */
export interface Graph {
  readonly checkpointer?: unknown;
  readonly interruptBefore?: unknown;
  readonly interruptAfter?: unknown;
  stream(input: never, config?: never): Promise<AsyncIterable<unknown>>;
  getState(config: never, options?: never): Promise<unknown>;
}

/** What a graph is begun with, as its own types say it. */
export type GraphInput<G> = G extends { readonly "~InputType": infer I } ? I : unknown;
/** What a graph's state is in the end, as its own types say it. */
export type GraphValues<G> = G extends { readonly "~OutputType": infer V } ? V : unknown;

/** LangGraph's kinds of chunks of a stream. */
export type StreamMode =
  | "values"
  | "updates"
  | "messages"
  | "custom"
  | "tasks"
  | "checkpoints"
  | "debug";

/** The part of a config that is used here. */
export interface GraphConfig {
  readonly configurable: Readonly<Record<string, unknown>>;
}

/** LangGraph's StateSnapshot, as far as it is used here. */
export interface Snapshot {
  readonly values: unknown;
  readonly config: GraphConfig;
  /** The executions of nodes in the step that the thread is at; none at its end. */
  readonly executions: readonly Execution[];
}

export interface Execution {
  readonly id: string;
  readonly node: string;
  /** What it asks. LangGraph leaves it there when it has been answered. */
  readonly interrupts: readonly Interrupt[];
}

export interface Interrupt {
  readonly id?: string;
  readonly value?: unknown;
}

/** The graph's methods as they are called here. */
export interface RunningGraph {
  readonly stream: (input: unknown, config: object) => Promise<AsyncIterable<unknown>>;
  readonly snapshot: (config: GraphConfig) => Promise<Snapshot>;
  /** What was written after the last checkpoint of a namespace of a thread; undefined if it has none. */
  readonly writes: (thread: string, ns: string) => Promise<readonly Written[] | undefined>;
}

export type Written = readonly [by: string, channel: string, value: unknown];

/** What a checkpointer must have to be one. */
interface Checkpointer {
  getTuple(
    config: GraphConfig,
  ): Promise<{ readonly pendingWrites?: readonly Written[] } | undefined>;
}

export function isCheckpointer(value: unknown): value is Checkpointer {
  return typeof value === "object" && value !== null && "getTuple" in value;
}

export function runningGraph(graph: Graph, checkpointer: Checkpointer): RunningGraph {
  // The methods of a graph take what its types say; what is given here is checked by the graph itself.
  const untyped = graph as unknown as {
    stream(input: unknown, config: object): Promise<AsyncIterable<unknown>>;
    getState(config: object): Promise<unknown>;
  };
  return {
    stream: (input, config) => untyped.stream(input, config),
    snapshot: async (config) => readSnapshot(await untyped.getState(config)),
    writes: async (thread_id, checkpoint_ns) => {
      const saved = await checkpointer.getTuple({ configurable: { thread_id, checkpoint_ns } });
      return saved === undefined ? undefined : (saved.pendingWrites ?? []);
    },
  };
}

/** LangGraph's own form, in which an execution is a `task`. */
interface RawSnapshot extends Omit<Snapshot, "executions"> {
  readonly ["tasks"]: readonly {
    readonly id: string;
    readonly name: string;
    readonly interrupts: readonly Interrupt[];
  }[];
}

function readSnapshot(raw: unknown): Snapshot {
  // What LangGraph's getState gives, by its types.
  const { values, config, ["tasks"]: executions } = raw as RawSnapshot;
  return {
    values,
    config,
    executions: executions.map(({ id, name, interrupts }) => ({ id, node: name, interrupts })),
  };
}
