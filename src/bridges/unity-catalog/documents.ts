/**
 * What stands in the definition of a function that Baton made: a document that says what the function is. Functions can't be
 * changed, so neither can these.
 */
import { canonicalJson } from "../../journal/canonical.ts";
import { sha256Hex } from "../../journal/hash.ts";
import type { JsonObject } from "../../model/json.ts";
import { isAgentName, isVersion } from "../../model/naming.ts";
import type { RegisteredKind, RegistryItem, RegistryKey } from "../../ports/registry.ts";
import { isObject, objectsOf, textOf, type UnityObject } from "./fields.ts";

/** Of this layout: another one gets another number, and is not read by what doesn't know it. */
export const DOCUMENT_FORMAT = "baton/registry/v1";

export type RegistryDocument =
  /** A name: its owner and grants are the function's. */
  | {
      readonly is: "name";
      readonly kind: RegisteredKind;
      readonly name: string;
      readonly by: string;
    }
  | { readonly is: "version"; readonly item: RegistryItem; readonly by: string }
  /** All aliases of a name, after one was set. */
  | {
      readonly is: "aliases";
      readonly kind: RegisteredKind;
      readonly name: string;
      /** Counted from 1. */
      readonly change: number;
      /** What this change set, of all of them. */
      readonly set: Readonly<Record<string, string>>;
      /** Versions by alias. */
      readonly aliases: Readonly<Record<string, string>>;
      readonly by: string;
    };

export function documentText(document: RegistryDocument): string {
  return JSON.stringify({ format: DOCUMENT_FORMAT, ...document });
}

/** Undefined for the function of somebody else. */
export function parseDocument(text: string | undefined): RegistryDocument | undefined {
  if (text === undefined || !text.includes(DOCUMENT_FORMAT)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value["format"] !== DOCUMENT_FORMAT) return undefined;
  const by = textOf(value, "by") ?? "";
  if (value["is"] === "version") {
    const item = itemOf(value["item"]);
    return item === undefined ? undefined : { is: "version", item, by };
  }
  const named = namedOf(value);
  if (named === undefined) return undefined;
  if (value["is"] === "name") return { is: "name", ...named, by };
  const change = Number(value["change"]);
  const [set, aliases] = [versionsOf(value["set"]), versionsOf(value["aliases"])];
  return value["is"] === "aliases" && Number.isSafeInteger(change)
    ? { is: "aliases", ...named, change, set, aliases, by }
    : undefined;
}

function versionsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([alias, version]) =>
      typeof version === "string" ? [[alias, version] as const] : [],
    ),
  );
}

/** Whether a definition is still the one whose fingerprint it has. */
export function isWhole({ definition, fingerprint }: RegistryItem): boolean {
  return sha256Hex(canonicalJson(definition)) === fingerprint;
}

function namedOf(value: UnityObject): { kind: RegisteredKind; name: string } | undefined {
  const { kind, name } = value;
  if (kind !== "agent" && kind !== "contract" && kind !== "workflow") return undefined;
  if (typeof name !== "string" || !isAgentName(name)) return undefined;
  // Catalog, schema and name at most, none of them empty.
  return /^[^.]+(\.[^.]+){0,2}$/.test(name) ? { kind, name } : undefined;
}

function keyOf(value: UnityObject): RegistryKey | undefined {
  const named = namedOf(value);
  const version = textOf(value, "version");
  return named === undefined || version === undefined || !isVersion(version)
    ? undefined
    : { ...named, version };
}

function itemOf(value: unknown): RegistryItem | undefined {
  if (!isObject(value)) return undefined;
  const key = keyOf(value);
  const fingerprint = textOf(value, "fingerprint");
  const { definition } = value;
  if (key === undefined || fingerprint === undefined || !isJsonObject(definition)) return undefined;
  const description = textOf(value, "description");
  return {
    ...key,
    ...(description === undefined ? {} : { description }),
    definition,
    fingerprint,
    uses: objectsOf(value, "uses").flatMap((each) => keyOf(each) ?? []),
  };
}

/** What JSON.parse gives is JSON. */
function isJsonObject(value: unknown): value is JsonObject {
  return isObject(value);
}
