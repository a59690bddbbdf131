/** The lineage of definitions: of what a version is made, and what is made of it. */
import { BatonError } from "../model/errors.ts";
import { keyText, type RegistryKey } from "../model/registered-name.ts";
import type { RegistryItem } from "../ports/registry.ts";

/** A version, with those that it leads to. */
export interface LineageOfDefinition {
  readonly key: RegistryKey;
  /** Whether it is among the items: what is used may not be registered. */
  readonly known: boolean;
  readonly next: readonly LineageOfDefinition[];
}

/** Both directions from one version. */
export interface DefinitionLineage {
  readonly key: RegistryKey;
  /** Of what it is made. */
  readonly uses: readonly LineageOfDefinition[];
  /** What is made of it. */
  readonly usedBy: readonly LineageOfDefinition[];
}

/**
 * The lineage of one version among items: those of a registry, or of the code.
 * @throws BatonError NOT_REGISTERED where it is not among them
 */
export function definitionLineage(
  items: readonly RegistryItem[],
  key: RegistryKey,
): DefinitionLineage {
  const byKey = new Map(items.map((item) => [keyText(item), item]));
  if (!byKey.has(keyText(key)))
    throw new BatonError("NOT_REGISTERED", `${keyText(key)} is not registered.`, {
      details: { key },
    });
  const users = new Map<string, RegistryKey[]>();
  for (const { kind, name, version, uses } of items) {
    for (const used of uses) {
      const those = users.get(keyText(used)) ?? [];
      those.push({ kind, name, version });
      users.set(keyText(used), those);
    }
  }
  const uses = (each: RegistryKey) => byKey.get(keyText(each))?.uses ?? [];
  const usedBy = (each: RegistryKey) => users.get(keyText(each)) ?? [];
  const walked = (next: (each: RegistryKey) => readonly RegistryKey[]) =>
    walk(key, next, byKey, new Set([keyText(key)]));
  return { key, uses: walked(uses), usedBy: walked(usedBy) };
}

/** `above` has those on the way here: a registry may say of two versions that each uses the other. */
function walk(
  from: RegistryKey,
  next: (each: RegistryKey) => readonly RegistryKey[],
  known: ReadonlyMap<string, RegistryItem>,
  above: ReadonlySet<string>,
): readonly LineageOfDefinition[] {
  return next(from).map((key) => {
    const id = keyText(key);
    const isKnown = known.has(id);
    if (above.has(id)) return { key, known: isKnown, next: [] };
    return { key, known: isKnown, next: walk(key, next, known, new Set([...above, id])) };
  });
}
