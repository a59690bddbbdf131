/** What entries of the streams of LangGraph graphs, and of their stores, say. */

export interface ThreadPayloads {
  /**
   * In the stream `thread/<thread>` of a LangGraph graph, as the three below. A serialized value that is long, kept once in its
   * thread; `sha256` is that of its text. Value: the text, in base64 where it is none.
   */
  readonly "thread.valued": {
    readonly type: string;
    readonly sha256: string;
    readonly base64?: true;
  };
  /** Value: the checkpoint, as far as it is not that of the entry `base`. */
  readonly "thread.checkpointed": {
    readonly ns: string;
    readonly id: string;
    readonly parent?: string;
    readonly base?: number;
  };
  /** What one writer (a node's execution) has written after a checkpoint. Value: the writes. */
  readonly "thread.written": {
    readonly ns: string;
    readonly id: string;
    readonly writer: string;
    readonly path: string;
  };
  /** What stands before it in the stream is not given out any more. */
  readonly "thread.deleted": Record<never, never>;
  /** In the stream `memory/<namespace>` of a LangGraph store, as the one below. Value: the item's. */
  readonly "memory.put": { readonly key: string };
  readonly "memory.removed": { readonly key: string };
}
