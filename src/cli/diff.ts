/** `baton diff`: two versions of a run, or two runs. */
import type { Command } from "commander";
import type { Change, VersionRef } from "../index.ts";
import { examples, versionRef } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { compact, printable } from "./text.ts";

export function define(command: Command, cli: Cli): void {
  command
    .argument("<before>", "a run, or run@version")
    .argument("<after>", "a run, or run@version")
    .addHelpText(
      "after",
      examples(
        "baton diff app-1@2 app-1@5",
        "baton diff app-1 app-1-fork",
        "baton diff app-1@0 app-1 --json",
      ),
    )
    .action(async (before: string, after: string, flags: CommonFlags) => {
      cli.finish(await diff(cli, { before: versionRef(before), after: versionRef(after), flags }));
    });
}

interface DiffArguments {
  readonly before: VersionRef;
  readonly after: VersionRef;
  readonly flags: CommonFlags;
}

async function diff(cli: Cli, { before, after, flags }: DiffArguments): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const changes = await baton.diff(before, after);
    if (flags.json === true) cli.printJson(changes);
    else if (changes.length === 0) cli.note("No differences.");
    else for (const change of changes) printChange(cli, change);
    return EXIT.ok;
  });
}

function printChange(cli: Cli, change: Change): void {
  const { colors } = cli;
  const path = printable(change.path);
  // Half of the line for each side, so that a change of a long value still shows both.
  const room = Math.max(
    24,
    Math.floor(
      (cli.terminal.stdout.columns - path.length - 8) / (change.kind === "changed" ? 2 : 1),
    ),
  );
  if (change.kind === "added")
    cli.print(`${colors.green("+")} ${path}  ${compact(change.after, room)}`);
  if (change.kind === "removed")
    cli.print(`${colors.red("-")} ${path}  ${compact(change.before, room)}`);
  if (change.kind === "changed") {
    cli.print(
      `${colors.yellow("~")} ${path}  ${colors.red(compact(change.before, room))} → ${colors.green(compact(change.after, room))}`,
    );
  }
}
