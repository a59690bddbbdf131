/** `baton export`: the journal for other systems: as Delta Lake tables, or as traces. */
import type { Command } from "commander";
import { BatonError } from "../model/errors.ts";
import { duration, examples } from "./arguments.ts";
import type { Cli } from "./cli.ts";
import { type DeltaFlags, exportDelta } from "./export-delta.ts";
import { exportTraces, type TracesFlags } from "./export-traces.ts";

type ExportFlags = DeltaFlags & TracesFlags;

const OF_DELTA = ["to", "endpoint", "follow", "every"] as const;
const OF_TRACES = ["since", "run"] as const;

export function define(command: Command, cli: Cli): void {
  command
    .argument(
      "<what>",
      "delta: tables of entries, commits, blobs, versions, events, agent calls; traces: to where the config's `tracing` says",
    )
    .option("--to <place>", "delta: a folder, or s3://bucket/prefix")
    .option("--endpoint <url>", "delta: of a bucket that is not Amazon's")
    .option("--follow", "delta: go on as the journal grows, until interrupted")
    .option(
      "--every <duration>",
      "delta: with --follow, how often to look (default: 30s)",
      duration,
    )
    .option(
      "--since <place>",
      "traces: only what came after a position, or ended at an ISO time or later",
    )
    .option("--run <id>", "traces: only those of one run")
    .addHelpText(
      "after",
      `\nBoth work beside the process that executes. Tables go on where they are; what was sent as a trace before is the same span again.\n${examples(
        "baton export delta --to lake",
        "baton export delta --to s3://lake/baton --follow --every 1m",
        "baton verify --delta lake",
        "baton export traces --since 2026-11-23T10:00:00Z",
        "baton export traces --run app-1",
      )}`,
    )
    .action(async (what: string, flags: ExportFlags) =>
      cli.finish(
        what === "delta"
          ? await exportDelta(cli, without(flags, "traces", OF_TRACES))
          : await exportTraces(cli, without(known(what, flags), "delta", OF_DELTA)),
      ),
    );
}

/** @throws BatonError ARGUMENT_INVALID */
function known(what: string, flags: ExportFlags): ExportFlags {
  if (what === "traces") return flags;
  throw new BatonError("ARGUMENT_INVALID", `"${what}" can't be exported.`, {
    hint: "Write `baton export delta --to <place>`, or `baton export traces`.",
  });
}

/** The flags, if there is none among them that is for something else. @throws BatonError ARGUMENT_INVALID */
function without(
  flags: ExportFlags,
  what: string,
  others: readonly (keyof ExportFlags)[],
): ExportFlags {
  const other = others.find((each) => flags[each] !== undefined);
  if (other === undefined) return flags;
  throw new BatonError("ARGUMENT_INVALID", `--${other} is for \`baton export ${what}\`.`);
}
