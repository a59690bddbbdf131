/** `baton dead-letters`: what could not be undone, what may or may not have been done, and what a person decides of it. */
import type { Command } from "commander";
import type { CompensationAction, DeadLetter, LateEvent, StepAction } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples, refuseOptions, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { printRefused } from "./bus-lines-text.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { readJson } from "./json-input.ts";
import { followToEnd } from "./run.ts";
import { topmost } from "./settle.ts";
import { printTable } from "./table.ts";
import { count, moment, pretty, printable } from "./text.ts";

interface Flags extends CommonFlags {
  readonly reason?: string;
  readonly by?: string;
  readonly turn?: number;
  readonly output?: string;
  readonly nothingDone?: boolean;
  readonly limit: number;
  readonly wait: boolean;
}

/** What the command line calls an action, and what the journal does: of a compensation, and of a step. */
const ACTIONS: Readonly<
  Record<string, { readonly compensation?: CompensationAction; readonly step?: StepAction }>
> = {
  retry: { compensation: "retry", step: "retry" },
  resolve: { compensation: "done", step: "done" },
  skip: { compensation: "skip" },
  fail: { step: "fail" },
};

export function define(command: Command, cli: Cli): void {
  command
    .argument("[action]", "list, show, retry, resolve (it was done by hand), skip or fail", "list")
    .argument("[run]", "the run's id; for all but list")
    .argument("[path]", "what of it; may be left out where there is one only")
    .option("--reason <text>", "why, for the journal; resolve, skip and fail need one")
    .option("--output <json>", "resolve of a step: what it gave, as JSON or a file (- is stdin)")
    .option("--nothing-done", "retry or fail of a step: you have made sure that it did nothing")
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
        'baton dead-letters resolve app-2 transfer --output receipt.json --reason "seen in the bank\'s console"',
        "baton dead-letters retry app-2 transfer --nothing-done",
        'baton dead-letters fail app-2 transfer --nothing-done --reason "the account is closed"',
      ),
    )
    .action(
      async (action: string, run: string | undefined, path: string | undefined, flags: Flags) => {
        checkAction(command, action, run);
        cli.finish(await deadLetters(cli, { action, run, path, flags }));
      },
    );
}

/** What was typed is for this action. @throws BatonError ARGUMENT_INVALID */
function checkAction(command: Command, action: string, run: string | undefined): void {
  if (!["list", "show"].includes(action) && !Object.hasOwn(ACTIONS, action))
    throw new BatonError("ARGUMENT_INVALID", `There is no action ${action} for dead letters.`, {
      hint: "Use list, show, retry, resolve, skip or fail.",
    });
  if (action === "list" && run !== undefined)
    throw new BatonError("ARGUMENT_INVALID", "list is of all runs.", {
      hint: `Those of one run: \`baton dead-letters show ${run}\`.`,
    });
  if (action !== "list") refuseOptions(command, ["--limit"], "is for list");
  if (action !== "resolve") refuseOptions(command, ["--output"], "is for resolve");
  if (action !== "retry" && action !== "fail")
    refuseOptions(command, ["--nothing-done"], "is for retry and fail");
  if (!Object.hasOwn(ACTIONS, action))
    refuseOptions(
      command,
      ["--reason", "--by", "--turn", "--no-wait"],
      "is for retry, resolve, skip and fail",
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
  if (run === undefined) {
    throw new BatonError("ARGUMENT_INVALID", `"${action}" needs a run.`, {
      hint: "List them with `baton dead-letters`.",
    });
  }
  return action === "show" ? show(cli, run, asked) : decide(cli, run, asked);
}

async function list(cli: Cli, flags: Flags): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const letters = await baton.deadLetters({ limit: flags.limit });
    const refused = await baton.refusedMessages({ limit: flags.limit });
    const late = await baton.lateEvents({ limit: flags.limit });
    if (flags.json === true) {
      cli.printJson([
        ...letters,
        ...late.map((each) => ({ what: "late", ...each })),
        ...refused.map((each) => ({ what: "message", ...each })),
      ]);
      return EXIT.ok;
    }
    await printRefused(cli, refused);
    await printLate(cli, late);
    if (letters.length === 0 && refused.length + late.length > 0) return EXIT.ok;
    if (letters.length === 0) {
      cli.note("No dead letters.");
      return EXIT.ok;
    }
    await printTable(
      cli,
      [
        { title: "RUN", flexible: true },
        { title: "PATH", flexible: true },
        { title: "WHAT" },
        { title: "AGENT", flexible: true },
        { title: "SINCE" },
        { title: "ERROR", flexible: true },
      ],
      letters.map((letter) => [
        printable(letter.run),
        printable(letter.path),
        letter.what === "step" ? letter.because : "compensation",
        printable(agentOf(letter)),
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

async function printLate(cli: Cli, late: readonly LateEvent[]): Promise<void> {
  if (late.length === 0) return;
  await printTable(
    cli,
    [
      { title: "LATE EVENT", flexible: true },
      { title: "TOPIC", flexible: true },
      { title: "CORRELATION", flexible: true },
      { title: "SINCE" },
      { title: "FOR", flexible: true },
    ],
    late.map(({ id, topic, correlation, at, choreographies }) => [
      printable(id),
      printable(topic),
      printable(correlation),
      moment(at),
      printable(choreographies.join(", ")),
    ]),
  );
  cli.note(
    `${count(late.length, "event")} came after the runs had ended; next:  baton events show ${printable(late[0]?.id ?? "")}`,
  );
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
  if (letter.what !== "step" && letter.child !== undefined)
    line("child run", printable(letter.child));
  line("since", moment(letter.at));
  if (letter.what === "step") line("parked", `${letter.because}, attempt ${letter.attempt}`);
  else line("went back", printable(`${letter.reason.because}: ${letter.reason.error.message}`));
  line("error", colors.red(printable(`${letter.error.code}: ${letter.error.message}`)));
  line("executed as", letter.executionKey);
  if (letter.what !== "step") line("undone as", letter.compensationKey);
  if (letter.input !== undefined) line("input", pretty(letter.input));
  if (letter.what !== "step")
    line("output", letter.output === undefined ? "not known" : pretty(letter.output));
  const place = printable(`${letter.run} ${letter.path}`);
  const others =
    letter.what === "step"
      ? "or resolve, with --output and --reason, or fail, with --reason"
      : "or resolve, or skip, with --reason";
  cli.note(`next:  baton dead-letters retry ${place}   (${others})`);
}

async function decide(cli: Cli, run: string, { action, path, flags }: Asked): Promise<ExitCode> {
  return cli.withBaton(flags, "write", async (opened) => {
    const { baton } = opened;
    const letter = await letterAt(baton.deadLettersOf(run), run, path);
    const by = cli.person(flags.by);
    const said = {
      by,
      ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      ...(flags.turn === undefined ? {} : { turn: flags.turn }),
    };
    const { compensation, step } = ACTIONS[action] ?? {};
    const { what, path: named } = letter;
    if (what === "step") {
      if (step === undefined) throw notForA("step", action, "retry, resolve or fail");
      const output = await outputOf(cli, step, flags.output);
      await baton.resolveStep(run, named, {
        action: step,
        ...said,
        ...(output === undefined ? {} : { output }),
        ...(flags.nothingDone === true ? { nothingDone: true } : {}),
      });
    } else {
      if (compensation === undefined)
        throw notForA("compensation", action, "retry, resolve or skip");
      if (flags.output !== undefined || flags.nothingDone === true)
        throw new BatonError(
          "ARGUMENT_INVALID",
          `At ${named} a compensation waits, which takes neither --output nor --nothing-done.`,
        );
      await baton.compensation(run, named, { action: compensation, ...said });
    }
    const done = (what === "step" ? step : compensation) ?? action;
    if (flags.json !== true)
      cli.note(`${done}: ${printable(named)} of ${printable(run)}, by ${printable(by.id)}.`);
    if (flags.wait) {
      const followed = await topmost(baton, run);
      return followToEnd(cli, opened, { run: followed, json: flags.json === true });
    }
    if (flags.json === true) cli.printJson({ id: run, path: named, action: done, by });
    return EXIT.ok;
  });
}

/** What was done by hand: JSON as it stands, or in a file. */
async function outputOf(cli: Cli, action: StepAction, given: string | undefined): Promise<unknown> {
  if (given === undefined) {
    if (action !== "done") return undefined;
    throw new BatonError("ARGUMENT_INVALID", "resolve of a step needs its output.", {
      hint: "Give --output with what the agent would have given: JSON, or a file.",
    });
  }
  const isText = /^\s*[[{"]|^\s*(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*$/.test(
    given,
  );
  const source = isText
    ? ({ kind: "text", text: given } as const)
    : ({ kind: "file", path: given } as const);
  return readJson(cli.terminal, source, "output");
}

function notForA(what: string, action: string, actions: string): BatonError {
  return new BatonError("ARGUMENT_INVALID", `"${action}" is not for a ${what}.`, {
    hint: `Here a ${what} waits for a person: use ${actions}.`,
  });
}

async function letterAt(
  found: Promise<readonly DeadLetter[]>,
  run: string,
  path: string | undefined,
): Promise<DeadLetter> {
  const letters = (await found).filter((letter) => path === undefined || letter.path === path);
  const [only, ...others] = letters;
  if (only === undefined) throw none(run, path);
  if (others.length === 0 || path !== undefined) return only;
  throw new BatonError("ARGUMENT_INVALID", `${run} has several dead letters.`, {
    hint: `Name one: ${letters.map((letter) => letter.path).join(", ")}.`,
    details: { run, paths: letters.map((letter) => letter.path) },
  });
}

function agentOf(letter: DeadLetter): string {
  return letter.agent ?? (letter.what === "step" ? "" : (letter.child ?? ""));
}

function none(run: string, path: string | undefined): BatonError {
  const at = path === undefined ? "" : ` at ${path}`;
  return new BatonError("COMPENSATION_UNKNOWN", `Nothing of run ${run}${at} waits for a person.`, {
    details: { run, ...(path === undefined ? {} : { path }) },
  });
}
