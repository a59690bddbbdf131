/** `baton state`: what was known at a version. */
import type { Command } from "commander";
import type { StateAt } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples, versionRef, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { pretty, printable } from "./text.ts";

interface StateFlags extends CommonFlags {
  readonly at?: number;
  readonly key?: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<run>", "the run's id, or run@version")
    .option("--at <version>", "the version; 0 is the input (default: the newest)", wholeNumber(0))
    .option("--key <key>", "only this key: `input` or a step")
    .addHelpText(
      "after",
      examples(
        "baton state app-1",
        "baton state app-1 --at 2",
        "baton state app-1@2 --key risk --json",
      ),
    )
    .action(async (run: string, flags: StateFlags) =>
      cli.finish(await printState(cli, run, flags)),
    );
}

async function printState(cli: Cli, text: string, flags: StateFlags): Promise<ExitCode> {
  const ref = versionRef(text);
  if (ref.version !== undefined && flags.at !== undefined && ref.version !== flags.at) {
    throw new BatonError(
      "ARGUMENT_INVALID",
      `${text} names version ${ref.version}, --at names ${flags.at}.`,
      { hint: "Give one of them." },
    );
  }
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const state = await baton.state(ref.run, flags.at ?? ref.version);
    if (flags.key === undefined) {
      if (flags.json === true) cli.printJson(state);
      else printKeys(cli, state);
      return EXIT.ok;
    }
    const value = Object.hasOwn(state.values, flags.key) ? state.values[flags.key] : undefined;
    if (value === undefined) {
      const keys = Object.keys(state.values);
      throw new BatonError(
        "ARGUMENT_INVALID",
        `Version ${state.version} of ${state.run} has no key ${flags.key}.`,
        {
          hint: `It has: ${keys.join(", ")}.`,
          details: { run: state.run, version: state.version, key: flags.key, keys },
        },
      );
    }
    if (flags.json === true) cli.printJson(value);
    else cli.print(pretty(value));
    return EXIT.ok;
  });
}

function printKeys(cli: Cli, state: StateAt): void {
  cli.print(
    `${cli.colors.bold(printable(state.run))} at version ${state.version} (entry ${state.seq})`,
  );
  for (const [key, value] of Object.entries(state.values)) {
    const sealed = state.sealed[key];
    const from =
      sealed === undefined
        ? ""
        : `version ${sealed.version}${sealed.agent === undefined ? "" : `, ${sealed.agent}`}`;
    cli.print(`\n${cli.colors.bold(printable(key))}  ${cli.colors.dim(printable(from))}`);
    cli.print(pretty(value, 2));
  }
}
