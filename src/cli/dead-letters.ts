/** `baton dead-letters`: what could not be undone, and what a person decides of it. */
import type { Command } from "commander";
import type { CompensationAction, DeadLetter } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { followToEnd } from "./run.ts";
import { topmost } from "./settle.ts";
import { printTable } from "./table.ts";
import { count, moment, pretty, printable } from "./text.ts";

interface Flags extends CommonFlags {
  readonly reason?: string;
  readonly by?: string;
  readonly turn?: number;
  readonly limit: number;
  readonly wait: boolean;
}

/** What the command line calls an action, and what the journal does. */
const ACTIONS: Readonly<Record<string, CompensationAction>> = {
  retry: "retry",
  resolve: "done",
  skip: "skip",
};

export function define(command: Command, cli: Cli): void {
  command
    .argument("[action]", "list, show, retry, resolve (it was undone by hand) or skip", "list")
    .argument("[run]", "the run's id; for all but list")
    .argument("[path]", "what of it; may be left out where there is one only")
    .option("--reason <text>", "why, for the journal; resolve and skip need one")
    .option("--by <person>", "who decides (default: who is logged in)")
    .option("--turn <n>", "which turn, where a path has several", wholeNumber(0))
    .option("--limit <n>", "for list: at most this many runs", wholeNumber(1), 50)
    .option("--no-wait", "record the decision, without following the run")
    .addHelpText(
      "after",
      examples(
        "baton dead-letters",
        "baton dead-letters show app-1",
        "baton dead-letters retry app-1 payment",
        'baton dead-letters resolve app-1 payment --reason "refunded in the bank\'s console" --by ada',
        'baton dead-letters skip app-1 payment --reason "it was never paid"',
      ),
    )
    .action(
      async (action: string, run: string | undefined, path: string | undefined, flags: Flags) =>
        cli.finish(await deadLetters(cli, { action, run, path, flags })),
    );
}

interface Asked {
  readonly action: string;
  readonly run: string | undefined;
  readonly path: string | undefined;
  readonly flags: Flags;
}

async function deadLetters(cli: Cli, asked: Asked): Promise<ExitCode> {
  const { action, run } = asked;
  if (action === "list") return list(cli, asked.flags);
  if (action !== "show" && !Object.hasOwn(ACTIONS, action)) {
    throw new BatonError("ARGUMENT_INVALID", `There is no action ${action} for dead letters.`, {
      hint: "Use list, show, retry, resolve or skip.",
    });
  }
  if (run === undefined) {
    throw new BatonError("ARGUMENT_INVALID", `"${action}" needs a run.`, {
      hint: "List them with `baton dead-letters`.",
    });
  }
  return action === "show"
    ? show(cli, run, asked)
    : decide(cli, run, ACTIONS[action] ?? "retry", asked);
}

async function list(cli: Cli, flags: Flags): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const letters = await baton.deadLetters({ limit: flags.limit });
    if (flags.json === true) {
      cli.printJson(letters);
      return EXIT.ok;
    }
    if (letters.length === 0) {
      cli.note("No dead letters.");
      return EXIT.ok;
    }
    await printTable(
      cli,
      [
        { title: "RUN", flexible: true },
        { title: "PATH", flexible: true },
        { title: "AGENT", flexible: true },
        { title: "SINCE" },
        { title: "ERROR", flexible: true },
      ],
      letters.map((letter) => [
        printable(letter.run),
        printable(letter.path),
        printable(letter.agent ?? (letter.what === "step" ? "" : (letter.child ?? ""))),
        moment(letter.at),
        printable(`${letter.error.code}: ${letter.error.message}`),
      ]),
    );
    cli.note(
      `${count(letters.length, "dead letter")}; next:  baton dead-letters show ${printable(letters[0]?.run ?? "")}`,
    );
    return EXIT.ok;
  });
}

async function show(cli: Cli, run: string, { path, flags }: Asked): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const letters = (await baton.deadLettersOf(run)).filter(
      (letter) => path === undefined || letter.path === path,
    );
    if (letters.length === 0) throw none(run, path);
    if (flags.json === true) cli.printJson(letters);
    else for (const letter of letters) printLetter(cli, letter);
    return EXIT.ok;
  });
}

function printLetter(cli: Cli, letter: DeadLetter): void {
  const { colors } = cli;
  const line = (title: string, text: string): void =>
    cli.print(`${colors.dim(title.padEnd(14))}${text}`);
  cli.print(colors.bold(printable(`${letter.run}  ${letter.path}`)));
  line("workflow", printable(letter.workflow));
  if (letter.agent !== undefined) line("agent", printable(letter.agent));
  if (letter.what === "step") return;
  if (letter.child !== undefined) line("child run", printable(letter.child));
  line("since", moment(letter.at));
  line("went back", printable(`${letter.reason.because}: ${letter.reason.error.message}`));
  line("error", colors.red(printable(`${letter.error.code}: ${letter.error.message}`)));
  line("executed as", letter.executionKey);
  line("undone as", letter.compensationKey);
  if (letter.input !== undefined) line("input", pretty(letter.input));
  line("output", letter.output === undefined ? "not known" : pretty(letter.output));
  const place = printable(`${letter.run} ${letter.path}`);
  cli.note(`next:  baton dead-letters retry ${place}   (or resolve, or skip, with --reason)`);
}

async function decide(
  cli: Cli,
  run: string,
  action: CompensationAction,
  { path, flags }: Asked,
): Promise<ExitCode> {
  return cli.withBaton(flags, "write", async (opened) => {
    const { baton } = opened;
    const named = path ?? (await onlyPath(baton.deadLettersOf(run), run));
    const by = cli.person(flags.by);
    await baton.compensation(run, named, {
      action,
      by,
      ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      ...(flags.turn === undefined ? {} : { turn: flags.turn }),
    });
    if (flags.json !== true)
      cli.note(`${action}: ${printable(named)} of ${printable(run)}, by ${printable(by.id)}.`);
    if (flags.wait) {
      const followed = await topmost(baton, run);
      return followToEnd(cli, opened, { run: followed, json: flags.json === true });
    }
    if (flags.json === true) cli.printJson({ id: run, path: named, action, by });
    return EXIT.ok;
  });
}

async function onlyPath(found: Promise<readonly DeadLetter[]>, run: string): Promise<string> {
  const letters = await found;
  const [only, ...others] = letters;
  if (only === undefined) throw none(run, undefined);
  if (others.length === 0) return only.path;
  throw new BatonError("ARGUMENT_INVALID", `${run} has several dead letters.`, {
    hint: `Name one: ${letters.map((letter) => letter.path).join(", ")}.`,
    details: { run, paths: letters.map((letter) => letter.path) },
  });
}

function none(run: string, path: string | undefined): BatonError {
  const at = path === undefined ? "" : ` at ${path}`;
  return new BatonError("COMPENSATION_UNKNOWN", `Nothing of run ${run}${at} waits for a person.`, {
    details: { run, ...(path === undefined ? {} : { path }) },
  });
}
