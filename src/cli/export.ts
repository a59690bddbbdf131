/** `baton export traces`: sends traces of history again, with the same ids. */
import type { Command } from "commander";
import type { ExportTracesOptions } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { count } from "./text.ts";

interface ExportFlags extends CommonFlags {
  readonly since?: string;
  readonly run?: string;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<what>", "`traces`: to where the config's `tracing` says")
    .option("--since <place>", "only what came after a position, or ended at an ISO time or later")
    .option("--run <id>", "only those of one run")
    .addHelpText(
      "after",
      `\nWorks beside the process that executes. What was sent before is the same span again.\n${examples(
        "baton export traces",
        "baton export traces --since 2026-11-23T10:00:00Z",
        "baton export traces --run app-1",
      )}`,
    )
    .action(async (what: string, flags: ExportFlags) => cli.finish(await send(cli, what, flags)));
}

async function send(cli: Cli, what: string, flags: ExportFlags): Promise<ExitCode> {
  if (what !== "traces") {
    throw new BatonError("ARGUMENT_INVALID", `"${what}" can't be exported.`, {
      hint: "Write `baton export traces`.",
    });
  }
  const asked = askedOf(flags);
  return cli.withBaton(flags, "read", async ({ baton }) => {
    const sent = await baton.exportTraces(asked);
    if (flags.json === true) cli.printJson(sent);
    else cli.print(`${count(sent.spans, "span")} sent, up to position ${sent.position}`);
    return EXIT.ok;
  });
}

/** @throws BatonError ARGUMENT_INVALID */
function askedOf({ since, run }: ExportFlags): ExportTracesOptions {
  const one = run === undefined ? {} : { run };
  if (since === undefined) return one;
  if (run !== undefined && /^\d+$/.test(since))
    throw new BatonError("ARGUMENT_INVALID", "One run has no positions: name a time, or no run.");
  if (/^\d+$/.test(since)) return { after: Number(since) };
  const at = Date.parse(since);
  if (Number.isNaN(at))
    throw new BatonError("ARGUMENT_INVALID", `"${since}" is neither a position nor an ISO time.`, {
      hint: "Write a position as the command prints it, or a time: 2026-11-23T10:00:00Z",
    });
  return { ...one, since: at };
}
