/** `baton waits`: what runs wait for, from their journals. */
import type { Command } from "commander";
import type { RunWaits } from "../index.ts";
import { examples, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printTable } from "./table.ts";
import { count, moment, printable } from "./text.ts";
import { awaited, nextOf, waitsAt } from "./wait-text.ts";

interface WaitsFlags extends CommonFlags {
  readonly limit: number;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("[run]", "the run's id; every run that has not ended, if left out")
    .option("--limit <n>", "at most this many runs, the oldest first", wholeNumber(1), 50)
    .addHelpText(
      "after",
      examples("baton waits", "baton waits app-1", "baton waits app-1 --json | jq .waits"),
    )
    .action(async (run: string | undefined, flags: WaitsFlags) =>
      cli.finish(await waits(cli, run, flags)),
    );
}

async function waits(cli: Cli, run: string | undefined, flags: WaitsFlags): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const { limit } = flags;
    const open =
      run === undefined ? await baton.runs({ open: true, order: "oldest", limit }) : [{ id: run }];
    const found: RunWaits[] = [];
    for (const { id } of open) found.push(await baton.waits(id));
    if (flags.json === true) {
      cli.printJson(run === undefined ? found : found[0]);
      return EXIT.ok;
    }
    if (found.every((each) => each.waits.length === 0)) {
      cli.note(run === undefined ? "Every run has ended." : `Run ${printable(run)} has ended.`);
      return EXIT.ok;
    }
    await printWaits(cli, found);
    if (run !== undefined) printNext(cli, found);
    else if (open.length === limit)
      cli.note(cli.colors.dim(`${count(open.length, "run")} shown; more with --limit`));
    return EXIT.ok;
  });
}

async function printWaits(cli: Cli, found: readonly RunWaits[]): Promise<void> {
  await printTable(
    cli,
    [
      { title: "RUN", flexible: true },
      { title: "AT", flexible: true },
      { title: "WAITS FOR", flexible: true },
      { title: "SINCE" },
    ],
    found.flatMap(({ run, waits: each }) =>
      each.map((wait) => [
        printable(run),
        printable(waitsAt(wait)),
        printable(awaited(wait)),
        moment(wait.since),
      ]),
    ),
  );
}

function printNext(cli: Cli, found: readonly RunWaits[]): void {
  const next = found.flatMap(({ run, waits: each }) => each.map((wait) => nextOf(run, wait)));
  for (const line of new Set(next)) if (line !== undefined) cli.print(`next:  ${line}`);
}
