/** `baton check`: mistakes that show before anything runs. */
import type { Command } from "commander";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { checkDefinitions, type CheckReport, type Finding } from "./static-checks.ts";
import { count, printable } from "./text.ts";

interface CheckFlags extends CommonFlags {
  readonly strict?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .option("--strict", "fail on warnings too")
    .addHelpText(
      "after",
      examples("baton check", "baton check --strict", "baton check --json | jq .findings"),
    )
    .action(async (flags: CheckFlags) => cli.finish(await check(cli, flags)));
}

async function check(cli: Cli, flags: CheckFlags): Promise<ExitCode> {
  const { config } = await cli.project(flags);
  const report = checkDefinitions(config.workflows, config.agents ?? []);
  const of = (severity: Finding["severity"]): number =>
    report.findings.filter((finding) => finding.severity === severity).length;
  const failed = of("error") > 0 || (flags.strict === true && of("warning") > 0);
  if (flags.json === true) cli.printJson({ ok: !failed, ...report });
  else
    printReport(
      cli,
      report,
      `${count(of("error"), "error")}, ${count(of("warning"), "warning")}, ${count(of("note"), "note")}`,
    );
  return failed ? EXIT.failed : EXIT.ok;
}

function printReport(cli: Cli, report: CheckReport, totals: string): void {
  const { colors } = cli;
  const paint = { error: colors.red, warning: colors.yellow, note: colors.dim };
  for (const finding of report.findings) {
    cli.print(
      `${paint[finding.severity](finding.severity.padEnd(7))}  ${colors.bold(printable(finding.where))}  ${colors.dim(finding.rule)}`,
    );
    cli.print(`         ${printable(finding.message)}`);
  }
  if (report.findings.length > 0) cli.print();
  for (const { workflow, steps, possible, actual } of report.links) {
    cli.print(
      `${colors.bold(workflow)}: ${count(steps, "step")}; ${count(possible, "link")} possible between them, ${actual.toLocaleString("en-US")} in the graph`,
    );
  }
  cli.print(totals);
}
