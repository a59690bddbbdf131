/** `baton budgets`: how budgets stand; adds to one by hand. */
import { Argument, type Command } from "commander";
import type { AmountOptions, Amounts, Baton, BudgetSnapshot, Duration } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples, refuseOptions, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printTable } from "./table.ts";
import { moment, printable, took } from "./text.ts";

interface BudgetsFlags extends CommonFlags {
  readonly tokens?: number;
  readonly money?: string;
  readonly calls?: number;
  readonly time?: string;
  readonly reason?: string;
  readonly by?: string;
}

type Action = "list" | "show" | "raise";

const OF_RAISE = ["--tokens", "--money", "--calls", "--time", "--reason", "--by"];

/** Waiting runs that are looked at: to look for those of one budget each report is read. */
const WAITING_MAX = 1_000;

export function define(command: Command, cli: Cli): void {
  command
    .addArgument(
      new Argument("[action]", "what to do")
        .choices(["list", "show", "raise"] satisfies readonly Action[])
        .default("list"),
    )
    .argument("[name]", "the budget; needed for show and raise")
    .option("--tokens <n>", "how many more", wholeNumber(1))
    .option("--money <amount>", 'how much more: "20.00 EUR"')
    .option("--calls <n>", "how many more", wholeNumber(1))
    .option("--time <duration>", "how much more: 30m")
    .option("--reason <text>", "why, for the journal")
    .option("--by <person>", "who does it (default: who is logged in)")
    .addHelpText(
      "after",
      examples(
        "baton budgets",
        "baton budgets show model-spend",
        'baton budgets raise model-spend --tokens 200000 --reason "month\'s end"',
        "baton budgets --json | jq '.[] | {name, left}'",
      ),
    )
    .action(async (action: Action, name: string | undefined, flags: BudgetsFlags) => {
      if (action !== "raise") refuseOptions(command, OF_RAISE, "is for raise");
      cli.finish(await ACTIONS[action](cli, name, flags));
    });
}

const ACTIONS: Readonly<
  Record<Action, (cli: Cli, name: string | undefined, flags: BudgetsFlags) => Promise<ExitCode>>
> = { list, show, raise };

/** The journal says what is spent; limits and who is under them are in the code, where there is some. */
function purpose(flags: BudgetsFlags): "read" | "journal" {
  return flags.store === undefined ? "read" : "journal";
}

async function list(cli: Cli, name: string | undefined, flags: BudgetsFlags): Promise<ExitCode> {
  return cli.withBaton(flags, purpose(flags), async ({ baton }) => {
    const all = name === undefined ? await baton.budgets() : [await find(baton, name)];
    if (flags.json === true) cli.printJson(all);
    else if (all.length === 0) cli.note("No budgets.");
    else await printBudgets(cli, all);
    return EXIT.ok;
  });
}

async function show(cli: Cli, name: string | undefined, flags: BudgetsFlags): Promise<ExitCode> {
  const wanted = named(name, "show");
  return cli.withBaton(flags, purpose(flags), async ({ baton }) => {
    const budget = await find(baton, wanted);
    const waiting = await waitingFor(baton, wanted);
    if (flags.json === true) {
      cli.printJson({ ...budget, waitingRuns: waiting });
      return EXIT.ok;
    }
    await printBudgets(cli, [budget]);
    const raised = Object.keys(budget.raised).length > 0 ? amountsText(budget.raised) : "";
    if (raised !== "") cli.print(`\nraised by: ${printable(raised)}`);
    cli.print(`\nwhen spent: runs ${budget.whenSpent === "wait" ? "wait" : "fail"}`);
    if (budget.users.length > 0) cli.print(`used by: ${printable(budget.users.join(", "))}`);
    if (waiting.length > 0) cli.print(`waiting: ${printable(waiting.join(", "))}`);
    return EXIT.ok;
  });
}

async function raise(cli: Cli, name: string | undefined, flags: BudgetsFlags): Promise<ExitCode> {
  const wanted = named(name, "raise");
  const { tokens, money, calls, time } = flags;
  const amounts: AmountOptions = {
    ...(tokens === undefined ? {} : { tokens }),
    ...(money === undefined ? {} : { money }),
    ...(calls === undefined ? {} : { calls }),
    // Whatever was typed: what is no duration is refused with the other amounts.
    ...(time === undefined ? {} : { time: time as Duration }),
  };
  return cli.withBaton(flags, "write", async ({ baton }) => {
    const by = cli.person(flags.by);
    const reason = flags.reason ?? "raised from the command line";
    await find(baton, wanted);
    await baton.raiseBudget(wanted, amounts, { by, reason });
    const budget = await find(baton, wanted);
    if (flags.json === true) cli.printJson(budget);
    else
      cli.print(
        `raised: ${printable(wanted)}, by ${printable(by.id)}: ${printable(reason)}; left: ${printable(amountsText(budget.left ?? {}))}`,
      );
    return EXIT.ok;
  });
}

function named(name: string | undefined, action: Action): string {
  if (name !== undefined) return name;
  throw new BatonError("ARGUMENT_INVALID", `Which budget is to ${action}?`, {
    hint: "Name it, as `baton budgets` lists it.",
  });
}

async function find(baton: Baton, name: string): Promise<BudgetSnapshot> {
  const all = await baton.budgets();
  const found = all.find((each) => each.name === name);
  if (found !== undefined) return found;
  const known = all.map((each) => each.name).sort();
  throw new BatonError("BUDGET_NOT_FOUND", `There is no budget ${name}.`, {
    hint: known.length === 0 ? "Nothing here has a budget." : `There are: ${known.join(", ")}.`,
    details: { budget: name, known },
  });
}

/** The runs whose journals say that they wait for it. */
async function waitingFor(baton: Baton, name: string): Promise<readonly string[]> {
  const waiting: string[] = [];
  for (const { id } of await baton.runs({ status: "waiting", limit: WAITING_MAX })) {
    const { steps } = await baton.report(id);
    if (steps.some(({ waitsFor }) => waitsFor?.gate === `budget/${name}`)) waiting.push(id);
  }
  return waiting;
}

type Shown = "tokens" | "money" | "calls" | "timeMs";
const SHOWN: readonly Shown[] = ["tokens", "money", "calls", "timeMs"];

async function printBudgets(cli: Cli, found: readonly BudgetSnapshot[]): Promise<void> {
  await printTable(
    cli,
    [
      { title: "BUDGET", flexible: true },
      { title: "OF" },
      { title: "LIMIT", align: "right" },
      { title: "SPENT", align: "right" },
      { title: "RESERVED", align: "right" },
      { title: "LEFT", align: "right" },
      { title: "UNTIL" },
    ],
    found.flatMap((budget) => {
      const { name, limit, spent, reserved, left, until } = budget;
      const measured = limit ?? { ...spent, ...reserved };
      const rows = SHOWN.filter((measure) => measured[measure] !== undefined);
      return rows.map((measure, i) => [
        i === 0 ? printable(name) : "",
        measure === "timeMs" ? "time" : measure,
        amount(limit, measure),
        amount(spent, measure),
        amount(reserved, measure),
        amount(left, measure),
        i === 0 && until !== undefined ? moment(until) : "",
      ]);
    }),
  );
}

function amount(amounts: Amounts | undefined, measure: Shown): string {
  if (amounts === undefined) return "";
  if (measure === "timeMs") return took(amounts.timeMs ?? 0);
  if (measure === "money") return `${amounts.money ?? "0"} ${amounts.currency ?? ""}`.trim();
  return (amounts[measure] ?? 0).toLocaleString("en-US");
}

function amountsText(amounts: Amounts): string {
  return SHOWN.filter((measure) => amounts[measure] !== undefined)
    .map((measure) => {
      const text = amount(amounts, measure);
      return measure === "tokens" || measure === "calls" ? `${text} ${measure}` : text;
    })
    .join(", ");
}
