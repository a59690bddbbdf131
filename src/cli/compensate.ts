/** `baton compensate`: has a run go back over what it has done. */
import type { Command } from "commander";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printSettled } from "./run.ts";
import { PATIENCE_MS, settle, settledJson } from "./settle.ts";
import { printable } from "./text.ts";

interface CompensateFlags extends CommonFlags {
  readonly reason: string;
  readonly by?: string;
  readonly to?: string;
  readonly wait: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<run>", "the run's id; one that has not ended is cancelled first")
    .requiredOption("--reason <text>", "why, for the journal")
    .option("--to <step>", "only as far as the savepoint of this step, and on again from there")
    .option("--by <person>", "who asks (default: who is logged in)")
    .option("--no-wait", "record it, without following the run")
    .addHelpText(
      "after",
      examples(
        'baton compensate app-1 --reason "withdrawn by the applicant"',
        'baton compensate app-1 --reason "booked twice" --by ada --json',
        'baton compensate app-1 --to quote --reason "the price was wrong"',
      ),
    )
    .action(async (run: string, flags: CompensateFlags) =>
      cli.finish(await compensate(cli, run, flags)),
    );
}

/**
 * It went well if the run was compensated, or has nothing left to undo; back to a savepoint, if it went on from there and
 * completed. A run that is parked has not.
 */
async function compensate(cli: Cli, run: string, flags: CompensateFlags): Promise<ExitCode> {
  return cli.withBaton(flags, "write", async (opened) => {
    const { baton, interrupted } = opened;
    const by = cli.person(flags.by);
    const { reason, to } = flags;
    await baton.compensate(run, { by, reason, ...(to === undefined ? {} : { to }) });
    if (!flags.wait) {
      if (flags.json === true) cli.printJson({ id: run, status: "compensating", by });
      else cli.print(`compensating: ${printable(run)}, by ${printable(by.id)}`);
      return EXIT.ok;
    }
    const settled = await settle(baton, run, {
      interrupted,
      patienceMs: PATIENCE_MS,
      now: cli.terminal.now,
    });
    if (flags.json === true) cli.printJson({ id: run, by, ...settledJson(settled) });
    else printSettled(cli, run, settled);
    const wanted = to === undefined ? ["compensated", "cancelled"] : ["completed"];
    const isDone = settled.kind === "ended" && wanted.includes(settled.outcome.kind);
    return isDone ? EXIT.ok : EXIT.failed;
  });
}
