/**
 * A registry: the catalogue of agents, contracts and workflows with their versions, owners, aliases and grants. It is kept in the
 * store itself, or in a catalogue that the house has already, such as Unity Catalog.
 *
 * Promises of every implementation (test/conformance/registry.ts holds them):
 * G1. A version that is registered is never changed: publishing it again with another fingerprint is refused, and nothing of that
 *     call is kept.
 * G2. Who published the first version of a name owns it. The owner may always have it executed; of the others those with a grant.
 * G3. Grants and the owner are of a name, with all its versions; an alias points to one version of a name.
 * G4. What was granted, revoked or published is seen by the next question.
 */
import type { JsonObject } from "../model/json.ts";
import type { RegisteredKind, RegistryKey } from "../model/registered-name.ts";
import type { JournalStore } from "./journal-store.ts";

export type { RegisteredKind, RegistryKey } from "../model/registered-name.ts";

/** What the code says of one version, ready to be registered. */
export interface RegistryItem extends RegistryKey {
  readonly description?: string;
  /** All that makes this version what it is: the schemas and rules of a contract, the contracts and policies of an agent, the graph of a workflow. */
  readonly definition: JsonObject;
  /** SHA-256 of the canonical definition, in hex: two items are the same if these are. */
  readonly fingerprint: string;
  /**
   * Of what it is made: the lineage of definitions. No part of the fingerprint: a workflow keeps its version when another version
   * of an agent takes over.
   */
  readonly uses: readonly RegistryKey[];
}

/**
 * What the registry says. Its name is one under which this registry has it: as the code says it, or in full where that would be
 * another one here. The same of what it uses.
 */
export interface RegisteredItem extends RegistryItem {
  /** `catalog.schema.name` */
  readonly fullName: string;
  readonly owner?: string;
  /** Aliases that point to this version, such as `champion`. */
  readonly aliases: readonly string[];
}

/** That somebody may have all versions of a name executed. */
export interface Grant {
  readonly principal: string;
  readonly privilege: "EXECUTE";
}

/** What became of an item that was published. */
export interface Published {
  readonly key: RegistryKey;
  readonly fullName: string;
  /** `same`: it was there, with this fingerprint. One that is there with another is refused with REGISTRY_CONFLICT. */
  readonly became: "registered" | "same";
}

/**
 * One registry, open. What can't be read or asked throws BatonError REGISTRY_UNAVAILABLE; what names something that is not there
 * throws NOT_REGISTERED.
 */
export interface Registry {
  /** For messages: `main.lending in sqlite:baton.db`, `main.lending at http://127.0.0.1:8080`. */
  readonly place: string;
  /** A name as `catalog.schema.name`: what it leaves out is of this registry. Asks nobody. @throws BatonError ARGUMENT_INVALID for one that can't be registered */
  readonly fullName: (name: string) => string;
  readonly find: (key: RegistryKey) => Promise<RegisteredItem | undefined>;
  /** Every version of every name that is kept here: in this catalog and schema at least. Versions of a name come the oldest first. */
  readonly list: (kind?: RegisteredKind) => AsyncIterable<RegisteredItem>;
  /** Adds versions; nothing that is there is changed. All of them or none. @throws BatonError REGISTRY_CONFLICT */
  readonly publish: (items: readonly RegistryItem[], by: string) => Promise<readonly Published[]>;
  /** The version that an alias points to; undefined where there is no such alias, or no such name. */
  readonly alias: (
    kind: RegisteredKind,
    name: string,
    alias: string,
  ) => Promise<string | undefined>;
  /** Lets an alias point to a version, away from the one to which it points. @throws BatonError NOT_REGISTERED, ARGUMENT_INVALID */
  readonly setAlias: (key: RegistryKey, alias: string, by: string) => Promise<void>;
  /** In the order of the principals. @throws BatonError NOT_REGISTERED */
  readonly grants: (kind: RegisteredKind, name: string) => Promise<readonly Grant[]>;
  /** Twice is once. @throws BatonError NOT_REGISTERED, ARGUMENT_INVALID */
  readonly grant: (kind: RegisteredKind, name: string, grant: Grant, by: string) => Promise<void>;
  /** Of what was not granted: nothing. @throws BatonError NOT_REGISTERED, ARGUMENT_INVALID */
  readonly revoke: (kind: RegisteredKind, name: string, grant: Grant, by: string) => Promise<void>;
  /** Gives a name to another owner; absent where the registry has no way to. @throws BatonError NOT_REGISTERED, ARGUMENT_INVALID */
  readonly setOwner?: (
    kind: RegisteredKind,
    name: string,
    owner: string,
    by: string,
  ) => Promise<void>;
  /** Whether a principal may have it executed now; asked anew for each call, so that a revoked grant stops the next one. False for a name that is not registered. */
  readonly mayExecute: (kind: RegisteredKind, name: string, principal: string) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** The store in which a registry is kept. */
export interface RegistryHost {
  readonly store: JournalStore;
  readonly namespace: string;
  /** Wall clock, in integer milliseconds since 1970. */
  readonly now: () => number;
  /** Under which is written; undefined where the store is open for reading only. */
  readonly epoch: number | undefined;
}

/**
 * A registry that is still to be opened: what `embeddedRegistry()` and `unityCatalog()` give. Opening asks nothing yet: a registry
 * that can't be reached is told of by each question.
 */
export type RegistryFactory =
  | {
      /** In the store: whoever writes to it has the store's lease. */
      readonly kind: "embedded";
      readonly open: (host: RegistryHost) => Promise<Registry>;
    }
  | {
      /** In a system of its own, to which many processes write. */
      readonly kind: "outside";
      readonly open: () => Promise<Registry>;
    };
