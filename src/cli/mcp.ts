/** `baton mcp`: serves the workflows as MCP tools to whoever started this process. */
import type { Command } from "commander";
import type { Duration } from "../model/duration.ts";
import { duration, examples, findWorkflow } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

interface McpFlags extends CommonFlags {
  readonly wait?: Duration;
  readonly by?: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("[workflows...]", "their names, or name@version; the newest of each, if left out")
    .option(
      "--wait <duration>",
      "how long a call waits for its run, before it is answered as unfinished (default: 50s)",
      duration,
    )
    .option(
      "--by <person>",
      "for whom the calls are made, for the journal (default: who is logged in)",
    )
    .addHelpText(
      "after",
      examples(
        "baton mcp",
        "baton mcp credit-decision --wait 2m --config /srv/lending/baton.config.ts",
      ) +
        "\nIt speaks MCP over stdin and stdout: a program starts it, such as an assistant on the desktop. Whatever else is printed goes to stderr.\n",
    )
    .action(async (workflows: readonly string[], flags: McpFlags) =>
      cli.finish(await serve(cli, workflows, flags)),
    );
}

async function serve(cli: Cli, names: readonly string[], flags: McpFlags): Promise<ExitCode> {
  // Before the config is loaded, which may print as well.
  const { input, output, release } = cli.terminal.takeOver();
  try {
    return await cli.withBaton(flags, "write", async ({ baton, interrupted }) => {
      const { mcpServer } = await import("../mcp.ts");
      const server = await mcpServer(baton, {
        // A program decides what is called, for the person at whose machine it runs.
        by: { kind: "program", id: "mcp", onBehalfOf: cli.person(flags.by).id },
        ...(flags.wait === undefined ? {} : { wait: flags.wait }),
        ...(names.length === 0
          ? {}
          : { workflows: names.map((name) => findWorkflow(baton.workflows, name)) }),
        onError: (error) => cli.note(`warn: ${error.message}`),
      });
      const close = (): void => {
        // What goes wrong with it shows where the connection is served.
        server.close().catch(() => undefined);
      };
      interrupted.addEventListener("abort", close);
      // Nobody tells of what was before: the SDK takes a while to be loaded.
      if (interrupted.aborted) close();
      cli.note(`Serving over stdio: ${server.tools.join(", ")}`);
      await server.stdio({ input, output });
      interrupted.removeEventListener("abort", close);
      return EXIT.ok;
    });
  } finally {
    release();
  }
}
