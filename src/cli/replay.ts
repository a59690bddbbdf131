/** `baton replay`: journals through today's code, without calling an agent. */
import type { Command } from "commander";
import type { Baton, ReplayReport } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples, refuseOptions, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags, Opened } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { openProgress } from "./progress.ts";
import { compact, count, printable } from "./text.ts";

interface ReplayFlags extends CommonFlags {
  readonly all?: boolean;
  readonly workflow?: string;
  readonly limit: number;
}

/** The most that one listing of runs gives. */
const RUNS_MAX = 10_000;

export function define(command: Command, cli: Cli): void {
  command
    .argument("[run]", "one run")
    .option("--all", "every run, the newest first")
    .option("--workflow <name@version>", "with --all: only runs of this workflow")
    .option("--limit <n>", "with --all: at most this many", wholeNumber(1), RUNS_MAX)
    .addHelpText(
      "after",
      examples(
        "baton replay app-1",
        "baton replay --all",
        "baton replay --all --workflow credit-decision@1.0.0 --json",
      ),
    )
    .action(async (run: string | undefined, flags: ReplayFlags) => {
      if (flags.all !== true) refuseOptions(command, ["--workflow", "--limit"], "is for --all");
      cli.finish(await replay(cli, run, flags));
    });
}

async function replay(cli: Cli, run: string | undefined, flags: ReplayFlags): Promise<ExitCode> {
  if ((run === undefined) === (flags.all !== true)) {
    throw new BatonError("ARGUMENT_INVALID", "Name one run, or give --all.", {
      hint: "See `baton replay --help`.",
    });
  }
  return cli.withBaton(flags, "read", async (opened) => {
    const runs = run === undefined ? await runIds(opened.baton, flags) : [run];
    const reports = await replayEach(cli, opened, runs);
    const differing = reports.filter((report) => !report.same);
    if (flags.json === true) cli.printJson(run === undefined ? reports : reports[0]);
    else printReports(cli, reports, differing);
    return differing.length === 0 ? EXIT.ok : EXIT.failed;
  });
}

async function runIds(baton: Baton, flags: ReplayFlags): Promise<readonly string[]> {
  const limit = Math.min(flags.limit, RUNS_MAX);
  const runs = await baton.runs({
    limit,
    ...(flags.workflow === undefined ? {} : { workflow: flags.workflow }),
  });
  return runs.filter((run) => run.status !== "refused").map((run) => run.id);
}

async function replayEach(
  cli: Cli,
  { baton, interrupted }: Opened,
  runs: readonly string[],
): Promise<readonly ReplayReport[]> {
  const bar = await openProgress(cli, runs.length);
  const reports: ReplayReport[] = [];
  try {
    for (const run of runs) {
      if (interrupted.aborted) break;
      reports.push(await baton.replay(run));
      bar.update(reports.length, reports.length);
    }
  } finally {
    bar.stop();
  }
  return reports;
}

function printReports(
  cli: Cli,
  reports: readonly ReplayReport[],
  differing: readonly ReplayReport[],
): void {
  const entries = reports.reduce((sum, report) => sum + report.entries, 0);
  const checked = `${count(reports.length, "run")}, ${count(entries, "entry")}`;
  if (differing.length === 0)
    return cli.print(`${cli.colors.green("same")}  ${checked}: today's code decides as recorded`);
  cli.print(`${cli.colors.red(count(differing.length, "run"))} of ${checked} would differ`);
  for (const report of differing) {
    cli.print(`\n${cli.colors.bold(printable(report.run))}  ${report.workflow}`);
    for (const difference of report.differences) {
      cli.print(
        `  entry ${difference.seq}  ${printable(difference.path)}  ${cli.colors.red(difference.what)}: ${printable(difference.message)}`,
      );
      if (difference.recorded !== undefined || difference.today !== undefined) {
        const room = Math.max(30, cli.terminal.stdout.columns - 16);
        cli.print(`    recorded  ${compact(difference.recorded, room)}`);
        cli.print(`    today     ${compact(difference.today, room)}`);
      }
    }
  }
}
