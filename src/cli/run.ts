/** `baton run`: one input, or each line of a JSONL file. */
import type { Command } from "commander";
import type { Duration } from "../model/duration.ts";
import { BatonError } from "../model/errors.ts";
import type { Json } from "../model/json.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { duration, examples, findWorkflow, refuseOptions, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags, Opened } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { jsonSource, readJson } from "./json-input.ts";
import {
  isForPerson,
  isParked,
  PATIENCE_MS,
  settledJson,
  nextCommand,
  type Settled,
  settle,
} from "./settle.ts";
import { compact, pretty, printable } from "./text.ts";

export interface RunFlags extends CommonFlags {
  readonly input?: string;
  readonly id?: string;
  readonly by?: string;
  readonly deadline?: Duration;
  readonly wait: boolean;
  readonly inFlight: number;
  readonly idField?: string;
  readonly count?: string;
}

const IN_FLIGHT_DEFAULT = 256;
const IN_FLIGHT_MAX = 100_000;

export function define(command: Command, cli: Cli): void {
  command
    .argument("<workflow>", "its name (the newest version), or name@version")
    .argument("[file]", "a JSON file, `-` for stdin, or a .jsonl file with one input per line")
    .option("--input <json>", "the input itself, instead of a file")
    .option("--by <person>", "who starts it, for the journal")
    .option(
      "--deadline <duration>",
      "how long a run may take, such as 30m, from its start",
      duration,
    )
    .optionsGroup("For one input:")
    .option(
      "--id <id>",
      "the run's id; the same id with the same input is the same run (default: a fresh UUIDv7)",
    )
    .option("--no-wait", "start it and print its id, without following it")
    .optionsGroup("For a JSONL file:")
    .option("--in-flight <n>", "runs at the same time", wholeNumber(1), IN_FLIGHT_DEFAULT)
    .option(
      "--id-field <field>",
      "the field of a line that is its run's id, `id` or `applicant.id` (default: <file>-<line>)",
    )
    .option("--count <field>", "count the outputs by this field in the summary, such as `decision`")
    .addHelpText(
      "after",
      examples(
        "baton run credit-decision application.json --id app-1",
        'baton run credit-decision --input \'{"applicant":"ada"}\'',
        "baton run credit-decision applications.jsonl --id-field id --in-flight 256",
        "cat application.json | baton run credit-decision@1.0.0 - --json",
        "",
        "Running a JSONL file again starts nothing twice: runs that are there are taken up where they are.",
      ),
    )
    .action(async (workflow: string, file: string | undefined, flags: RunFlags) => {
      cli.finish(await runCommand(cli, { command, workflow, file, flags }));
    });
}

interface RunArguments {
  readonly command: Command;
  readonly workflow: string;
  readonly file: string | undefined;
  readonly flags: RunFlags;
}

async function runCommand(
  cli: Cli,
  { command, workflow, file, flags }: RunArguments,
): Promise<ExitCode> {
  const source = jsonSource(
    { file, text: flags.input },
    { what: "input", option: "--input", command: "run" },
  );
  if (flags.inFlight > IN_FLIGHT_MAX)
    throw new BatonError("ARGUMENT_INVALID", `--in-flight is at most ${IN_FLIGHT_MAX}.`);
  if (file?.endsWith(".jsonl") === true || file?.endsWith(".ndjson") === true) {
    if (flags.id !== undefined) {
      throw new BatonError("ARGUMENT_INVALID", "--id names one run; a JSONL file has many.", {
        hint: "Use --id-field.",
      });
    }
    refuseOptions(command, ["--no-wait"], "is for one input");
    const { runBatch } = await import("./run-batch.ts");
    return cli.withBaton(flags, "write", (opened) => {
      return runBatch(cli, opened, {
        workflow: findWorkflow(opened.baton.workflows, workflow),
        file,
        flags,
      });
    });
  }
  refuseOptions(command, ["--in-flight", "--id-field", "--count"], "is for a JSONL file");
  const input = await readJson(cli.terminal, source, "input");
  return cli.withBaton(flags, "write", (opened) =>
    runOne(cli, opened, {
      definition: findWorkflow(opened.baton.workflows, workflow),
      input,
      flags,
    }),
  );
}

interface OneRun {
  readonly definition: WorkflowDefinition;
  readonly input: unknown;
  readonly flags: RunFlags;
}

async function runOne(
  cli: Cli,
  opened: Opened,
  { definition, input, flags }: OneRun,
): Promise<ExitCode> {
  const handle = await opened.baton.startUntyped(definition, input, {
    by: cli.person(flags.by),
    ...(flags.id === undefined ? {} : { id: flags.id }),
    ...(flags.deadline === undefined ? {} : { deadline: flags.deadline }),
  });
  if (!flags.wait) {
    if (flags.json === true)
      cli.printJson({ id: handle.id, workflow: definition.id, status: "running" });
    else cli.print(handle.id);
    return EXIT.ok;
  }
  if (flags.json !== true)
    cli.note(cli.colors.dim(`run ${printable(handle.id)}: ${definition.id}`));
  return followToEnd(cli, opened, {
    run: handle.id,
    workflow: definition.id,
    json: flags.json === true,
  });
}

/** What a run that is followed is, for the answer. */
export interface Followed {
  readonly run: string;
  readonly workflow?: string;
  readonly json: boolean;
}

/** Waits until a run ends or waits for somebody, and says which. */
export async function followToEnd(cli: Cli, opened: Opened, followed: Followed): Promise<ExitCode> {
  const settled = await settle(opened.baton, followed.run, {
    interrupted: opened.interrupted,
    patienceMs: PATIENCE_MS,
    now: cli.terminal.now,
  });
  if (followed.json) {
    cli.printJson({
      id: followed.run,
      ...(followed.workflow === undefined ? {} : { workflow: followed.workflow }),
      ...settledJson(settled),
    });
  } else {
    printSettled(cli, followed.run, settled);
  }
  return wentWell(settled) ? EXIT.ok : EXIT.failed;
}

/** A run that waits has gone well so far; one that is parked has not. */
function wentWell(settled: Settled): boolean {
  if (settled.kind === "ended") return settled.outcome.kind === "completed";
  return !isParked(settled);
}

/** How a run settled, for people. */
export function printSettled(cli: Cli, run: string, settled: Settled): void {
  const { colors } = cli;
  if (settled.kind === "waiting") {
    for (const wait of settled.waits) {
      const status = isForPerson(wait) ? colors.red("parked") : colors.yellow("waiting");
      const what = wait.what === "person" ? "a person:" : wait.what;
      cli.print(`${status} for ${what} ${printable(wait.step)}`);
      if (wait.shown !== undefined) cli.print(`  ${compact(wait.shown, 400)}`);
      const next = nextCommand(wait);
      if (next !== undefined) cli.note(`next:  ${printable(next)}`);
    }
    return;
  }
  const { outcome } = settled;
  if (outcome.kind === "completed") return cli.print(pretty(outcome.output));
  if (outcome.kind === "cancelled")
    cli.print(`${colors.yellow("cancelled")}: ${printable(outcome.reason)}`);
  if (outcome.kind === "compensated") {
    const at = outcome.step === undefined ? "" : ` after ${printable(outcome.step)} failed`;
    cli.print(
      `${colors.yellow("compensated")}${at}: ${printable(outcome.error.code)}: ${printable(outcome.error.message)}`,
    );
    printViolations(cli, outcome.error.violations ?? []);
  }
  if (outcome.kind === "refused") {
    cli.print(`${colors.red("refused")}: the input breaks its contract`);
    printViolations(cli, outcome.violations);
  }
  if (outcome.kind === "failed") {
    const at = outcome.step === undefined ? "" : ` at ${printable(outcome.step)}`;
    cli.print(
      `${colors.red("failed")}${at}: ${printable(outcome.error.code)}: ${printable(outcome.error.message)}`,
    );
    printViolations(cli, outcome.error.violations ?? []);
  }
  cli.note(`next:  baton show ${printable(run)}`);
}

/** Prints violations, two lines each at most: where and which rule, then what was found. */
export function printViolations(
  cli: Cli,
  violations: readonly {
    readonly contract: string;
    readonly path: string;
    readonly rule: string;
    readonly message: string;
    readonly value?: Json;
  }[],
): void {
  for (const violation of violations) {
    const { contract, path, rule, message, value } = violation;
    const found = value === undefined ? "" : `, found ${compact(value, 60)}`;
    // A rule over several keys has no path of its own, and its sentence says it all.
    const where = contract === "requires" ? "" : `${printable(path) || "/"}  `;
    cli.print(`  ${contract}  ${where}${cli.colors.bold(printable(rule))}`);
    if (found !== "" || !message.endsWith(`: ${rule}.`))
      cli.print(`    ${printable(message.replace(/\.$/, ""))}${found}`);
  }
}
