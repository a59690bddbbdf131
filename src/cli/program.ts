/**
 * The command line: finds the command, loads its file alone, and turns whatever it throws into a message and an exit code.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { isBatonError } from "../model/errors.ts";
import { type Cli, type CliParts, createCli } from "./cli.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { printable } from "./text.ts";

/** A command's file: declares arguments, options, examples, and what is done. */
export interface CommandFile {
  readonly define: (command: Command, cli: Cli) => void;
}

interface Listed {
  readonly summary: string;
  readonly load: () => Promise<CommandFile>;
}

/** All commands. Each file is imported only when its command is named, so that `baton --help` is quick. */
const COMMANDS: Readonly<Record<string, Listed>> = {
  init: { summary: "make a new project that runs", load: () => import("./init.ts") },
  check: {
    summary: "look for mistakes in the workflows before they run",
    load: () => import("./check.ts"),
  },
  graph: {
    summary: "draw a workflow, or how far a run came in it",
    load: () => import("./graph.ts"),
  },
  run: {
    summary: "run a workflow on one input, or on each line of a JSONL file",
    load: () => import("./run.ts"),
  },
  runs: { summary: "list runs", load: () => import("./runs.ts") },
  show: {
    summary: "show a run: steps, versions, violations, what it waits for",
    load: () => import("./show.ts"),
  },
  why: {
    summary: "say why a run, or what has one correlation id, has not given what it should",
    load: () => import("./why.ts"),
  },
  waits: {
    summary: "list what runs wait for, and until when",
    load: () => import("./waits.ts"),
  },
  health: {
    summary: "say whether any run is stuck, and whether anybody works on the store",
    load: () => import("./health.ts"),
  },
  watch: {
    summary: "follow a run's journal, live, until the run ends",
    load: () => import("./watch.ts"),
  },
  approve: {
    summary: "answer an approval that a run waits for",
    load: () => import("./approve.ts"),
  },
  signal: { summary: "give a run a signal that it awaits", load: () => import("./signal.ts") },
  cancel: { summary: "cancel a run", load: () => import("./cancel.ts") },
  compensate: {
    summary: "undo what a run has done, by hand",
    load: () => import("./compensate.ts"),
  },
  "dead-letters": {
    summary: "list what could not be undone, and decide what becomes of it",
    load: () => import("./dead-letters.ts"),
  },
  agents: {
    summary: "list agents, and what bounds their calls",
    load: () => import("./agents.ts"),
  },
  breakers: {
    summary: "list circuit breakers; open or close one by hand",
    load: () => import("./breakers.ts"),
  },
  budgets: {
    summary: "list budgets; add to one by hand",
    load: () => import("./budgets.ts"),
  },
  topics: {
    summary: "list topics: their contracts, who publishes and who takes",
    load: () => import("./topics.ts"),
  },
  events: {
    summary: "list the events of a topic, or follow them",
    load: () => import("./events.ts"),
  },
  publish: { summary: "publish an event", load: () => import("./publish.ts") },
  subscriptions: {
    summary: "list subscriptions, and how far they are; pause, resume or rewind one",
    load: () => import("./subscriptions.ts"),
  },
  asyncapi: {
    summary: "describe the topics as an AsyncAPI 3 document",
    load: () => import("./asyncapi.ts"),
  },
  registry: {
    summary: "list what is registered, publish the code, grant and revoke, find drift",
    load: () => import("./registry.ts"),
  },
  mcp: {
    summary: "serve the workflows as MCP tools, over stdin and stdout",
    load: () => import("./mcp.ts"),
  },
  export: {
    summary: "write the journal as Delta Lake tables, or send traces of it again",
    load: () => import("./export.ts"),
  },
  state: { summary: "print the state at a version", load: () => import("./state.ts") },
  diff: { summary: "compare two versions, or two runs", load: () => import("./diff.ts") },
  lineage: { summary: "trace a value back to the input", load: () => import("./lineage.ts") },
  fork: { summary: "start a new run from a version of another", load: () => import("./fork.ts") },
  replay: {
    summary: "say where today's code would decide differently",
    load: () => import("./replay.ts"),
  },
  simulate: {
    summary: "run a workflow many times, with everything going wrong that can",
    load: () => import("./simulate.ts"),
  },
  verify: { summary: "check that no journal was changed", load: () => import("./verify.ts") },
};

const EXIT_CODE_HELP = `
Exit codes: 0 ok, 1 what was asked for failed, 2 usage or config, 3 not found, 4 conflict or in use,
            5 store damaged or full, 130 interrupted`;

/** Runs one command line (without `node` and the script's name); gives the exit code. Never throws. */
export async function runProgram(
  argv: readonly string[],
  terminal: Terminal,
  parts: CliParts = {},
): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  try {
    const cli = await createCli(
      terminal,
      (finished) => {
        code = finished;
      },
      parts,
    );
    const program = await buildProgram(argv, cli);
    await program.parseAsync(argv.length === 0 ? ["--help"] : [...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? EXIT.ok : usageError(error, argv, terminal);
    printError(error, argv.includes("--json"), terminal);
    return exitCodeOf(error);
  }
}

async function buildProgram(argv: readonly string[], cli: Cli): Promise<Command> {
  const program = new Command("baton")
    .description(
      "Runs multi-agent workflows that must be right, and answers who decided what, on which data.",
    )
    .version(packageVersion())
    .helpCommand("help [command]", "show how a command is used")
    .addHelpText("after", EXIT_CODE_HELP);
  configure(program, cli);
  const named = argv[0] === "help" ? argv[1] : argv[0];
  for (const [name, listed] of Object.entries(COMMANDS)) {
    const command = program
      .command(name)
      .summary(listed.summary)
      .description(sentence(listed.summary));
    configure(command, cli);
    if (name !== named) continue;
    const file = await listed.load();
    file.define(command, cli);
    addCommonOptions(command);
  }
  return program;
}

function configure(command: Command, cli: Cli): void {
  const { stdout, stderr } = cli.terminal;
  command.exitOverride().configureOutput({
    writeOut: stdout.write,
    writeErr: stderr.write,
    // Told once, by usageError below.
    outputError: () => undefined,
    getOutHelpWidth: () => Math.min(stdout.columns, 120),
    getErrHelpWidth: () => Math.min(stderr.columns, 120),
  });
}

function addCommonOptions(command: Command): void {
  if (command.name() === "init") {
    command.addOption(new Option("--json", "print JSON"));
    return;
  }
  command
    .optionsGroup("Everywhere:")
    .addOption(new Option("--json", "print JSON, for programs"))
    .addOption(
      new Option(
        "--config <file>",
        "the config; by default the nearest baton.config.ts from here upward",
      ),
    )
    .addOption(new Option("--store <file>", "a SQLite file, instead of the config's store"))
    .addOption(new Option("--namespace <name>", "the namespace, instead of the config's"));
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function usageError(error: CommanderError, argv: readonly string[], terminal: Terminal): ExitCode {
  const message = error.message.replace(/^error: /, "");
  const command = argv[0] !== undefined && Object.hasOwn(COMMANDS, argv[0]) ? ` ${argv[0]}` : "";
  const hint = `See \`baton${command} --help\`.`;
  if (argv.includes("--json")) {
    terminal.stderr.write(
      `${JSON.stringify({ error: { code: "ARGUMENT_INVALID", message, hint, details: {} } })}\n`,
    );
  } else {
    terminal.stderr.write(`error: ${printableLines(message)}\n${hint}\n`);
  }
  return EXIT.usage;
}

/** Says what went wrong, where, and what to do about it. */
function printError(error: unknown, json: boolean, terminal: Terminal): void {
  const known = isBatonError(error);
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const described = known
      ? { code: error.code, message, hint: error.hint, details: error.details }
      : { code: "UNEXPECTED", message };
    terminal.stderr.write(`${JSON.stringify({ error: described })}\n`);
    return;
  }
  const lines = [`error: ${printableLines(message)}`];
  if (known) {
    lines.push(
      ...evidence(error.details, message),
      `code:  ${error.code}`,
      `hint:  ${printableLines(error.hint)}`,
    );
  } else if (error instanceof Error && error.stack !== undefined) {
    // Not one of ours: without the place it can't be mended.
    lines.push(...error.stack.split("\n").slice(1, 6).map(printable));
  }
  terminal.stderr.write(`${lines.join("\n")}\n`);
}

/** The problems and violations that an error carries, unless its message lists them already. */
function evidence(details: Readonly<Record<string, unknown>>, message: string): readonly string[] {
  const lines: string[] = [];
  for (const field of ["problems", "violations"]) {
    const listed: unknown = details[field];
    if (!Array.isArray(listed)) continue;
    for (const item of listed) {
      const line = typeof item === "string" ? item : violationLine(item);
      if (!message.includes(line)) lines.push(`  - ${printable(line)}`);
    }
  }
  return lines;
}

function violationLine(item: unknown): string {
  if (typeof item !== "object" || item === null) return String(item);
  const { contract, path, rule, message } = item as Readonly<Record<string, unknown>>;
  return [contract, path, rule, message]
    .filter((part) => typeof part === "string" && part !== "")
    .join("  ");
}

function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";
}
