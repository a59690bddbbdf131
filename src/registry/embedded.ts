/**
 * The embedded registry: the catalogue of agents, contracts and workflows in the store's own journal.
 *
 * Owns the streams `registry/<kind>/<catalog>.<schema>.<name>`, one for each name, and what they come to in memory. Does not own:
 * what is asked before a call, which is the engine's; the graphs that runs are pinned to, which stand in `registry/<workflow>`.
 *
 * M1. Each question reads what was added to the name's stream since the last one. There is nothing to invalidate.
 * M2. What is written is written in turn, and nothing of it is kept where any of it is refused.
 * M3. A store that can't be read is REGISTRY_UNAVAILABLE to whoever asks; whoever writes gets the store's own error.
 */
import { readStream } from "../history/read.ts";
import { BatonError, isBatonError } from "../model/errors.ts";
import {
  keyText,
  REGISTERED_KINDS,
  type RegisteredKind,
  registeredName,
  type RegistryKey,
  type RegistryPlace,
  registryPlace,
} from "../model/registered-name.ts";
import type {
  Grant,
  Published,
  RegisteredItem,
  Registry,
  RegistryFactory,
  RegistryHost,
  RegistryItem,
} from "../ports/registry.ts";
import { type Change, commitChanges } from "./commit-changes.ts";
import { checkAlias, checkPrincipal } from "./naming-checks.ts";
import { definitionDifferences, differenceText } from "./differences.ts";
import {
  applyEntry,
  type NameRecord,
  newRecord,
  registeredItem,
  registeredItems,
  registryStream,
} from "./name-record.ts";

/** In which catalog and schema names are that do not say it themselves: `main.default` if left out. */
export type EmbeddedRegistryOptions = Partial<RegistryPlace>;

/**
 * A registry in the store itself, for `open({ registry })`: versions, aliases, owners and grants are entries of the journal.
 *
 * @throws BatonError ARGUMENT_INVALID for a catalog or schema that is no name
 * @example const baton = await open({ store, workflows, registry: embeddedRegistry({ schema: "lending" }), principal: "batch" });
 */
export function embeddedRegistry(options: EmbeddedRegistryOptions = {}): RegistryFactory {
  const place = registryPlace(options);
  return { kind: "embedded", open: async (host) => openEmbedded(host, place) };
}

/** What is known of names, by stream. */
interface Embedded {
  readonly host: RegistryHost;
  readonly place: RegistryPlace;
  readonly records: Map<string, NameRecord>;
  /** By stream, the reading that is under way; who comes meanwhile reads after it. */
  readonly reading: Map<string, Promise<unknown>>;
  /** Resolves once all that was to be written so far is. */
  written: Promise<unknown>;
}

function openEmbedded(host: RegistryHost, place: RegistryPlace): Registry {
  const own: Embedded = {
    host,
    place,
    records: new Map(),
    reading: new Map(),
    written: Promise.resolve(),
  };
  const label = `${place.catalog}.${place.schema} in ${host.store.label}`;
  const asked = <X>(question: () => Promise<X>): Promise<X> => unlessUnavailable(label, question);
  const known = (kind: RegisteredKind, name: string) =>
    asked(() => current(own, kind, registeredName(name, place)));
  return {
    place: label,
    fullName: (name) => registeredName(name, place),
    find: async ({ kind, name, version }) =>
      registeredItem(await known(kind, name), version, place),
    list: (kind) => listed(own, label, kind),
    publish: (items, by) => inTurn(own, () => publish(own, items, by)),
    alias: async (kind, name, alias) => (await known(kind, name)).aliases.get(alias),
    setAlias: (key, alias, by) => inTurn(own, () => setAlias(own, key, alias, by)),
    grants: async (kind, name) => grantsOf(registered(await known(kind, name))),
    grant: (kind, name, grant, by) => inTurn(own, () => granted(own, kind, name, grant, by, true)),
    revoke: (kind, name, grant, by) =>
      inTurn(own, () => granted(own, kind, name, grant, by, false)),
    setOwner: (kind, name, owner, by) => inTurn(own, () => setOwner(own, kind, name, owner, by)),
    mayExecute: async (kind, name, principal) => {
      const { versions, owner, granted: those } = await known(kind, name);
      return versions.size > 0 && (owner === principal || those.has(principal));
    },
    close: async () => {
      await own.written;
    },
  };
}

/** What the journal has of a name by now. Those who ask at the same moment read one after the other, so that no entry counts twice. */
function current(own: Embedded, kind: RegisteredKind, fullName: string): Promise<NameRecord> {
  const stream = registryStream(kind, fullName);
  const before = own.reading.get(stream);
  const read = async () => {
    await before?.catch(() => undefined);
    return await refreshed(own, kind, fullName);
  };
  const reading = read();
  own.reading.set(stream, reading);
  const over = () => {
    if (own.reading.get(stream) === reading) own.reading.delete(stream);
  };
  reading.then(over, over);
  return reading;
}

async function refreshed(
  { host, records }: Embedded,
  kind: RegisteredKind,
  fullName: string,
): Promise<NameRecord> {
  const stream = registryStream(kind, fullName);
  const record = records.get(stream) ?? newRecord(kind, fullName);
  const { store, namespace } = host;
  try {
    for await (const entry of readStream(store, { namespace, stream }, record.seq + 1))
      applyEntry(record, entry);
  } catch (error) {
    // There is no such stream.
    if (!isBatonError(error, "RUN_NOT_FOUND")) throw error;
  }
  // A name that is not registered may be asked for by anybody: it takes no place.
  if (record.seq >= 0) records.set(stream, record);
  return record;
}

const PAGE_NAMES = 1_000;

async function* listed(
  own: Embedded,
  label: string,
  only: RegisteredKind | undefined,
): AsyncGenerator<RegisteredItem, void, undefined> {
  const { store, namespace } = own.host;
  for (const kind of only === undefined ? REGISTERED_KINDS : [only]) {
    const prefix = registryStream(kind);
    const filter = { namespace, prefix, order: "oldest", limit: PAGE_NAMES } as const;
    let after: number | undefined;
    for (;;) {
      const page = after === undefined ? filter : { ...filter, after };
      const heads = await unlessUnavailable(label, () => store.heads(page));
      for (const { stream } of heads) {
        const name = stream.slice(prefix.length);
        const record = await unlessUnavailable(label, () => current(own, kind, name));
        yield* registeredItems(record, own.place);
      }
      if (heads.length < PAGE_NAMES) break;
      after = heads.at(-1)?.no;
    }
  }
}

async function unlessUnavailable<X>(label: string, question: () => Promise<X>): Promise<X> {
  try {
    return await question();
  } catch (cause) {
    if (isBatonError(cause, "ARGUMENT_INVALID")) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BatonError(
      "REGISTRY_UNAVAILABLE",
      `The registry ${label} could not be asked: ${why}`,
      {
        cause,
      },
    );
  }
}

/** One after the other: what one writes, the next one sees (M2). */
function inTurn<X>(own: Embedded, write: () => Promise<X>): Promise<X> {
  const written = own.written.then(write);
  own.written = written.catch(() => undefined);
  return written;
}

async function publish(
  own: Embedded,
  items: readonly RegistryItem[],
  by: string,
): Promise<readonly Published[]> {
  checkPrincipal("by", by);
  const published: Published[] = [];
  const conflicts: { readonly key: RegistryKey; readonly message: string }[] = [];
  const changes: Change[] = [];
  // By kind, full name and version, what this very call registers: a list may name a version twice.
  const fresh = new Map<string, RegistryItem>();
  for (const item of items) {
    const { kind, name, version } = item;
    const key = { kind, name, version };
    const fullName = registeredName(name, own.place);
    const record = await current(own, kind, fullName);
    const id = `${kind} ${fullName}@${version}`;
    const known = record.versions.get(version) ?? fresh.get(id);
    const isSame = known?.fingerprint === item.fingerprint;
    published.push({ key, fullName, became: isSame ? "same" : "registered" });
    if (known !== undefined && !isSame) conflicts.push({ key, message: conflict(known, item) });
    else if (known === undefined || usesMore(known, item)) changes.push(publishing(record, item));
    fresh.set(id, item);
  }
  if (conflicts.length > 0) {
    const message = conflicts.map((each) => each.message).join(" ");
    throw new BatonError("REGISTRY_CONFLICT", message, { details: { conflicts } });
  }
  await commitChanges(own.host, changes, by);
  return published;
}

function conflict(known: RegistryItem, item: RegistryItem): string {
  const differences = definitionDifferences(known.definition, item.definition);
  return `${keyText(item)} is registered as something else: ${differences.map(differenceText).join("; ")}.`;
}

function usesMore({ uses }: RegistryItem, item: RegistryItem): boolean {
  const known = new Set(uses.map(keyText));
  return item.uses.some((key) => !known.has(keyText(key)));
}

function publishing(record: NameRecord, item: RegistryItem): Change {
  const { name, version, fingerprint, description, uses, definition } = item;
  const described = description === undefined ? {} : { description };
  const payload = { name, version, fingerprint, ...described, uses };
  return { record, kind: "registry.published", payload, value: definition };
}

async function setAlias(
  own: Embedded,
  { kind, name, version }: RegistryKey,
  alias: string,
  by: string,
): Promise<void> {
  checkPrincipal("by", by);
  checkAlias(alias);
  const record = await current(own, kind, registeredName(name, own.place));
  if (!record.versions.has(version)) throw notRegistered(`${record.fullName}@${version}`);
  if (record.aliases.get(alias) === version) return;
  const change = { record, kind: "registry.aliased", payload: { alias, version } } as const;
  await commitChanges(own.host, [change], by);
}

async function granted(
  own: Embedded,
  kind: RegisteredKind,
  name: string,
  { principal, privilege }: Grant,
  by: string,
  isGranted: boolean,
): Promise<void> {
  checkPrincipal("by", by);
  checkPrincipal("principal", principal);
  const record = registered(await current(own, kind, registeredName(name, own.place)));
  if (record.granted.has(principal) === isGranted) return;
  const changed = isGranted ? "registry.granted" : "registry.revoked";
  await commitChanges(own.host, [{ record, kind: changed, payload: { principal, privilege } }], by);
}

async function setOwner(
  own: Embedded,
  kind: RegisteredKind,
  name: string,
  owner: string,
  by: string,
): Promise<void> {
  checkPrincipal("by", by);
  checkPrincipal("owner", owner);
  const record = registered(await current(own, kind, registeredName(name, own.place)));
  if (record.owner === owner) return;
  await commitChanges(own.host, [{ record, kind: "registry.owned", payload: { owner } }], by);
}

function grantsOf({ granted: those }: NameRecord): readonly Grant[] {
  return [...those].sort().map((principal) => ({ principal, privilege: "EXECUTE" }));
}

/** @throws BatonError NOT_REGISTERED */
function registered(record: NameRecord): NameRecord {
  if (record.versions.size > 0) return record;
  throw notRegistered(`${record.kind} ${record.fullName}`);
}

function notRegistered(what: string): BatonError {
  return new BatonError("NOT_REGISTERED", `${what} is not registered.`, {
    details: { item: what },
  });
}
