/**
 * A registry: the catalogue of agents, contracts and workflows with their versions, owners, aliases and grants. It is kept in the
 * store itself, or in a catalogue that the house has already, such as Unity Catalog.
 */
import type { JsonObject } from "../model/json.ts";

export type RegisteredKind = "agent" | "contract" | "workflow";

/** What is looked for: a name and version as the code says them, without catalog and schema. */
export interface RegistryKey {
  readonly kind: RegisteredKind;
  readonly name: string;
  readonly version: string;
}

/** What the code says of one version, ready to be registered. */
export interface RegistryItem extends RegistryKey {
  readonly description?: string;
  /** All that makes this version what it is: the schemas and rules of a contract, the contracts and policies of an agent, the graph of a workflow. */
  readonly definition: JsonObject;
  /** SHA-256 of the canonical definition, in hex: two items are the same if these are. */
  readonly fingerprint: string;
  /** Of what it is made, or by what it is used, from the code: the lineage of definitions. */
  readonly uses: readonly RegistryKey[];
}

/** What the registry says. */
export interface RegisteredItem extends RegistryItem {
  /** `catalog.schema.name` */
  readonly fullName: string;
  readonly owner?: string;
  /** Aliases that point to this version, such as `champion`. */
  readonly aliases: readonly string[];
}

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

/** One registry, open. All of it throws BatonError REGISTRY_UNAVAILABLE where it can't be asked. */
export interface Registry {
  /** For messages: `main.lending in the store`, `main.lending at http://127.0.0.1:8080`. */
  readonly place: string;
  readonly find: (key: RegistryKey) => Promise<RegisteredItem | undefined>;
  readonly list: (kind?: RegisteredKind) => AsyncIterable<RegisteredItem>;
  /** Adds versions; nothing that is there is changed. @throws BatonError REGISTRY_CONFLICT */
  readonly publish: (items: readonly RegistryItem[], by: string) => Promise<readonly Published[]>;
  /** The version that an alias points to. */
  readonly alias: (
    kind: RegisteredKind,
    name: string,
    alias: string,
  ) => Promise<string | undefined>;
  readonly setAlias: (key: RegistryKey, alias: string, by: string) => Promise<void>;
  readonly grants: (kind: RegisteredKind, name: string) => Promise<readonly Grant[]>;
  readonly grant: (kind: RegisteredKind, name: string, grant: Grant, by: string) => Promise<void>;
  readonly revoke: (kind: RegisteredKind, name: string, grant: Grant, by: string) => Promise<void>;
  /** Whether a principal may have it executed now; asked anew for each call, so that a revoked grant stops the next one. */
  readonly mayExecute: (kind: RegisteredKind, name: string, principal: string) => Promise<boolean>;
  readonly close: () => Promise<void>;
}
