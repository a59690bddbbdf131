/** `baton watch`: a run's journal as it is written, also by another process. */
import type { Command } from "commander";
import type { WatchItem } from "../index.ts";
import { examples, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { entryLine, partialLine } from "./entry-line.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

interface WatchFlags extends CommonFlags {
  readonly from: number;
  readonly partials?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<run>", "the run's id")
    .option("--from <seq>", "start at this entry", wholeNumber(0), 0)
    .option("--partials", "partial outputs too, where the run executes in this process")
    .addHelpText(
      "after",
      examples(
        "baton watch app-1",
        "baton watch app-1 --from 12",
        "baton watch app-1 --json | jq -r .entry.kind",
      ),
    )
    .action(async (run: string, flags: WatchFlags) => cli.finish(await watch(cli, run, flags)));
}

async function watch(cli: Cli, run: string, flags: WatchFlags): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton, interrupted }) => {
    // Watched from a later entry on, a run that is not there would be awaited.
    if (flags.from > 0) await baton.run(run);
    const items = baton.watch(run, {
      fromSeq: flags.from,
      partials: flags.partials === true,
      signal: AbortSignal.any([interrupted, cli.terminal.stdout.closed]),
    });
    for await (const item of items) {
      if (flags.json === true) cli.printJson(item);
      else cli.print(lineOf(cli, item));
    }
    return EXIT.ok;
  });
}

function lineOf(cli: Cli, item: WatchItem): string {
  if (item.kind === "entry") return entryLine(cli, item);
  const { path, attempt } = item;
  const chunk = item.kind === "partial" ? item.chunk : item.progress;
  return partialLine(cli, { path, attempt, chunk });
}
