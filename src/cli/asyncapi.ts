/** `baton asyncapi`: the topics of the config as an AsyncAPI 3 document. */
import { writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printable } from "./text.ts";

interface AsyncApiFlags extends CommonFlags {
  readonly out?: string;
  readonly title?: string;
  readonly apiVersion: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .option("--out <file>", "write it there, instead of printing it")
    .option("--title <text>", "its title (default: the name of the config's folder)")
    .option("--api-version <version>", "the version of what it describes", "1.0.0")
    .addHelpText("after", examples("baton asyncapi", "baton asyncapi --out asyncapi.json"))
    .action(async (flags: AsyncApiFlags) => cli.finish(await write(cli, flags)));
}

async function write(cli: Cli, flags: AsyncApiFlags): Promise<ExitCode> {
  const { config, folder } = await cli.project(flags);
  const { asyncApi } = await import("../index.ts");
  const { workflows, topics = [] } = config;
  const document = asyncApi({
    title: flags.title ?? basename(folder),
    version: flags.apiVersion,
    workflows,
    topics,
  });
  if (flags.out === undefined) {
    if (flags.json === true) cli.printJson(document);
    else cli.print(JSON.stringify(document, undefined, 2));
    return EXIT.ok;
  }
  writeFileSync(
    resolve(cli.terminal.cwd, flags.out),
    `${JSON.stringify(document, undefined, 2)}\n`,
  );
  cli.note(`Written: ${printable(flags.out)}`);
  return EXIT.ok;
}
