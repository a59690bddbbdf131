/** `baton verify`: whether every journal is as it was written. */
import type { Command } from "commander";
import type { VerifyProblem, VerifyReport } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples, refuseOptions } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { placeOf } from "./export-delta.ts";
import { openProgress } from "./progress.ts";
import { count, printable } from "./text.ts";

/** Problems that are printed one by one; --json has them all. */
const NAMED_MAX = 100;

export function define(command: Command, cli: Cli): void {
  command
    .argument("[run]", "one run; all of the store if left out")
    .option("--delta <place>", "Delta tables instead of a store: a folder, or s3://bucket/prefix")
    .option("--endpoint <url>", "of a bucket that is not Amazon's")
    .addHelpText(
      "after",
      examples(
        "baton verify",
        "baton verify app-1",
        "baton verify --store copy.db --json",
        "baton verify --delta lake",
      ),
    )
    .action(async (run: string | undefined, flags: VerifyFlags) => {
      if (flags.delta === undefined) refuseOptions(command, ["--endpoint"], "is for --delta");
      cli.finish(
        flags.delta === undefined
          ? await verify(cli, run, flags)
          : await verifyTables(cli, run, flags, flags.delta),
      );
    });
}

interface VerifyFlags extends CommonFlags {
  readonly delta?: string;
  readonly endpoint?: string;
}

/** The journal that Delta tables have, from them alone: neither a store nor code is needed. */
async function verifyTables(
  cli: Cli,
  run: string | undefined,
  flags: VerifyFlags,
  place: string,
): Promise<ExitCode> {
  if (run !== undefined || flags.store !== undefined || flags.namespace !== undefined)
    throw new BatonError("ARGUMENT_INVALID", "Tables are verified as a whole, without a store.", {
      hint: "Write `baton verify --delta <place>` alone.",
    });
  const { verifyDelta } = await import("../delta.ts");
  const from = await placeOf(cli, place, flags.endpoint);
  return cli.untilInterrupted(async (interrupted) => {
    const bar = await openProgress(cli, undefined, "entries");
    const report = await verifyDelta(from, {
      progress: (entries) => {
        interrupted.throwIfAborted();
        bar.update(entries, entries);
      },
    }).finally(() => bar.stop());
    if (flags.json !== true && report.entriesAhead > 0)
      cli.note(
        `${count(report.entriesAhead, "entry")} of a batch that is under way, not looked at.`,
      );
    const code = print(cli, flags, report);
    if (flags.json !== true && report.head !== undefined)
      cli.print(`    the last commit is ${report.head.commitNo}, ${report.head.hash}`);
    return code;
  });
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
    return print(cli, flags, report);
  });
}

function print(cli: Cli, flags: CommonFlags, report: VerifyReport): ExitCode {
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
