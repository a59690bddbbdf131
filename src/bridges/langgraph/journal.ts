/** A journal for graphs of LangGraph: their checkpoints and their store's items, beside Baton's runs or without any. */
import { hostname } from "node:os";
import type {
  BaseCheckpointSaver,
  BaseStore,
  SerializerProtocol,
} from "@langchain/langgraph-checkpoint";
import type { StoreFactory } from "../../ports/journal-store.ts";
import { machineClock } from "../machine-clock.ts";
import { loadPackage } from "../packages.ts";
import { type Opened, sharedStore } from "./opened.ts";

export interface LanggraphJournalOptions {
  /** The tenant, that of the Baton which it is used with; `default` if left out. */
  readonly namespace?: string;
  /** How a graph's values become bytes: LangGraph's own serializer if left out. */
  readonly serializer?: SerializerProtocol;
}

/** What {@link langgraphJournal} gives. */
export interface LanggraphJournal {
  /** For `builder.compile({ checkpointer })`. */
  readonly checkpointer: BaseCheckpointSaver;
  /** For `builder.compile({ store })`: items by namespace and key, without search by meaning. */
  readonly store: BaseStore;
  /** For Baton's `open({ store })`: while that Baton is open, checkpoints and items are written under its lease. */
  readonly factory: StoreFactory;
  /**
   * Opens the journal by itself, without a Baton: for a program that only runs graphs. Takes the lease unless it is to be read only.
   * @throws BatonError STORE_IN_USE and what the store throws when it is opened
   */
  readonly open: (options?: { readonly readOnly?: boolean }) => Promise<void>;
  /** Closes what `open` opened, and gives the lease back; where that fails it is closed all the same, and told. A Baton closes its own. */
  readonly close: () => Promise<void>;
}

/**
 * A journal for graphs over a store of Baton's: give it to the graph as its checkpointer and store, and to Baton as its store.
 * Nothing is opened yet.
 *
 * @throws BatonError `DEPENDENCY_MISSING` without the package `@langchain/langgraph-checkpoint`
 * @example const journal = await langgraphJournal(sqlite("baton.db"));
 */
export async function langgraphJournal(
  factory: StoreFactory,
  options: LanggraphJournalOptions = {},
): Promise<LanggraphJournal> {
  const { JournalSaver, JournalItems } = await loadParts();
  const shared = sharedStore(factory, options.namespace ?? "default", machineClock);
  return {
    checkpointer: new JournalSaver(shared.opened, options.serializer),
    store: new JournalItems(shared.opened),
    factory: shared.factory,
    open: async ({ readOnly = false } = {}) => {
      await shared.open({ readOnly, holder: `${hostname()}:${process.pid}` });
    },
    close: shared.close,
  };
}

interface Parts {
  readonly JournalSaver: new (
    opened: () => Opened,
    serde?: SerializerProtocol,
  ) => BaseCheckpointSaver;
  readonly JournalItems: new (opened: () => Opened) => BaseStore;
}

/** The one that is loaded, with what it needs. */
const PACKAGES = "@langchain/langgraph @langchain/core @langchain/langgraph-checkpoint";

/**
 * Loads what extends LangGraph's classes.
 * @throws BatonError `DEPENDENCY_MISSING` if their package is not installed
 */
export async function loadParts(load: () => Promise<Parts> = importParts): Promise<Parts> {
  return await loadPackage("Checkpoints of LangGraph", PACKAGES, load);
}

async function importParts(): Promise<Parts> {
  const [{ JournalSaver }, { JournalItems }] = await Promise.all([
    import("./saver.ts"),
    import("./items-store.ts"),
  ]);
  return { JournalSaver, JournalItems };
}
