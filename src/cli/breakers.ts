/** `baton breakers`: how breakers stand; opens or closes one by hand. */
import { Argument, type Command } from "commander";
import type { BreakerSnapshot } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples, refuseOptions } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printTable } from "./table.ts";
import { count, moment, printable } from "./text.ts";

interface BreakersFlags extends CommonFlags {
  readonly reason?: string;
  readonly by?: string;
}

type Action = "list" | "open" | "close";

export function define(command: Command, cli: Cli): void {
  command
    .addArgument(
      new Argument("[action]", "what to do")
        .choices(["list", "open", "close"] satisfies readonly Action[])
        .default("list"),
    )
    .argument("[name]", "the breaker, for open and close")
    .option("--reason <text>", "why, for the journal")
    .option("--by <person>", "who does it (default: who is logged in)")
    .addHelpText(
      "after",
      examples(
        "baton breakers",
        'baton breakers open credit-bureau --reason "maintenance until noon"',
        "baton breakers close credit-bureau --by ada",
        "baton breakers --json | jq '.[] | select(.state != \"closed\")'",
      ),
    )
    .action(async (action: Action, name: string | undefined, flags: BreakersFlags) => {
      if (action === "list") refuseOptions(command, ["--reason", "--by"], "is for open and close");
      cli.finish(
        action === "list" ? await list(cli, name, flags) : await set(cli, action, name, flags),
      );
    });
}

async function list(cli: Cli, name: string | undefined, flags: BreakersFlags): Promise<ExitCode> {
  // The journal says how a breaker stands; which agents are behind it is in the code, where there is some.
  const purpose = flags.store === undefined ? "read" : "journal";
  return cli.withBaton(flags, purpose, async ({ baton }) => {
    const all = await baton.breakers();
    const found = name === undefined ? all : all.filter((each) => each.name === name);
    if (name !== undefined && found.length === 0) throw unknownBreaker(name, all);
    if (flags.json === true) {
      cli.printJson(found);
      return EXIT.ok;
    }
    if (found.length === 0) cli.note("No breakers.");
    else await printBreakers(cli, found);
    return EXIT.ok;
  });
}

async function printBreakers(cli: Cli, found: readonly BreakerSnapshot[]): Promise<void> {
  await printTable(
    cli,
    [
      { title: "BREAKER", flexible: true },
      { title: "STATE" },
      { title: "OPENED", align: "right" },
      { title: "UNTIL" },
      { title: "BY", flexible: true },
      { title: "WHY", flexible: true },
      { title: "AGENTS", flexible: true },
    ],
    found.map((each) => [
      printable(each.name),
      stateText(cli, each),
      String(each.openedCount),
      each.state !== "open" ? "" : each.until === undefined ? "closed by hand" : moment(each.until),
      printable(each.by?.id ?? ""),
      printable(each.reason ?? ""),
      printable(each.agents.join(", ")),
    ]),
  );
}

function stateText({ colors }: Cli, { state }: BreakerSnapshot): string {
  if (state === "open") return colors.red("open");
  return state === "halfOpen" ? colors.yellow("half-open") : colors.green("closed");
}

async function set(
  cli: Cli,
  action: "open" | "close",
  name: string | undefined,
  flags: BreakersFlags,
): Promise<ExitCode> {
  if (name === undefined) {
    throw new BatonError("ARGUMENT_INVALID", `Which breaker is to ${action}?`, {
      hint: "Name it, as `baton breakers` lists it.",
    });
  }
  return cli.withBaton(flags, "write", async ({ baton }) => {
    const by = cli.person(flags.by);
    const reason = flags.reason ?? `${action} from the command line`;
    const all = await baton.breakers();
    if (!all.some((each) => each.name === name)) throw unknownBreaker(name, all);
    const { waitingRuns = 0 } = all.find((each) => each.name === name) ?? {};
    if (action === "open") await baton.openBreaker(name, { by, reason });
    else await baton.closeBreaker(name, { by, reason });
    const now = (await baton.breakers()).find((each) => each.name === name);
    if (flags.json === true) {
      cli.printJson(now);
      return EXIT.ok;
    }
    cli.print(
      `${action === "open" ? "open" : "closed"}: ${printable(name)}, by ${printable(by.id)}: ${printable(now?.reason ?? reason)}`,
    );
    if (action === "close" && waitingRuns > 0)
      cli.note(`${count(waitingRuns, "run")} waited for it.`);
    return EXIT.ok;
  });
}

function unknownBreaker(name: string, all: readonly BreakerSnapshot[]): BatonError {
  const known = all.map((each) => each.name).sort();
  return new BatonError("BREAKER_NOT_FOUND", `There is no breaker ${name}.`, {
    hint: known.length === 0 ? "No agent here has a breaker." : `There are: ${known.join(", ")}.`,
    details: { breaker: name, known },
  });
}
