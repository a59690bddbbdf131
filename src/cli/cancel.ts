/** `baton cancel`: ends a run before its time. */
import type { Command } from "commander";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printable } from "./text.ts";

interface CancelFlags extends CommonFlags {
  readonly reason: string;
  readonly by?: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<run>", "the run's id")
    .option("--reason <text>", "why, for the journal", "cancelled from the command line")
    .option("--by <person>", "who cancels (default: who is logged in)")
    .addHelpText(
      "after",
      examples(
        "baton cancel app-1",
        'baton cancel app-1 --reason "withdrawn by the applicant" --by ada',
      ),
    )
    .action(async (run: string, flags: CancelFlags) => cli.finish(await cancel(cli, run, flags)));
}

async function cancel(cli: Cli, run: string, flags: CancelFlags): Promise<ExitCode> {
  return cli.withBaton(flags, "write", async ({ baton }) => {
    const by = cli.person(flags.by);
    await baton.cancel(run, { by, reason: flags.reason });
    // Attempts that were executing are aborted first; the journal's last entry tells how it ended.
    const outcome = await (await baton.run(run)).outcome();
    if (flags.json === true)
      cli.printJson({ id: run, status: outcome.kind, reason: flags.reason, by });
    else
      cli.print(
        `${outcome.kind}: ${printable(run)}, by ${printable(by.id)}: ${printable(flags.reason)}`,
      );
    return EXIT.ok;
  });
}
