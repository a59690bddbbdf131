/**
 * What the journal says of one registered name: the fold of its stream, `registry/<kind>/<catalog>.<schema>.<name>`.
 *
 * It is changed by entries alone, in their order.
 */
import { factOf, type RecordedEntry } from "../history/read.ts";
import { NO_HASH } from "../journal/hash.ts";
import type { Fact } from "../model/entry.ts";
import type { JsonObject } from "../model/json.ts";
import { compareVersions } from "../model/naming.ts";
import { isBatonError } from "../model/errors.ts";
import {
  type RegisteredKind,
  registeredName,
  type RegistryPlace,
} from "../model/registered-name.ts";
import type { RegisteredItem, RegistryItem } from "../ports/registry.ts";
import { distinct } from "./catalogue-items.ts";

export interface NameRecord {
  readonly kind: RegisteredKind;
  readonly fullName: string;
  owner: string;
  readonly versions: Map<string, RegistryItem>;
  /** The version that each alias points to. */
  readonly aliases: Map<string, string>;
  /** Those who may have it executed, besides its owner. */
  readonly granted: Set<string>;
  /** Of the last entry; -1 before the first. */
  seq: number;
  hash: string;
  at: number;
}

/** The stream of a name; without one, how the streams of a kind begin. */
export function registryStream(kind: RegisteredKind, fullName = ""): string {
  return `registry/${kind}/${fullName}`;
}

/** A name of which nothing is known. */
export function newRecord(kind: RegisteredKind, fullName: string): NameRecord {
  return {
    kind,
    fullName,
    owner: "",
    versions: new Map(),
    aliases: new Map(),
    granted: new Set(),
    seq: -1,
    hash: NO_HASH,
    at: 0,
  };
}

/** Takes an entry of its stream in. */
export function applyEntry(record: NameRecord, recorded: RecordedEntry): void {
  applyFact(record, factOf(recorded));
  const { seq, at } = recorded.entry;
  Object.assign(record, { seq, at, hash: recorded.hash });
}

function applyFact(record: NameRecord, fact: Fact): void {
  switch (fact.kind) {
    case "registry.published": {
      const { name, version, fingerprint, description, uses } = fact.payload;
      if (record.versions.size === 0) record.owner = fact.by.id;
      const known = record.versions.get(version);
      record.versions.set(version, {
        kind: record.kind,
        name,
        version,
        ...(description === undefined ? {} : { description }),
        // The value of this kind is a definition, which is an object.
        definition: (fact.value ?? {}) as JsonObject,
        fingerprint,
        uses: known === undefined ? uses : distinct([...known.uses, ...uses]),
      });
      return;
    }
    case "registry.aliased":
      record.aliases.set(fact.payload.alias, fact.payload.version);
      return;
    case "registry.granted":
      record.granted.add(fact.payload.principal);
      return;
    case "registry.revoked":
      record.granted.delete(fact.payload.principal);
      return;
    case "registry.owned":
      record.owner = fact.payload.owner;
      return;
    default:
  }
}

/** One version, as the registry of a catalog and schema tells of it. */
export function registeredItem(
  { versions, aliases, fullName, owner }: NameRecord,
  version: string,
  place: RegistryPlace,
): RegisteredItem | undefined {
  const item = versions.get(version);
  if (item === undefined) return undefined;
  const pointing = [...aliases].filter(([, to]) => to === version).map(([alias]) => alias);
  return { ...namedFor(item, fullName, place), fullName, owner, aliases: pointing.sort() };
}

/** A store has the names of many schemas: those that mean another one here than where they were published are told in full. */
function namedFor(item: RegistryItem, fullName: string, place: RegistryPlace): RegistryItem {
  if (registeredName(item.name, place) === fullName) return item;
  const [catalog = "", schema = ""] = fullName.split(".");
  const inFull = (name: string) => fullNameOf(name, { catalog, schema }) ?? name;
  const uses = item.uses.map((key) => ({ ...key, name: inFull(key.name) }));
  return { ...item, name: fullName, uses };
}

/** Undefined for a name that can't be registered: what is used need not be. */
function fullNameOf(name: string, place: RegistryPlace): string | undefined {
  try {
    return registeredName(name, place);
  } catch (error) {
    if (isBatonError(error, "ARGUMENT_INVALID")) return undefined;
    throw error;
  }
}

/** Its versions, the oldest first. */
export function registeredItems(
  record: NameRecord,
  place: RegistryPlace,
): readonly RegisteredItem[] {
  return [...record.versions.keys()]
    .sort(compareVersions)
    .flatMap((version) => registeredItem(record, version, place) ?? []);
}
