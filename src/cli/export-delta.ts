/** `baton export delta`: the journal as Delta Lake tables, for those who ask their questions elsewhere. */
import { resolve } from "node:path";
import type { DeltaProgress, DeltaSink, DeltaStorage } from "../delta.ts";
import type { Duration } from "../model/duration.ts";
import { BatonError } from "../model/errors.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { openProgress, type Progress } from "./progress.ts";
import { count, printable } from "./text.ts";

/** How often to look, where it is not said. */
const EVERY: Duration = "30s";

/** What `baton export delta` takes. */
export interface DeltaFlags extends CommonFlags {
  readonly to?: string;
  readonly endpoint?: string;
  readonly follow?: boolean;
  readonly every?: Duration;
}

export async function exportDelta(cli: Cli, flags: DeltaFlags): Promise<ExitCode> {
  if (flags.to === undefined)
    throw new BatonError("ARGUMENT_INVALID", "It is not said where the tables are to be.", {
      hint: "Write `baton export delta --to <folder>`, or s3://bucket/prefix.",
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
    every: flags.every ?? EVERY,
    progress: (progress) => told(cli, flags, bar, progress),
    checkpointFailed: ({ message }) =>
      cli.note(`warn: ${printable(message)} Only a checkpoint is missing; the rows are there.`),
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
  flags: DeltaFlags,
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
function told(cli: Cli, flags: DeltaFlags, bar: Progress, progress: DeltaProgress): void {
  bar.update(progress.entries, progress.entries);
  if (flags.follow !== true) return;
  if (flags.json === true) cli.printJson(progress);
  else cli.note(`${count(progress.entries, "entry")}, commit ${progress.commitNo}`);
}
