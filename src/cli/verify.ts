/** `baton verify`: whether every journal is as it was written. */
import type { Command } from "commander";
import type { VerifyProblem } from "../index.ts";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { openProgress } from "./progress.ts";
import { count, printable } from "./text.ts";

/** Problems that are printed one by one; --json has them all. */
const NAMED_MAX = 100;

export function define(command: Command, cli: Cli): void {
  command
    .argument("[run]", "one run; all of the store if left out")
    .addHelpText(
      "after",
      examples("baton verify", "baton verify app-1", "baton verify --store copy.db --json"),
    )
    .action(async (run: string | undefined, flags: CommonFlags) =>
      cli.finish(await verify(cli, run, flags)),
    );
}

async function verify(cli: Cli, run: string | undefined, flags: CommonFlags): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton, interrupted }) => {
    const bar = await openProgress(cli, undefined, "entries");
    const report = await baton
      .verify({
        ...(run === undefined ? {} : { run }),
        progress: (entries) => {
          // Thrown out of the check, which would otherwise go on to the end after Ctrl-C.
          interrupted.throwIfAborted();
          bar.update(entries, entries);
        },
      })
      .finally(() => bar.stop());
    if (flags.json === true) {
      cli.printJson(report);
      return report.problems.length === 0 ? EXIT.ok : EXIT.failed;
    }
    const checked = [
      count(report.runs, "run"),
      count(report.entries, "entry"),
      count(report.commits, "commit"),
      count(report.blobs, "blob"),
    ].join(", ");
    if (report.problems.length === 0) {
      cli.print(
        `${cli.colors.green("ok")}  ${checked}: nothing was changed, removed, added or moved`,
      );
      return EXIT.ok;
    }
    cli.print(`${cli.colors.red(count(report.problems.length, "problem"))} in ${checked}`);
    for (const problem of report.problems.slice(0, NAMED_MAX)) printProblem(cli, problem);
    if (report.problems.length > NAMED_MAX)
      cli.print(`  and ${report.problems.length - NAMED_MAX} more (--json has them all)`);
    return EXIT.failed;
  });
}

function printProblem(cli: Cli, problem: VerifyProblem): void {
  const place = [
    problem.stream,
    problem.seq === undefined ? undefined : `entry ${problem.seq}`,
    problem.commitNo === undefined ? undefined : `commit ${problem.commitNo}`,
  ];
  const where = place.filter((part) => part !== undefined).join(" ");
  cli.print(
    `  ${cli.colors.red(problem.kind.padEnd(9))}  ${printable(where)}${where === "" ? "" : ": "}${printable(problem.message)}`,
  );
}
