/** What `baton registry` answers. */
import {
  catalogueItems,
  type DefinitionLineage,
  definitionLineage,
  type Drift,
  drift,
  differenceText,
  type LineageOfDefinition,
  type RegisteredItem,
} from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { keyText } from "../model/registered-name.ts";
import type { Cli } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { RegistryFlags, Typed } from "./registry.ts";
import { askRegistry } from "./registry-access.ts";
import { keyNamed, kindOf, typedName, versionsOf } from "./registry-names.ts";
import { printTable } from "./table.ts";
import { count, printable } from "./text.ts";

export async function list(cli: Cli, typed: Typed, flags: RegistryFlags): Promise<ExitCode> {
  const kind = typed.kind === undefined ? undefined : kindOf(typed.kind);
  return askRegistry(cli, flags, async (registry) => {
    const found: RegisteredItem[] = [];
    for await (const item of registry.list(kind)) found.push(item);
    if (flags.json === true) cli.printJson(found.map(withoutDefinition));
    else if (found.length === 0) cli.note("Nothing is registered.");
    else await printItems(cli, found);
    return EXIT.ok;
  });
}

function withoutDefinition({ definition: _, ...item }: RegisteredItem): object {
  return item;
}

async function printItems(cli: Cli, found: readonly RegisteredItem[]): Promise<void> {
  await printTable(
    cli,
    [
      { title: "KIND" },
      { title: "NAME", flexible: true },
      { title: "VERSION" },
      { title: "ALIASES", flexible: true },
      { title: "OWNER", flexible: true },
      { title: "FINGERPRINT" },
    ],
    found.map(({ kind, fullName, version, aliases, owner, fingerprint }) => [
      kind,
      printable(fullName),
      printable(version),
      printable(aliases.join(", ")),
      printable(owner ?? ""),
      fingerprint.slice(0, FINGERPRINT_SHOWN),
    ]),
  );
}

const FINGERPRINT_SHOWN = 12;

export async function show(cli: Cli, typed: Typed, flags: RegistryFlags): Promise<ExitCode> {
  const kind = kindOf(typed.kind);
  const named = typedName(typed.name);
  return askRegistry(cli, flags, async (registry) => {
    const versions = await versionsOf(registry, kind, named.name);
    const key = await keyNamed(registry, kind, named);
    const shown = versions.find(({ version }) => version === key.version) ?? versions[0];
    const grants = await registry.grants(kind, shown.name);
    if (flags.json === true) {
      cli.printJson({ ...shown, grants, versions: versions.map(({ version }) => version) });
      return EXIT.ok;
    }
    await printItems(cli, versions);
    const principals = grants.map(({ principal }) => principal).join(", ");
    cli.print();
    if (shown.description !== undefined) cli.print(printable(shown.description));
    cli.print(
      `may execute: ${printable([shown.owner ?? "", principals].filter(Boolean).join(", "))}`,
    );
    if (shown.uses.length > 0)
      cli.print(`${shown.version} uses: ${printable(shown.uses.map(keyText).join(", "))}`);
    return EXIT.ok;
  });
}

/** Exit code 1 if there is any. */
export async function showDrift(cli: Cli, _: Typed, flags: RegistryFlags): Promise<ExitCode> {
  if (flags.store !== undefined && flags.config === undefined) {
    throw new BatonError("ARGUMENT_INVALID", "Drift is between the registry and the code.", {
      hint: "Name the code with --config as well.",
    });
  }
  return askRegistry(cli, flags, async (registry, code) => {
    const items = catalogueItems(code);
    const found = await drift(registry, items);
    if (flags.json === true) cli.printJson(found);
    else printDrift(cli, found, `${count(items.length, "definition")}, ${registry.place}`);
    return found.length === 0 ? EXIT.ok : EXIT.failed;
  });
}

function printDrift(cli: Cli, found: readonly Drift[], held: string): void {
  if (found.length === 0) {
    cli.print(`${cli.colors.green("ok")}  the code says what is registered: ${printable(held)}`);
    return;
  }
  for (const each of found) {
    for (const line of driftLines(each)) cli.print(printable(line));
  }
}

function driftLines(found: Drift): readonly string[] {
  const key = keyText(found.key);
  switch (found.kind) {
    case "notRegistered":
      return [`${key} is in the code, and not registered`];
    case "notInCode":
      return [`${key} is registered, and not in the code`];
    case "aliasNotInCode":
      return [`${found.alias} points to ${key}, which is not in the code`];
    case "differs":
      return [
        `${key} is registered as something else`,
        ...found.differences.map((difference) => `  ${differenceText(difference)}`),
      ];
  }
}

export async function lineage(cli: Cli, typed: Typed, flags: RegistryFlags): Promise<ExitCode> {
  const kind = kindOf(typed.kind);
  const named = typedName(typed.name);
  return askRegistry(cli, flags, async (registry) => {
    const key = await keyNamed(registry, kind, named);
    const items: RegisteredItem[] = [];
    for await (const item of registry.list()) items.push(item);
    const found = definitionLineage(items, key);
    if (flags.json === true) cli.printJson(found);
    else printLineage(cli, found);
    return EXIT.ok;
  });
}

function printLineage(cli: Cli, { key, uses, usedBy }: DefinitionLineage): void {
  cli.print(printable(keyText(key)));
  const branch = (title: string, nodes: readonly LineageOfDefinition[]) => {
    if (nodes.length === 0) return;
    cli.print(`  ${cli.colors.dim(title)}`);
    for (const node of nodes) printNode(cli, node, 2);
  };
  branch("uses", uses);
  branch("is used by", usedBy);
}

function printNode(cli: Cli, { key, known, next }: LineageOfDefinition, depth: number): void {
  const missing = known ? "" : cli.colors.yellow("  (not registered)");
  cli.print(`${"  ".repeat(depth)}${printable(keyText(key))}${missing}`);
  for (const node of next) printNode(cli, node, depth + 1);
}
