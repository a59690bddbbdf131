/** Drift: where the code and the registry say different things. */
import type { DefinitionDifference } from "../model/admission.ts";
import { compareVersions } from "../model/naming.ts";
import { keyText, type RegistryKey } from "../model/registered-name.ts";
import type { RegisteredItem, Registry, RegistryItem } from "../ports/registry.ts";
import { definitionDifferences } from "./differences.ts";

/** One place where the code and the registry say different things. */
export type Drift =
  /** It is in the code, and no version like it is registered. */
  | { readonly kind: "notRegistered"; readonly key: RegistryKey }
  /** It is registered as something else. */
  | {
      readonly kind: "differs";
      readonly key: RegistryKey;
      readonly fullName: string;
      readonly registered: string;
      readonly fingerprint: string;
      /** The first ten; `before` is what is registered, `after` what the code says. */
      readonly differences: readonly DefinitionDifference[];
    }
  /** It is registered, and the code has nothing of that name, or only versions before it. */
  | { readonly kind: "notInCode"; readonly key: RegistryKey; readonly fullName: string }
  /** An alias points to a version that is not in the code. */
  | {
      readonly kind: "aliasNotInCode";
      readonly key: RegistryKey;
      readonly fullName: string;
      readonly alias: string;
    };

/**
 * Holds the code against the registry. Versions that are registered and older than one in the code are no drift: that is what a
 * registry is for. Neither are names of other catalogs and schemas, unless the code has them.
 *
 * @param items what the code says: `catalogueItems({ workflows, agents })`
 * @throws BatonError REGISTRY_UNAVAILABLE; ARGUMENT_INVALID for a name that can't be registered
 */
export async function drift(
  registry: Pick<Registry, "find" | "list" | "fullName">,
  items: readonly RegistryItem[],
): Promise<readonly Drift[]> {
  const found: Drift[] = [];
  for (const item of items) {
    const difference = differenceOf(item, await registry.find(keyOf(item)));
    if (difference !== undefined) found.push(difference);
  }
  const inFull = items.map((item) => ({ ...item, name: registry.fullName(item.name) }));
  const code: Code = { versions: new Set(inFull.map(keyText)), newest: newestInCode(inFull) };
  for await (const registered of registry.list()) {
    const { fullName } = registered;
    const isOwn = registry.fullName(fullName.split(".").at(-1) ?? "") === fullName;
    found.push(...onlyRegistered(registered, code, isOwn));
  }
  return found;
}

/** What the code has, by full names. */
interface Code {
  readonly versions: ReadonlySet<string>;
  /** The newest version of each kind and name. */
  readonly newest: ReadonlyMap<string, string>;
}

function differenceOf(item: RegistryItem, known: RegisteredItem | undefined): Drift | undefined {
  const key = keyOf(item);
  if (known === undefined) return { kind: "notRegistered", key };
  if (known.fingerprint === item.fingerprint) return undefined;
  return {
    kind: "differs",
    key,
    fullName: known.fullName,
    registered: known.fingerprint,
    fingerprint: item.fingerprint,
    differences: definitionDifferences(known.definition, item.definition),
  };
}

function newestInCode(items: readonly RegistryItem[]): ReadonlyMap<string, string> {
  const newest = new Map<string, string>();
  for (const { kind, name, version } of items) {
    const known = newest.get(`${kind} ${name}`);
    if (known === undefined || compareVersions(version, known) > 0)
      newest.set(`${kind} ${name}`, version);
  }
  return newest;
}

/** `isOwn`: it is in the registry's own catalog and schema. */
function onlyRegistered(registered: RegisteredItem, code: Code, isOwn: boolean): readonly Drift[] {
  const { kind, fullName, aliases, version } = registered;
  const inUse = code.newest.get(`${kind} ${fullName}`);
  if (!isOwn && inUse === undefined) return [];
  if (code.versions.has(keyText({ kind, name: fullName, version }))) return [];
  const place = { key: keyOf(registered), fullName };
  const isGone = inUse === undefined || compareVersions(version, inUse) > 0;
  return [
    ...(isGone ? [{ kind: "notInCode", ...place } as const] : []),
    ...aliases.map((alias) => ({ kind: "aliasNotInCode", ...place, alias }) as const),
  ];
}

function keyOf({ kind, name, version }: RegistryKey): RegistryKey {
  return { kind, name, version };
}
