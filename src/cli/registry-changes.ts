/** What `baton registry` changes. */
import { catalogueItems, type Published } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import type { Cli } from "./cli.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { RegistryFlags, Typed } from "./registry.ts";
import { changeRegistry } from "./registry-access.ts";
import { keyNamed, kindOf, nameOnly, typedName, value } from "./registry-names.ts";
import { count, printable } from "./text.ts";

/** Everything that the config names. */
export async function publish(cli: Cli, _: Typed, flags: RegistryFlags): Promise<ExitCode> {
  const by = cli.person(flags.by).id;
  return changeRegistry(
    cli,
    flags,
    (registry, code) => registry.publish(catalogueItems(code), by),
    (published) => tellPublished(cli, flags, published),
  );
}

function tellPublished(cli: Cli, flags: RegistryFlags, published: readonly Published[]): void {
  if (flags.json === true) {
    cli.printJson(published.map(({ key, fullName, became }) => ({ ...key, fullName, became })));
    return;
  }
  const fresh = published.filter(({ became }) => became === "registered");
  for (const { key, fullName } of fresh)
    cli.print(`registered: ${key.kind} ${printable(fullName)}@${key.version}`);
  const same = published.length - fresh.length;
  cli.print(`${fresh.length} registered, ${same} as they were`);
}

export async function setAlias(cli: Cli, typed: Typed, flags: RegistryFlags): Promise<ExitCode> {
  const kind = kindOf(typed.kind);
  const named = typedName(typed.name);
  const alias = value(typed.value, "which alias it is to have, such as champion");
  const by = cli.person(flags.by).id;
  return changeRegistry(
    cli,
    flags,
    async (registry) => {
      const key = await keyNamed(registry, kind, named);
      await registry.setAlias(key, alias, by);
      return key;
    },
    (key) => {
      if (flags.json === true) cli.printJson({ ...key, alias });
      else cli.print(`${printable(alias)}: ${kind} ${printable(key.name)}@${key.version}`);
    },
  );
}

export async function grantOrRevoke(
  cli: Cli,
  action: "grant" | "revoke",
  typed: Typed,
  flags: RegistryFlags,
): Promise<ExitCode> {
  const kind = kindOf(typed.kind);
  const name = nameOnly(typed.name);
  const principal = value(typed.value, `to whom: \`baton registry ${action} ${kind} ${name} ada\``);
  const by = cli.person(flags.by).id;
  return changeRegistry(
    cli,
    flags,
    async (registry) => {
      await registry[action](kind, name, { principal, privilege: "EXECUTE" }, by);
      return await registry.grants(kind, name);
    },
    (grants) => {
      if (flags.json === true) return cli.printJson({ kind, name, grants });
      const done = action === "grant" ? "granted to" : "revoked from";
      cli.print(`EXECUTE on ${kind} ${printable(name)} ${done} ${printable(principal)}`);
      cli.note(`${count(grants.length, "grant")} besides its owner`);
    },
  );
}

export async function setOwner(cli: Cli, typed: Typed, flags: RegistryFlags): Promise<ExitCode> {
  const kind = kindOf(typed.kind);
  const name = nameOnly(typed.name);
  const owner = value(typed.value, "who is to own it");
  const by = cli.person(flags.by).id;
  return changeRegistry(
    cli,
    flags,
    async (registry) => {
      if (registry.setOwner === undefined) {
        throw new BatonError(
          "ARGUMENT_INVALID",
          `${registry.place} has no way to change an owner.`,
          {
            hint: "Change it where that registry is kept.",
          },
        );
      }
      await registry.setOwner(kind, name, owner, by);
    },
    () => {
      if (flags.json === true) cli.printJson({ kind, name, owner });
      else cli.print(`${kind} ${printable(name)} is owned by ${printable(owner)}`);
    },
  );
}
