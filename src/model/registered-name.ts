/** The names under which agents, contracts and workflows are registered: `catalog.schema.name`. */
import { BatonError } from "./errors.ts";

/** What can be registered. */
export type RegisteredKind = "agent" | "contract" | "workflow";

export const REGISTERED_KINDS: readonly RegisteredKind[] = ["agent", "contract", "workflow"];

/** What is looked for: a name and version as the code says them, without catalog and schema. */
export interface RegistryKey {
  readonly kind: RegisteredKind;
  readonly name: string;
  readonly version: string;
}

/** A key as text, by which items are found: `agent credit-score@1.2.0`. */
export function keyText({ kind, name, version }: RegistryKey): string {
  return `${kind} ${name}@${version}`;
}

/** Where names belong that do not say it themselves. */
export interface RegistryPlace {
  readonly catalog: string;
  readonly schema: string;
}

/** Where nothing else is said. */
export const DEFAULT_PLACE: RegistryPlace = { catalog: "main", schema: "default" };

const LEVELS = 3;

/**
 * A name of the code as `catalog.schema.name`: `credit-report` gets both from `place`, `lending.credit-report` the catalog, and
 * `risk.lending.credit-report` has both.
 * @throws BatonError ARGUMENT_INVALID for a name with more levels, or with an empty one.
 */
export function registeredName(name: string, { catalog, schema }: RegistryPlace): string {
  const levels = name.split(".");
  if (levels.length > LEVELS || levels.includes("")) {
    throw new BatonError("ARGUMENT_INVALID", `"${name}" can't be registered.`, {
      hint: "A registered name has three levels, catalog.schema.name, of which the first two may be left out.",
      details: { name },
    });
  }
  return [catalog, schema]
    .slice(0, LEVELS - levels.length)
    .concat(levels)
    .join(".");
}

/** @throws BatonError ARGUMENT_INVALID for a catalog or schema that can't be part of a name. */
export function registryPlace(given: Partial<RegistryPlace>): RegistryPlace {
  const place = { ...DEFAULT_PLACE, ...given };
  for (const [level, name] of Object.entries(place)) {
    if (/^[a-z][a-z0-9_-]*$/.test(name)) continue;
    throw new BatonError("ARGUMENT_INVALID", `"${name}" is not a name of a ${level}.`, {
      hint: "Use lower-case letters, digits, dashes and underscores; the first a letter.",
      details: { [level]: name },
    });
  }
  return place;
}
