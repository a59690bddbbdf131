/** `baton cancel`: ends a run before its time. */
import type { Command } from "commander";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { PATIENCE_MS, settle, settledJson } from "./settle.ts";
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
  return cli.withBaton(flags, "write", async ({ baton, interrupted }) => {
    const by = cli.person(flags.by);
    await baton.cancel(run, { by, reason: flags.reason });
    // Attempts that were executing are aborted first; the journal's last entry tells how it ended.
    const settled = await settle(baton, run, {
      interrupted,
      patienceMs: PATIENCE_MS,
      now: cli.terminal.now,
    });
    const { status } = settledJson(settled);
    if (flags.json === true) cli.printJson({ id: run, status, reason: flags.reason, by });
    else
      cli.print(
        `${String(status)}: ${printable(run)}, by ${printable(by.id)}: ${printable(flags.reason)}`,
      );
    if (status !== "parked") return EXIT.ok;
    cli.note(`next:  baton dead-letters show ${printable(run)}`);
    return EXIT.failed;
  });
}
