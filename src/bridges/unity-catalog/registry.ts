/**
 * Unity Catalog as a registry: names, versions and aliases are functions of the catalogue, grants and owners its own.
 *
 * Owns: what is a function of which name (function-names.ts), and what stands in it (documents.ts). Does not own: who may do what,
 * which the catalogue alone says, each time anew.
 * Fails: with REGISTRY_UNAVAILABLE where the catalogue can't be asked, or holds what is not whole.
 *
 * U1. Nothing in the catalogue is changed or removed, but grants and owners.
 * U2. A function is taken for what it says of itself where its name says the same, and for nothing by one of both alone.
 */
import { BatonError } from "../../model/errors.ts";
import { compareVersions } from "../../model/naming.ts";
import { keyText, registeredName, type RegistryPlace } from "../../model/registered-name.ts";
import type {
  Grant,
  RegisteredItem,
  RegisteredKind,
  Registry,
  RegistryItem,
  RegistryKey,
} from "../../ports/registry.ts";
import { checkAlias, checkPrincipal } from "../../registry/naming-checks.ts";
import { type Aliases, unityAliases } from "./aliases.ts";
import { unavailable, type UnityClient } from "./client.ts";
import { isWhole, type RegistryDocument } from "./documents.ts";
import {
  documentFunction,
  fullName,
  type FunctionName,
  nameFunction,
  versionFunction,
} from "./function-names.ts";
import { findFunction, functionPath, listFunctions } from "./functions.ts";
import { changeExecute, executeGrants, mayExecuteFunction } from "./privileges.ts";
import { publishItems, type Shelf } from "./publishing.ts";

export function openUnityRegistry(client: UnityClient): Registry {
  const { server, place, dialect } = client.connection;
  const shelf: Shelf = { client, place };
  const aliases = unityAliases(client, place);
  return {
    place: `${place.catalog}.${place.schema} at ${server}`,
    fullName: (name) => registeredName(name, place),
    find: (key) => find(shelf, aliases, key),
    list: (kind) => listed(shelf, kind),
    publish: async (items, by) => {
      checkPrincipal("by", by);
      return await publishItems(shelf, items, by);
    },
    alias: async (kind, name, alias) => ownValue(await aliases.read(kind, name), alias),
    setAlias: async (key, alias, by) => {
      checkPrincipal("by", by);
      checkAlias(alias);
      if ((await versionOf(shelf, key)) === undefined)
        throw notRegistered(`${registeredName(key.name, place)}@${key.version}`);
      await aliases.set(key, alias, by);
    },
    grants: async (kind, name) => {
      const principals = await executeGrants(client, await registeredFunction(shelf, kind, name));
      return principals.map((principal) => ({ principal, privilege: "EXECUTE" }));
    },
    grant: (kind, name, grant, by) => changeGrant(shelf, { kind, name, grant, by, change: "add" }),
    revoke: (kind, name, grant, by) =>
      changeGrant(shelf, { kind, name, grant, by, change: "remove" }),
    ...(dialect === "databricks"
      ? { setOwner: (kind, name, owner, by) => setOwner(shelf, { kind, name, owner, by }) }
      : {}),
    mayExecute: async (kind, name, principal) => {
      const of = nameFunction(place, kind, name);
      if ((await nameOwner(shelf, kind, name)) === undefined) return false;
      return await mayExecuteFunction(client, of, principal);
    },
    close: () => Promise.resolve(),
  } satisfies Registry;
}

async function find(
  shelf: Shelf,
  aliases: Aliases,
  key: RegistryKey,
): Promise<RegisteredItem | undefined> {
  const item = await versionOf(shelf, key);
  if (item === undefined) return undefined;
  const [owner, named] = await Promise.all([
    nameOwner(shelf, key.kind, key.name),
    aliases.read(key.kind, key.name),
  ]);
  return registeredItem(shelf, item, owner?.owner, named);
}

/** @throws BatonError REGISTRY_UNAVAILABLE where its definition was changed */
async function versionOf(
  { client, place }: Shelf,
  key: RegistryKey,
): Promise<RegistryItem | undefined> {
  const document = (await findFunction(client, versionFunction(place, key)))?.document;
  if (document?.is !== "version" || keyText(document.item) !== keyText(key)) return undefined;
  return whole(client, document.item);
}

function whole(client: UnityClient, item: RegistryItem): RegistryItem {
  if (isWhole(item)) return item;
  throw unavailable(
    client.connection,
    `holds a definition of ${keyText(item)} that is not the one whose fingerprint it has`,
    { fingerprint: item.fingerprint },
  );
}

/** Undefined for a name that is not registered. */
async function nameOwner(
  { client, place }: Shelf,
  kind: RegisteredKind,
  name: string,
): Promise<{ readonly owner: string | undefined } | undefined> {
  const found = await findFunction(client, nameFunction(place, kind, name));
  const document = found?.document;
  if (document?.is !== "name" || document.kind !== kind || document.name !== name) return undefined;
  return { owner: found?.owner };
}

/** @throws BatonError NOT_REGISTERED */
async function registeredFunction(
  shelf: Shelf,
  kind: RegisteredKind,
  name: string,
): Promise<FunctionName> {
  if ((await nameOwner(shelf, kind, name)) === undefined)
    throw notRegistered(registeredName(name, shelf.place));
  return nameFunction(shelf.place, kind, name);
}

/** What is in one schema, read once. */
async function* listed(
  shelf: Shelf,
  only: RegisteredKind | undefined,
): AsyncGenerator<RegisteredItem, void, undefined> {
  const { client, place } = shelf;
  const owners = new Map<string, string | undefined>();
  const changes = new Map<string, Extract<RegistryDocument, { is: "aliases" }>>();
  // The same version can be there twice, where two published it at once: it is listed once.
  const items = new Map<string, RegistryItem>();
  for await (const { name, owner, document } of listFunctions(client, place)) {
    if (document === undefined || !isAt(place, name, document)) continue;
    if (document.is === "name") owners.set(`${document.kind} ${document.name}`, owner);
    if (document.is === "version" && !items.has(keyText(document.item)))
      items.set(keyText(document.item), whole(client, document.item));
    if (document.is !== "aliases") continue;
    const named = `${document.kind} ${document.name}`;
    if (document.change > (changes.get(named)?.change ?? 0)) changes.set(named, document);
  }
  const some = [...items.values()].filter(({ kind }) => only === undefined || kind === only);
  for (const item of some.sort(inOrder)) {
    const named = `${item.kind} ${item.name}`;
    yield registeredItem(shelf, item, owners.get(named), changes.get(named)?.aliases ?? {});
  }
}

function isAt(place: RegistryPlace, name: string, document: RegistryDocument): boolean {
  const at = documentFunction(place, document);
  return fullName(at) === fullName({ ...place, name });
}

function inOrder(one: RegistryItem, other: RegistryItem): number {
  const [a, b] = [`${one.kind} ${one.name}`, `${other.kind} ${other.name}`];
  return a === b ? compareVersions(one.version, other.version) : a < b ? -1 : 1;
}

function registeredItem(
  { place }: Shelf,
  item: RegistryItem,
  owner: string | undefined,
  aliases: Readonly<Record<string, string>>,
): RegisteredItem {
  const pointing = Object.entries(aliases).filter(([, version]) => version === item.version);
  return {
    ...item,
    fullName: registeredName(item.name, place),
    ...(owner === undefined ? {} : { owner }),
    aliases: pointing.map(([alias]) => alias).sort(),
  };
}

interface GrantChange {
  readonly kind: RegisteredKind;
  readonly name: string;
  readonly grant: Grant;
  readonly by: string;
  readonly change: "add" | "remove";
}

async function changeGrant(
  shelf: Shelf,
  { kind, name, grant: { principal }, by, change }: GrantChange,
): Promise<void> {
  checkPrincipal("by", by);
  checkPrincipal("principal", principal);
  const of = await registeredFunction(shelf, kind, name);
  const became = await changeExecute(shelf.client, of, { principal, change });
  if (became === "done" || change === "remove") return;
  throw nobodyNamed(shelf, principal);
}

/** Databricks alone has a way to. */
async function setOwner(
  shelf: Shelf,
  change: {
    readonly kind: RegisteredKind;
    readonly name: string;
    readonly owner: string;
    readonly by: string;
  },
): Promise<void> {
  const { kind, name, owner, by } = change;
  checkPrincipal("by", by);
  checkPrincipal("owner", owner);
  const of = await registeredFunction(shelf, kind, name);
  const answer = await shelf.client.send("PATCH", functionPath(of), { owner });
  if (answer.kind !== "done") throw nobodyNamed(shelf, owner);
}

function nobodyNamed({ client }: Shelf, principal: string): BatonError {
  return new BatonError(
    "ARGUMENT_INVALID",
    `Unity Catalog at ${client.connection.server} knows nobody named ${principal}.`,
    { hint: "Add the user to the catalogue first, or name a user that it has." },
  );
}

function notRegistered(what: string): BatonError {
  return new BatonError("NOT_REGISTERED", `${what} is not registered.`, {
    details: { item: what },
  });
}

function ownValue(record: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
