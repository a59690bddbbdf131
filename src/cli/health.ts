/** `baton health`: how the runs of a store stand, and which are stuck. */
import type { Command } from "commander";
import type { Health } from "../index.ts";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { printBusLines } from "./bus-lines-text.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printTable } from "./table.ts";
import { count, moment, printable } from "./text.ts";

export function define(command: Command, cli: Cli): void {
  command
    .addHelpText(
      "after",
      examples("baton health", "baton health --json | jq .stuck", "baton health || page-somebody"),
    )
    .action(async (flags: CommonFlags) => cli.finish(await health(cli, flags)));
}

async function health(cli: Cli, flags: CommonFlags): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const found = await baton.health();
    if (flags.json === true) cli.printJson(found);
    else await printHealth(cli, found);
    return found.ok ? EXIT.ok : EXIT.failed;
  });
}

async function printHealth(cli: Cli, health: Health) {
  const { colors } = cli;
  const { ok, runs, stuck, stuckSubscriptions, store, breakersOpen, bus } = health;
  const both = [
    ...(stuck.length > 0 ? [count(stuck.length, "run")] : []),
    ...(stuckSubscriptions.length > 0 ? [count(stuckSubscriptions.length, "subscription")] : []),
  ];
  cli.print(ok ? colors.green("Nothing is stuck.") : colors.red(`${both.join(", ")} stuck.`));
  const line = (title: string, text: string) => cli.print(`${colors.dim(title.padEnd(10))}${text}`);
  line("worked on", worker(store));
  line(
    "runs",
    `${runs.executing} to execute, ${runs.waiting} waiting, ${runs.parked} waiting for a person`,
  );
  if (breakersOpen.length > 0) line("open", breakersOpen.map(printable).join(", "));
  await printBusLines(cli, bus);
  const since = { title: "SINCE" };
  const why = { title: "WHY", flexible: true };
  if (stuckSubscriptions.length > 0) {
    cli.print();
    await printTable(
      cli,
      [{ title: "SUBSCRIPTION", flexible: true }, since, why],
      stuckSubscriptions.map((each) => [
        printable(each.subscription),
        moment(each.since),
        printable(each.message),
      ]),
    );
  }
  if (stuck.length === 0) return;
  cli.print();
  await printTable(
    cli,
    [{ title: "RUN", flexible: true }, since, why],
    stuck.map((each) => [printable(each.run), moment(each.since), printable(each.message)]),
  );
}

function worker({ worked, holder }: Health["store"]): string {
  if (worked === "elsewhere") return printable(`by ${holder ?? "another process"}`);
  return holder === undefined
    ? "by nobody"
    : printable(`by nobody: ${holder} has it, and gives no sign of life`);
}
