/**
 * LangGraph's store of items over a journal.
 *
 * Loaded only when it is asked for: the package that it extends is an optional peer dependency.
 */
import {
  BaseStore,
  type GetOperation,
  type Item,
  type ListNamespacesOperation,
  type MatchCondition,
  type Operation,
  type OperationResults,
  type PutOperation,
  type SearchItem,
  type SearchOperation,
  validateNamespace,
} from "@langchain/langgraph-checkpoint";
import { BatonError } from "../../model/errors.ts";
import { sealJson } from "../../model/json.ts";
import { type Change, type FoldedStreams, foldedStreams } from "./folded.ts";
import {
  applyToItems,
  type Items,
  itemsStream,
  MEMORIES,
  namespaceOfStream,
  newItems,
  type SavedItem,
} from "./items.ts";
import { matches } from "./items-filter.ts";
import type { Opened } from "./opened.ts";

const STREAMS_AT_ONCE = 1_000;
const SEARCH_LIMIT_DEFAULT = 10;

/** Keeps items in a journal, a stream for each namespace. Made by `langgraphJournal`. */
export class JournalItems extends BaseStore {
  readonly #opened: () => Opened;
  readonly #streams: FoldedStreams<Items>;

  constructor(opened: () => Opened) {
    super();
    this.#opened = opened;
    this.#streams = foldedStreams(opened, {
      fresh: newItems,
      apply: applyToItems,
      status: () => "kept",
    });
  }

  /** Reads first, then writes: what is read with a write is what stood there before. Each namespace is written at once, or not at all. */
  override async batch<Op extends Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    const puts = new Map<string, Map<string, PutOperation>>();
    for (const operation of operations) if (isPut(operation)) addPut(puts, operation);
    const results: unknown[] = [];
    for (const operation of operations) results.push(await this.#read(operation));
    for (const [stream, byKey] of puts)
      await this.#streams.change(stream, (items) => changesOf(items, [...byKey.values()]));
    // One result for each operation, of the type that goes with it.
    return results as OperationResults<Op>;
  }

  async #read(operation: Operation): Promise<unknown> {
    if (isPut(operation)) return undefined;
    if ("namespacePrefix" in operation) return await this.#search(operation);
    if ("key" in operation) return await this.#get(operation);
    return await this.#listNamespaces(operation);
  }

  async #get({ namespace, key }: GetOperation): Promise<Item | null> {
    validateNamespace(namespace, { allowReservedRoot: true });
    const items = await this.#streams.read(itemsStream(namespace));
    const found = items.byKey.get(key);
    return found === undefined ? null : itemOf(namespace, found);
  }

  async #search(operation: SearchOperation): Promise<SearchItem[]> {
    const { namespacePrefix, filter = {}, limit = SEARCH_LIMIT_DEFAULT, offset = 0 } = operation;
    validateNamespace(namespacePrefix, { allowEmpty: true, allowReservedRoot: true });
    if (operation.query !== undefined && operation.query !== "") {
      throw new BatonError("ARGUMENT_INVALID", "The journal's store can't search by a query.", {
        hint: "Search by `filter`, or keep what is to be found by its meaning in a store with an index of embeddings.",
      });
    }
    const found: SearchItem[] = [];
    for await (const namespace of this.#namespaces(itemsStream(namespacePrefix))) {
      // The names of streams that begin so are also those of `usersold` for `users`.
      if (!beginsWith(namespace, namespacePrefix)) continue;
      const items = await this.#streams.read(itemsStream(namespace));
      for (const item of items.byKey.values())
        if (matches(item.value, filter)) found.push(itemOf([...namespace], item));
      if (found.length >= offset + limit) break;
    }
    return found.slice(offset, offset + limit);
  }

  async #listNamespaces(operation: ListNamespacesOperation): Promise<string[][]> {
    const { matchConditions = [], maxDepth, limit, offset } = operation;
    const found = new Map<string, string[]>();
    for await (const namespace of this.#namespaces()) {
      if (!matchConditions.every((condition) => isMatched(namespace, condition))) continue;
      const { byKey } = await this.#streams.read(itemsStream(namespace));
      if (byKey.size === 0) continue;
      const shown = namespace.slice(0, maxDepth);
      found.set(itemsStream(shown), shown);
    }
    const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return sorted.map(([, shown]) => shown).slice(offset, offset + limit);
  }

  /** All namespaces that ever had an item and whose stream's name begins so, the oldest first. */
  async *#namespaces(prefix = MEMORIES): AsyncGenerator<string[]> {
    const { store, namespace } = this.#opened();
    let after: number | undefined;
    for (;;) {
      const page = await store.heads({
        namespace,
        prefix,
        order: "oldest",
        limit: STREAMS_AT_ONCE,
        ...(after === undefined ? {} : { after }),
      });
      for (const { stream } of page) yield [...namespaceOfStream(stream)];
      after = page.at(-1)?.no;
      if (after === undefined) return;
    }
  }
}

function isPut(operation: Operation): operation is PutOperation {
  return "value" in operation;
}

/** Of several writes to one key the last one counts. */
function addPut(puts: Map<string, Map<string, PutOperation>>, operation: PutOperation): void {
  const { namespace, key, index } = operation;
  validateNamespace(namespace, { allowReservedRoot: true });
  if (index !== undefined && index !== false) {
    throw new BatonError("ARGUMENT_INVALID", "The journal's store makes no index of embeddings.", {
      hint: "Put the item without `index`.",
    });
  }
  const stream = itemsStream(namespace);
  const byKey = puts.get(stream) ?? new Map<string, PutOperation>();
  byKey.set(key, operation);
  puts.set(stream, byKey);
}

function changesOf(items: Items, puts: readonly PutOperation[]): readonly Change[] {
  return puts.flatMap(({ key, value }): readonly Change[] => {
    if (value !== null)
      return [{ kind: "memory.put", payload: { key }, value: sealJson(value, `item ${key}`) }];
    return items.byKey.has(key) ? [{ kind: "memory.removed", payload: { key } }] : [];
  });
}

function itemOf(namespace: string[], { key, value, createdAt, updatedAt }: SavedItem): Item {
  return {
    namespace,
    key,
    // A copy, since LangGraph's types let it be changed; what was put is an object by its type.
    value: structuredClone(value) as Item["value"],
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
  };
}

function beginsWith(namespace: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((label, i) => namespace[i] === label);
}

function isMatched(namespace: readonly string[], { matchType, path }: MatchCondition): boolean {
  if (path.length > namespace.length) return false;
  const from = matchType === "prefix" ? 0 : namespace.length - path.length;
  return path.every((label, i) => label === "*" || label === namespace[from + i]);
}
