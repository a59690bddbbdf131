/**
 * LangGraph's checkpoint saver over a journal.
 *
 * Loaded only when it is asked for: the package that it extends is an optional peer dependency.
 */
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  compareWritesSortKeys,
  copyCheckpoint,
  getCheckpointId,
  maxChannelVersion,
  type PendingWrite,
  type SerializerProtocol,
  WRITES_IDX_MAP,
  writesSortKey,
} from "@langchain/langgraph-checkpoint";
import { BatonError } from "../../model/errors.ts";
import { type Change, type FoldedStreams, foldedStreams } from "./folded.ts";
import type { Opened } from "./opened.ts";
import { bytesOf, type Piece, type Serialized, serialized } from "./piece.ts";
import { pieceTexts, type Texts } from "./texts.ts";
import {
  applyToThread,
  checkpointKey,
  newThread,
  type SavedCheckpoint,
  type Thread,
  THREADS,
  threadOfStream,
  threadStream,
} from "./thread.ts";
import { checkpointChanges, type NewChannel, writesChanges } from "./thread-changes.ts";

/** Where a checkpoint is, as a config says it. */
interface Whereabouts {
  readonly thread: string;
  readonly ns: string;
  readonly id: string | undefined;
}

/** The channel of what is sent to nodes, as LangGraph names it. */
const SENDS = "__pregel_tasks";
/** Threads that are asked for at once when all of them are listed. */
const THREADS_AT_ONCE = 100;

/** Saves a graph's checkpoints in a journal. Made by `langgraphJournal`. */
export class JournalSaver extends BaseCheckpointSaver {
  readonly #opened: () => Opened;
  readonly #threads: FoldedStreams<Thread>;
  readonly #texts: Texts;

  constructor(opened: () => Opened, serde?: SerializerProtocol) {
    super(serde);
    this.#opened = opened;
    this.#texts = pieceTexts(opened);
    this.#threads = foldedStreams(opened, {
      fresh: newThread,
      apply: applyToThread,
      status: ({ kind }) => (kind === "thread.deleted" ? "deleted" : "kept"),
    });
  }

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    if (config.configurable?.["thread_id"] === undefined) return undefined;
    const { thread: name, ns, id } = whereabouts(config, "read a checkpoint");
    const stream = threadStream(name);
    const thread = await this.#threads.read(stream);
    const saved =
      id === undefined
        ? newestFirst(thread).find((each) => each.ns === ns)
        : thread.checkpoints.get(checkpointKey(ns, id));
    return saved === undefined ? undefined : await this.#tuple(name, thread, saved);
  }

  override async *list(
    config: RunnableConfig,
    options: CheckpointListOptions = {},
  ): AsyncGenerator<CheckpointTuple> {
    const { thread_id: name, checkpoint_ns: ns, checkpoint_id: id } = config.configurable ?? {};
    const before: unknown = options.before?.configurable?.["checkpoint_id"];
    const filter = Object.entries(options.filter ?? {}).filter(([, value]) => value !== undefined);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for await (const stream of name === undefined
      ? this.#streams()
      : [threadStream(textOf("thread_id", name))]) {
      const thread = await this.#threads.read(stream);
      for (const saved of newestFirst(thread)) {
        if (left <= 0) return;
        if (ns !== undefined && ns !== null && saved.ns !== ns) continue;
        if (typeof id === "string" && id !== "" && saved.id !== id) continue;
        if (typeof before === "string" && saved.id >= before) continue;
        const metadata = await this.#load<Record<string, unknown>>(stream, saved.metadata);
        if (!filter.every(([key, value]) => isEqual(metadata[key], value))) continue;
        left -= 1;
        yield await this.#tuple(threadOfStream(stream), thread, saved);
      }
    }
  }

  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const { thread: name, ns, id: parent } = whereabouts(config, "put a checkpoint");
    const { id, channel_values: values, channel_versions: versions } = checkpoint;
    const frame = { ...copyCheckpoint(checkpoint), channel_values: {} };
    const channels = Object.entries(values ?? {}).map(
      async ([channel, value]): Promise<NewChannel> => ({
        name: channel,
        version: versions?.[channel] ?? newVersions[channel],
        isNew: Object.hasOwn(newVersions, channel),
        value: await this.#dump(value),
      }),
    );
    const made = {
      ns,
      id: textOf("checkpoint.id", id),
      parent,
      frame: await this.#dump(frame),
      metadata: await this.#dump(metadata),
      channels: await Promise.all(channels),
    };
    await this.#change(name, (keeping) => checkpointChanges(keeping, made));
    return { configurable: { thread_id: name, checkpoint_ns: ns, checkpoint_id: id } };
  }

  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    writer: string,
    path = "",
  ): Promise<void> {
    const { thread: name, ns, id } = whereabouts(config, "put writes");
    const checkpoint = textOf("checkpoint_id", id);
    const made = await Promise.all(
      writes.map(async ([channel, value], i) => ({
        index: WRITES_IDX_MAP[channel] ?? i,
        channel,
        value: await this.#dump(value),
      })),
    );
    await this.#change(name, (keeping) =>
      writesChanges(keeping, { ns, id: checkpoint, writer, path, writes: made }),
    );
  }

  /**
   * Nothing of the thread is given out any more. Its entries stay in the journal, which only grows: what must not be kept at all
   * does not belong into a graph's state.
   */
  override async deleteThread(name: string): Promise<void> {
    await this.#threads.change(threadStream(textOf("thread_id", name)), (thread) =>
      thread.checkpoints.size === 0 && thread.writes.size === 0
        ? []
        : [{ kind: "thread.deleted", payload: {} }],
    );
  }

  async #change(
    name: string,
    changes: (keeping: Parameters<typeof checkpointChanges>[0]) => Promise<readonly Change[]>,
  ): Promise<void> {
    const stream = threadStream(name);
    const texts = this.#texts;
    await this.#threads.change(stream, (thread) => changes({ stream, thread, texts }));
  }

  /** The streams of all threads, the newest thread first. */
  async *#streams(): AsyncGenerator<string> {
    const { store, namespace } = this.#opened();
    let after: number | undefined;
    for (;;) {
      const paging = after === undefined ? {} : { after };
      const limit = THREADS_AT_ONCE;
      const page = await store.heads({ namespace, prefix: THREADS, limit, ...paging });
      for (const { stream } of page) yield stream;
      after = page.at(-1)?.no;
      if (after === undefined) return;
    }
  }

  async #tuple(name: string, thread: Thread, saved: SavedCheckpoint): Promise<CheckpointTuple> {
    const { ns, id, parent } = saved;
    const stream = threadStream(name);
    const checkpoint = await this.#load<Checkpoint>(stream, saved.frame);
    for (const [channel, piece] of saved.channels)
      checkpoint.channel_values[channel] = await this.#load(stream, piece);
    if (checkpoint.v < 4 && parent !== undefined)
      await this.#addSends(stream, thread, checkpoint, checkpointKey(ns, parent));
    const configOf = (checkpoint_id: string) => ({
      configurable: { thread_id: name, checkpoint_ns: ns, checkpoint_id },
    });
    return {
      config: configOf(id),
      checkpoint,
      metadata: await this.#load<CheckpointMetadata>(stream, saved.metadata),
      pendingWrites: await this.#writes(stream, thread, checkpointKey(ns, id)),
      ...(parent === undefined ? {} : { parentConfig: configOf(parent) }),
    };
  }

  /** In the order in which LangGraph applies them. */
  async #writes(stream: string, thread: Thread, key: string): Promise<CheckpointPendingWrite[]> {
    const written = [...(thread.writes.get(key)?.values() ?? [])].sort((a, b) =>
      compareWritesSortKeys(
        writesSortKey(a.path, a.writer, a.index),
        writesSortKey(b.path, b.writer, b.index),
      ),
    );
    const loaded: CheckpointPendingWrite[] = [];
    for (const { writer, channel, value } of written)
      loaded.push([writer, channel, await this.#load(stream, value)]);
    return loaded;
  }

  /** Before its version 4 a checkpoint had not what is sent to nodes: it stands in the writes to its parent. */
  async #addSends(
    stream: string,
    thread: Thread,
    checkpoint: Checkpoint,
    parent: string,
  ): Promise<void> {
    const written = await this.#writes(stream, thread, parent);
    checkpoint.channel_values[SENDS] = written
      .filter(([, channel]) => channel === SENDS)
      .map(([, , value]) => value);
    const versions = Object.values(checkpoint.channel_versions);
    checkpoint.channel_versions[SENDS] =
      versions.length > 0 ? maxChannelVersion(...versions) : this.getNextVersion(undefined);
  }

  async #dump(value: unknown): Promise<Serialized> {
    const [type, bytes] = await this.serde.dumpsTyped(value);
    return serialized(type, bytes);
  }

  async #load<X = unknown>(stream: string, piece: Piece): Promise<X> {
    const text = await this.#texts.of(stream, piece);
    // What was saved as an X is given back as one; the journal's hashes say that it is the same.
    return (await this.serde.loadsTyped(piece.type, bytesOf({ ...piece, text }))) as X;
  }
}

function newestFirst({ checkpoints }: Thread): readonly SavedCheckpoint[] {
  return [...checkpoints.values()].sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0));
}

function whereabouts(config: RunnableConfig, what: string): Whereabouts {
  const { thread_id: thread, checkpoint_ns: ns = "" } = config.configurable ?? {};
  if (thread === undefined || thread === null) {
    throw new BatonError("ARGUMENT_INVALID", `To ${what} takes a thread_id.`, {
      hint: 'Pass one with the config: graph.invoke(input, { configurable: { thread_id: "..." } }).',
    });
  }
  const id = getCheckpointId(config);
  return {
    thread: textOf("thread_id", thread),
    ns: textOf("checkpoint_ns", ns, true),
    id: id === "" ? undefined : textOf("checkpoint_id", id),
  };
}

function textOf(name: string, value: unknown, mayBeEmpty = false): string {
  if (typeof value === "string" && (mayBeEmpty || value !== "")) return value;
  throw new BatonError(
    "ARGUMENT_INVALID",
    `The ${name} is ${value === "" ? "empty" : `a ${typeof value}`}; it must be a text.`,
  );
}

/** As JSON values are equal: a filter may name a part of the metadata that is an object. */
function isEqual(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}
