/** `baton export delta`: the journal as Delta Lake tables, for those who ask their questions elsewhere. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { DeltaProgress, DeltaSink, DeltaStorage } from "../delta.ts";
import type { Duration } from "../model/duration.ts";
import { BatonError } from "../model/errors.ts";
import { duration, examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { openProgress, type Progress } from "./progress.ts";
import { count, printable } from "./text.ts";

interface ExportFlags extends CommonFlags {
  readonly to: string;
  readonly endpoint?: string;
  readonly follow?: boolean;
  readonly every: Duration;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<what>", "delta: tables of entries, commits, blobs, versions, events, agent calls")
    .requiredOption("--to <place>", "a folder, or s3://bucket/prefix")
    .option("--endpoint <url>", "of a bucket that is not Amazon's")
    .option("--follow", "go on as the journal grows, until interrupted")
    .option("--every <duration>", "with --follow: how often to look", duration, "30s")
    .addHelpText(
      "after",
      `\nIt goes on where the tables are. It works beside the process that executes, and several may run at once.\n${examples(
        "baton export delta --to lake",
        "baton export delta --to s3://lake/baton --follow --every 1m",
        "baton verify --delta lake",
      )}`,
    )
    .action(async (what: string, flags: ExportFlags) =>
      cli.finish(await exportDelta(cli, what, flags)),
    );
}

async function exportDelta(cli: Cli, what: string, flags: ExportFlags): Promise<ExitCode> {
  if (what !== "delta")
    throw new BatonError("ARGUMENT_INVALID", `"${what}" can't be exported.`, {
      hint: "Write `baton export delta --to <place>`.",
    });
  if (flags.namespace !== undefined)
    throw new BatonError("ARGUMENT_INVALID", "The tables have all namespaces of the store.", {
      hint: "Leave --namespace out; rows have a column namespace.",
    });
  const to = await placeOf(cli, flags.to, flags.endpoint);
  const { deltaSink } = await import("../delta.ts");
  const bar = await openProgress(cli, undefined, "entries");
  const sink = await deltaSink({
    store: await cli.store(flags),
    to,
    every: flags.every,
    progress: (progress) => told(cli, flags, bar, progress),
  });
  try {
    return await cli.untilInterrupted(async (interrupted) => {
      const progress = await write(cli, flags, sink, interrupted);
      bar.stop();
      if (flags.json === true) cli.printJson({ ...progress, to: to.label });
      else
        cli.print(
          `${cli.colors.green("ok")}  ${count(progress.entries, "entry")} to ${printable(to.label)}, which is now at commit ${progress.commitNo}`,
        );
      return EXIT.ok;
    });
  } finally {
    bar.stop();
    await sink.close();
  }
}

/** The place that was named: a folder is looked for from where the command was given. */
export async function placeOf(
  cli: Cli,
  place: string,
  endpoint: string | undefined,
): Promise<DeltaStorage> {
  const { deltaPlace } = await import("../delta.ts");
  const isFolder = !place.includes("://");
  return deltaPlace(isFolder && place !== "" ? resolve(cli.terminal.cwd, place) : place, endpoint);
}

function write(
  cli: Cli,
  flags: ExportFlags,
  sink: DeltaSink,
  signal: AbortSignal,
): Promise<DeltaProgress> {
  if (flags.follow !== true) return sink.drain({ signal });
  return sink.follow({
    signal,
    failed: ({ message }, retryMs) =>
      cli.note(`warn: ${printable(message)} Tried again in ${retryMs / 1_000} s.`),
  });
}

/** Of an export that ends, only the end is said; of one that follows, each batch. */
function told(cli: Cli, flags: ExportFlags, bar: Progress, progress: DeltaProgress): void {
  bar.update(progress.entries, progress.entries);
  if (flags.follow !== true) return;
  if (flags.json === true) cli.printJson(progress);
  else cli.note(`${count(progress.entries, "entry")}, commit ${progress.commitNo}`);
}
