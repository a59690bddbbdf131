/** What of the registry a command is about, as it is typed: `agent credit-score@1.2.0`. */
import type { RegisteredItem, RegisteredKind, Registry, RegistryKey } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { compareVersions } from "../model/naming.ts";
import { REGISTERED_KINDS } from "../model/registered-name.ts";

/** @throws BatonError ARGUMENT_INVALID */
export function kindOf(text: string | undefined): RegisteredKind {
  const kind = REGISTERED_KINDS.find((each) => each === text);
  if (kind !== undefined) return kind;
  const what =
    text === undefined ? "It is not said what it is about" : `"${text}" can't be registered`;
  throw new BatonError("ARGUMENT_INVALID", `${what}.`, {
    hint: `Name one of ${REGISTERED_KINDS.join(", ")}, and then its name, as in: agent credit-score.`,
  });
}

export interface TypedName {
  readonly name: string;
  readonly version?: string;
}

/** `credit-score@1.2.0`, or `credit-score`. @throws BatonError ARGUMENT_INVALID */
export function typedName(text: string | undefined): TypedName {
  if (text === undefined)
    throw new BatonError("ARGUMENT_INVALID", "It is not said which one.", {
      hint: "Name it as `baton registry list` does, with @version where it is about one.",
    });
  const at = text.lastIndexOf("@");
  return at <= 0 ? { name: text } : { name: text.slice(0, at), version: text.slice(at + 1) };
}

/** Without a version, which is about all of them. @throws BatonError ARGUMENT_INVALID */
export function nameOnly(text: string | undefined): string {
  const { name, version } = typedName(text);
  if (version === undefined) return name;
  throw new BatonError("ARGUMENT_INVALID", `Owner and grants are of all versions of ${name}.`, {
    hint: `Name it without a version: ${name}`,
  });
}

/** @throws BatonError ARGUMENT_INVALID */
export function value(text: string | undefined, what: string): string {
  if (text !== undefined) return text;
  throw new BatonError("ARGUMENT_INVALID", `It is not said ${what}.`);
}

/** All versions of a name, the newest first. @throws BatonError NOT_REGISTERED */
export async function versionsOf(
  registry: Registry,
  kind: RegisteredKind,
  name: string,
): Promise<readonly [RegisteredItem, ...RegisteredItem[]]> {
  // What is listed may be of other schemas too, under the same name.
  const fullName = registry.fullName(name);
  const found: RegisteredItem[] = [];
  for await (const item of registry.list(kind)) if (item.fullName === fullName) found.push(item);
  const [first, ...others] = found.sort((a, b) => compareVersions(b.version, a.version));
  if (first !== undefined) return [first, ...others];
  throw new BatonError("NOT_REGISTERED", `There is no ${kind} ${name} in ${registry.place}.`, {
    details: { kind, name },
  });
}

/** The version that is named, by its number or an alias; the newest without one. @throws BatonError NOT_REGISTERED */
export async function keyNamed(
  registry: Registry,
  kind: RegisteredKind,
  { name, version }: TypedName,
): Promise<RegistryKey> {
  const versions = await versionsOf(registry, kind, name);
  const item =
    version === undefined
      ? versions[0]
      : versions.find((each) => each.version === version || each.aliases.includes(version));
  if (item !== undefined) return { kind, name: item.name, version: item.version };
  throw new BatonError("NOT_REGISTERED", `There is no ${kind} ${name}@${version}.`, {
    hint: `There are: ${versions.map((each) => each.version).join(", ")}.`,
    details: { kind, name, version },
  });
}
