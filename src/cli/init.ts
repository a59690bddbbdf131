/** `baton init`: a new project that runs. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { BatonError } from "../model/errors.ts";
import { examples } from "./arguments.ts";
import type { Cli } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { projectFiles } from "./project-template.ts";

interface InitFlags {
  readonly json?: boolean;
}

/** What a new folder may already hold: nothing of it is touched, but for package.json, which gets what it lacks. */
const HARMLESS: ReadonlySet<string> = new Set([
  ".git",
  ".DS_Store",
  ".idea",
  ".vscode",
  // What `npm install baton` leaves in an empty folder.
  "node_modules",
  "package.json",
  "package-lock.json",
]);

export function define(command: Command, cli: Cli): void {
  command
    .argument("[folder]", "where to; an empty or new folder", ".")
    .addHelpText("after", examples("baton init my-app", "mkdir my-app && cd my-app && baton init"))
    .action((folder: string, flags: InitFlags) => cli.finish(init(cli, folder, flags)));
}

function init(cli: Cli, folder: string, flags: InitFlags): ExitCode {
  const target = resolve(cli.terminal.cwd, folder);
  refuseOccupied(target, folder);
  const files = projectFiles({ name: packageName(basename(target)), baton: batonVersion() });
  for (const file of files) {
    const path = join(target, file.path);
    if (file.path === MANIFEST && existsSync(path)) {
      writeFileSync(path, completed(readFileSync(path, "utf8"), file.text, join(folder, MANIFEST)));
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    // `wx` refuses to overwrite, should a file have come up since the folder was looked at.
    writeFileSync(path, file.text, { flag: "wx" });
  }
  const paths = files.map((file) => file.path);
  if (flags.json === true) {
    cli.printJson({ folder: target, files: paths });
    return EXIT.ok;
  }
  for (const path of paths) cli.print(`${cli.colors.green("+")} ${join(folder, path)}`);
  const enter = relative(cli.terminal.cwd, target);
  cli.note(
    `next:  ${enter === "" ? "" : `cd ${enter} && `}npm install && npx baton run answer-letter input.json --id letter-1`,
  );
  return EXIT.ok;
}

const MANIFEST = "package.json";

/** A package.json that was there, with the parts of ours that it lacks; and ESM, without which nothing here loads. */
function completed(there: string, ours: string, shown: string): string {
  const [own, made] = [manifestOf(there, shown), manifestOf(ours, shown)];
  const merged: Record<string, unknown> = { ...made, ...own, type: made["type"] };
  for (const part of ["scripts", "dependencies"])
    merged[part] = { ...record(made[part]), ...record(own[part]) };
  return `${JSON.stringify(merged, undefined, 2)}\n`;
}

function manifestOf(text: string, shown: string): Record<string, unknown> {
  try {
    return record(JSON.parse(text));
  } catch (cause) {
    throw new BatonError("ARGUMENT_INVALID", `${shown} is no JSON.`, {
      hint: "Mend it, or name a new folder.",
      details: { path: shown },
      cause,
    });
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function refuseOccupied(target: string, shown: string): void {
  if (!existsSync(target)) return;
  if (!statSync(target).isDirectory()) {
    throw new BatonError("ARGUMENT_INVALID", `${shown} is a file.`, {
      hint: "Name a new or empty folder.",
      details: { folder: target },
    });
  }
  const occupied = readdirSync(target).filter((name) => !HARMLESS.has(name));
  if (occupied.length === 0) return;
  throw new BatonError(
    "ARGUMENT_INVALID",
    `${shown} is not empty: it has ${occupied.slice(0, 5).join(", ")}${occupied.length > 5 ? ", ..." : ""}.`,
    {
      hint: "Name a new or empty folder: `baton init my-app`.",
      details: { folder: target, occupied },
    },
  );
}

/** A folder's name as npm takes it for a package. */
function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name === "" || name === "baton" ? "baton-app" : name;
}

function batonVersion(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "0.0.0";
}
