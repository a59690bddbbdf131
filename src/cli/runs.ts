/** `baton runs`: a list of runs. */
import { type Command, Option } from "commander";
import type { Baton, RunReport, RunSummary } from "../index.ts";
import type { RunStatus } from "../model/run-status.ts";
import { examples, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { deadlineText } from "./deadline-text.ts";
import { coloured, RUN_STATUSES } from "./status.ts";
import { printTable } from "./table.ts";
import { count, moment, printable } from "./text.ts";

interface RunsFlags extends CommonFlags {
  readonly status?: RunStatus;
  readonly workflow?: string;
  readonly correlation?: string;
  readonly limit: number;
  readonly oldest?: boolean;
  readonly deadlines?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .addOption(new Option("--status <status>", "only runs with this status").choices(RUN_STATUSES))
    .option("--workflow <name@version>", "only runs of this workflow")
    .option("--correlation <id>", "only runs of one correlation: its own, and what follows from it")
    .option("--limit <n>", "at most this many", wholeNumber(1), 50)
    .option("--oldest", "the oldest first, instead of the newest")
    .option(
      "--deadlines",
      "the deadline of each, and what missed it: reads the journal of each run",
    )
    .addHelpText(
      "after",
      examples(
        "baton runs",
        "baton runs --status waiting",
        "baton runs --workflow credit-decision@1.0.0 --limit 10 --json",
      ),
    )
    .action(async (flags: RunsFlags) => cli.finish(await listRuns(cli, flags)));
}

async function listRuns(cli: Cli, flags: RunsFlags): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const runs = await baton.runs({
      limit: flags.limit,
      order: flags.oldest === true ? "oldest" : "newest",
      ...(flags.status === undefined ? {} : { status: flags.status }),
      ...(flags.workflow === undefined ? {} : { workflow: flags.workflow }),
      ...(flags.correlation === undefined ? {} : { correlation: flags.correlation }),
    });
    const wantsDeadlines = flags.deadlines === true;
    const reports = wantsDeadlines ? await reportsOf(baton, runs) : [];
    if (flags.json === true) {
      cli.printJson(
        wantsDeadlines ? runs.map((run, i) => ({ ...run, ...deadlinesOf(reports[i]) })) : runs,
      );
      return EXIT.ok;
    }
    if (runs.length === 0) {
      cli.note("No runs.");
      return EXIT.ok;
    }
    await printTable(
      cli,
      [
        { title: "RUN", flexible: true },
        { title: "WORKFLOW", flexible: true },
        { title: "STATUS" },
        { title: "ENTRIES", align: "right" },
        { title: "WAKES" },
        ...(wantsDeadlines ? [{ title: "DEADLINE", flexible: true }] : []),
      ],
      runs.map((run, i) => [
        printable(run.id),
        printable(run.workflow),
        coloured(cli, run.status),
        String(run.lastSeq + 1),
        run.wakeAtMs === undefined ? "" : moment(run.wakeAtMs),
        ...(wantsDeadlines ? [deadlineText(reports[i] ?? {}) ?? ""] : []),
      ]),
    );
    if (runs.length === flags.limit)
      cli.note(cli.colors.dim(`${count(runs.length, "run")} shown; more with --limit`));
    return EXIT.ok;
  });
}

/** The reports of the runs that are listed, one by one: each is a whole journal. */
async function reportsOf(baton: Baton, runs: readonly RunSummary[]): Promise<readonly RunReport[]> {
  const reports: RunReport[] = [];
  for (const { id } of runs) reports.push(await baton.report(id));
  return reports;
}

function deadlinesOf(
  report: RunReport | undefined,
): Pick<RunReport, "deadlineAt" | "missedDeadline"> {
  const { deadlineAt, missedDeadline } = report ?? {};
  return {
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
    ...(missedDeadline === undefined ? {} : { missedDeadline }),
  };
}
