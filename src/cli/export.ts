/** `baton export`: the journal for other systems: as Delta Lake tables, or as traces. */
import type { Command } from "commander";
import { BatonError } from "../model/errors.ts";
import { duration, examples, refuseOptions } from "./arguments.ts";
import type { Cli } from "./cli.ts";
import { type DeltaFlags, exportDelta } from "./export-delta.ts";
import { exportTraces, type TracesFlags } from "./export-traces.ts";

type ExportFlags = DeltaFlags & TracesFlags;

const OF_DELTA = ["--to", "--endpoint", "--follow", "--every"];
const OF_TRACES = ["--since", "--run"];

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
    .action(async (what: string, flags: ExportFlags) => {
      checkWhat(command, what, flags);
      cli.finish(what === "delta" ? await exportDelta(cli, flags) : await exportTraces(cli, flags));
    });
}

/** What was typed is for this export. @throws BatonError ARGUMENT_INVALID */
function checkWhat(command: Command, what: string, flags: ExportFlags): void {
  if (what !== "delta" && what !== "traces")
    throw new BatonError("ARGUMENT_INVALID", `"${what}" can't be exported.`, {
      hint: "Write `baton export delta --to <place>`, or `baton export traces`.",
    });
  if (what === "delta") refuseOptions(command, OF_TRACES, "is for `baton export traces`");
  else refuseOptions(command, OF_DELTA, "is for `baton export delta`");
  if (flags.follow !== true) refuseOptions(command, ["--every"], "is for --follow");
}
