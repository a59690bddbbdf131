/** `baton approve`: answers an approval. */
import type { Command } from "commander";
import type { Baton } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { followToEnd } from "./run.ts";
import { topmost } from "./settle.ts";
import { printable } from "./text.ts";

interface ApproveFlags extends CommonFlags {
  readonly reject?: boolean;
  readonly reason?: string;
  readonly by?: string;
  readonly wait: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<run>", "the run's id")
    .argument("[step]", "the approval; may be left out where the run waits for one only")
    .option("--reject", "refuse, instead of approving")
    .option("--reason <text>", "why, for the journal")
    .option("--by <person>", "who answers (default: who is logged in)")
    .option("--no-wait", "record the answer, without following the run")
    .addHelpText(
      "after",
      examples(
        "baton approve app-1",
        'baton approve app-1 review --reject --reason "income not proven" --by ada',
        "baton approve app-1 review --json",
      ),
    )
    .action(async (run: string, step: string | undefined, flags: ApproveFlags) =>
      cli.finish(await approve(cli, { run, step, flags })),
    );
}

interface ApproveArguments {
  readonly run: string;
  readonly step: string | undefined;
  readonly flags: ApproveFlags;
}

async function approve(cli: Cli, { run, step, flags }: ApproveArguments): Promise<ExitCode> {
  return cli.withBaton(flags, "write", async (opened) => {
    const asked = step ?? (await onlyApproval(opened.baton, run));
    const approved = flags.reject !== true;
    const by = cli.person(flags.by);
    await opened.baton.approve(run, asked, {
      approved,
      by,
      ...(flags.reason === undefined ? {} : { reason: flags.reason }),
    });
    if (flags.json !== true)
      cli.note(
        `${approved ? "Approved" : "Rejected"}: ${printable(asked)} of ${printable(run)}, by ${printable(by.id)}.`,
      );
    if (flags.wait) {
      // What the answer sets going ends with the run that somebody started, not with a child of it.
      const followed = await topmost(opened.baton, run);
      return followToEnd(cli, opened, { run: followed, json: flags.json === true });
    }
    if (flags.json === true) cli.printJson({ id: run, step: asked, approved, by });
    return EXIT.ok;
  });
}

async function onlyApproval(baton: Baton, run: string): Promise<string> {
  const report = await baton.report(run);
  if (report.endedAt !== undefined) {
    throw new BatonError("RUN_FINISHED", `Run ${run} has ended: ${report.status}.`, {
      details: { run, status: report.status },
    });
  }
  const open = report.steps
    .filter((step) => step.status === "open" && step.waitsFor?.what === "approval")
    .map((step) => step.path);
  const [only, ...others] = open;
  if (only !== undefined && others.length === 0) return only;
  const message =
    only === undefined ? `${run} waits for no approval.` : `${run} waits for several approvals.`;
  throw new BatonError(only === undefined ? "SIGNAL_UNKNOWN" : "ARGUMENT_INVALID", message, {
    hint:
      only === undefined
        ? `Its status is ${report.status}; see \`baton show ${run}\`.`
        : `Name one: ${open.join(", ")}.`,
    details: { run, open },
  });
}
