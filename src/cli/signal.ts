/** `baton signal`: gives a run what it awaits. */
import type { Command } from "commander";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { jsonSource, readJson } from "./json-input.ts";
import { followToEnd } from "./run.ts";
import { topmost } from "./settle.ts";
import { printable } from "./text.ts";

interface SignalFlags extends CommonFlags {
  readonly payload?: string;
  readonly by?: string;
  readonly id?: string;
  readonly wait: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<run>", "the run's id")
    .argument("<step>", "the step that awaits it")
    .argument("[file]", "the payload: a JSON file, or `-` for stdin")
    .option("--payload <json>", "the payload itself, instead of a file")
    .option("--id <id>", "the signal's id: sent twice with the same id, it counts once")
    .option("--by <person>", "who sends it (default: who is logged in)")
    .option("--no-wait", "record the signal, without following the run")
    .addHelpText(
      "after",
      examples(
        "baton signal app-1 documents papers.json",
        "baton signal app-1 documents --payload '{\"complete\":true}' --id mail-17",
      ),
    )
    .action(async (run: string, step: string, file: string | undefined, flags: SignalFlags) =>
      cli.finish(await signal(cli, { run, step, file, flags })),
    );
}

interface SignalArguments {
  readonly run: string;
  readonly step: string;
  readonly file: string | undefined;
  readonly flags: SignalFlags;
}

async function signal(cli: Cli, { run, step, file, flags }: SignalArguments): Promise<ExitCode> {
  const source = jsonSource(
    { file, text: flags.payload },
    { what: "payload", option: "--payload", command: "signal" },
  );
  const payload = await readJson(cli.terminal, source, "payload");
  return cli.withBaton(flags, "write", async (opened) => {
    const by = cli.person(flags.by);
    await opened.baton.signal(run, step, payload, {
      by,
      ...(flags.id === undefined ? {} : { id: flags.id }),
    });
    if (flags.json !== true)
      cli.note(`Signalled: ${printable(step)} of ${printable(run)}, by ${printable(by.id)}.`);
    if (flags.wait) {
      // What the answer sets going ends with the run that somebody started, not with a child of it.
      const followed = await topmost(opened.baton, run);
      return followToEnd(cli, opened, { run: followed, json: flags.json === true });
    }
    if (flags.json === true) cli.printJson({ id: run, step, by });
    return EXIT.ok;
  });
}
