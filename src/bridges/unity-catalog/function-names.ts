/**
 * The names of functions: which of them hold a name of ours, its versions, and its aliases.
 *
 * | of | function |
 * | --- | --- |
 * | the agent `credit-score` | `credit_score` |
 * | its version 1.2.0 | `credit_score__v1_2_0` |
 * | its aliases, after they were set for the third time | `credit_score__aliases_3` |
 * | the contract `credit-report` | `credit_report__contract`, `credit_report__contract__v1_0_0`, ... |
 * | the workflow `credit-decision` | `credit_decision__workflow`, ... |
 *
 * Dashes become underscores, so that SQL needs no quotes. Two names can meet in one function (`a--b` and a suffix of ours); each
 * function says in its definition what it is, and one that is something else is never taken for it.
 */
import type { RegistryPlace } from "../../model/registered-name.ts";
import { registeredName } from "../../model/registered-name.ts";
import type { RegisteredKind, RegistryKey } from "../../ports/registry.ts";
import type { RegistryDocument } from "./documents.ts";

const KIND_SUFFIX: Readonly<Record<RegisteredKind, string>> = {
  agent: "",
  contract: "__contract",
  workflow: "__workflow",
};

/** A function's three levels. */
export interface FunctionName {
  readonly catalog: string;
  readonly schema: string;
  readonly name: string;
}

export function fullName({ catalog, schema, name }: FunctionName): string {
  return `${catalog}.${schema}.${name}`;
}

/** The function that a name has: who may execute the agent is whoever has EXECUTE on it. @throws BatonError ARGUMENT_INVALID */
export function nameFunction(
  place: RegistryPlace,
  kind: RegisteredKind,
  name: string,
): FunctionName {
  const [catalog = "", schema = "", last = ""] = registeredName(name, place).split(".");
  return { catalog, schema, name: `${last.replaceAll("-", "_")}${KIND_SUFFIX[kind]}` };
}

/** @throws BatonError ARGUMENT_INVALID */
export function versionFunction(place: RegistryPlace, key: RegistryKey): FunctionName {
  return suffixed(nameFunction(place, key.kind, key.name), `v${key.version.replaceAll(".", "_")}`);
}

/** @param change counted from 1 */
export function aliasesFunction(
  place: RegistryPlace,
  {
    kind,
    name,
    change,
  }: { readonly kind: RegisteredKind; readonly name: string; readonly change: number },
): FunctionName {
  return suffixed(nameFunction(place, kind, name), `aliases_${change}`);
}

/** Where a document belongs. What stands elsewhere and says that it is the same is a copy, or a claim. */
export function documentFunction(place: RegistryPlace, document: RegistryDocument): FunctionName {
  switch (document.is) {
    case "name":
      return nameFunction(place, document.kind, document.name);
    case "version":
      return versionFunction(place, document.item);
    case "aliases":
      return aliasesFunction(place, document);
  }
}

function suffixed(of: FunctionName, suffix: string): FunctionName {
  return { ...of, name: `${of.name}__${suffix}` };
}
