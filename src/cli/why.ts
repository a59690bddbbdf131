/** `baton why`: from the end that is missing back to the first cause, with what to type next. */
import type { Command } from "commander";
import type { Why, WhyReason } from "../index.ts";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { coloured } from "./status.ts";
import { moment, printable } from "./text.ts";

export function define(command: Command, cli: Cli): void {
  command
    .argument("<id>", "a run's id, or a correlation id")
    .addHelpText("after", examples("baton why app-1", "baton why app-1 --json | jq .reasons"))
    .action(async (id: string, flags: CommonFlags) => cli.finish(await why(cli, id, flags)));
}

async function why(cli: Cli, id: string, flags: CommonFlags): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const found = await baton.why(id);
    if (flags.json === true) cli.printJson(found);
    else print(cli, found);
    return EXIT.ok;
  });
}

function print(cli: Cli, { id, status, complete, reasons }: Why): void {
  const mark = status === undefined ? "" : `  ${coloured(cli, status)}`;
  cli.print(`${cli.colors.bold(printable(id))}${mark}`);
  if (complete) return cli.print("  It has given what it should: nothing of it failed or waits.");
  for (const reason of reasons) printReason(cli, reason, 1);
}

/** Each line stands below what follows from it: the deepest is the first cause. */
function printReason(cli: Cli, reason: WhyReason, depth: number): void {
  const { sentence, since, dueAt, next, because } = reason;
  const pad = "  ".repeat(depth);
  const times = [
    ...(since === undefined ? [] : [`since ${moment(since)}`]),
    ...(dueAt === undefined ? [] : [`until ${moment(dueAt)}`]),
  ];
  const due = times.length === 0 ? "" : ` (${times.join(", ")})`;
  const first = because.length === 0 ? cli.colors.yellow(printable(sentence)) : printable(sentence);
  cli.print(`${pad}${depth === 1 ? "" : "because "}${first}${due}`);
  for (const each of because) printReason(cli, each, depth + 1);
  // What to do about something is said where it begins.
  if (because.length === 0 && next !== undefined) cli.print(`${pad}  next: ${printable(next)}`);
}
