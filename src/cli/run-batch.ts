/**
 * `baton run` on a JSONL file.
 *
 * B1. At most `--in-flight` runs are followed at a time; memory does not grow with the file.
 * B2. A line that can't be used is counted and named, and the rest goes on; a store that can't be used ends the batch.
 * B3. The same file again starts nothing twice: a line's run id is always the same.
 * B4. A run that waits for a person is set aside: it holds no place in flight.
 * B5. Where too many runs wait already (`limits.queuedRunsMax`), the batch waits as well, and goes on.
 */
import { statSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import { BatonError, type ErrorCode, isBatonError } from "../model/errors.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { fieldOf } from "./arguments.ts";
import { type BatchSummary, Tally, printSummary } from "./batch-summary.ts";
import type { Cli, Opened } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type JsonLine, readJsonLines } from "./json-input.ts";
import { openProgress, type Progress } from "./progress.ts";
import { patientStart } from "./patient-start.ts";
import type { RunFlags } from "./run.ts";
import { PATIENCE_MS, settledJson, canWait, type Settled, settle, type Wait } from "./settle.ts";

export interface Batch {
  readonly workflow: WorkflowDefinition;
  readonly file: string;
  readonly flags: RunFlags;
}

/** Errors that are about one line, not about the batch. */
const LINE_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "VALUE_NOT_JSON",
  "VALUE_TOO_LARGE",
  "RUN_CONFLICT",
  "ARGUMENT_INVALID",
]);

export async function runBatch(cli: Cli, opened: Opened, batch: Batch): Promise<ExitCode> {
  const tally = new Tally(batch.flags.count);
  const progress = await openProgress(cli, fileBytes(cli, batch.file));
  const startedAt = cli.terminal.now();
  try {
    await startAll(cli, opened, { ...batch, tally, progress });
  } finally {
    progress.stop();
  }
  const summary = tally.summary({
    file: batch.file,
    workflow: batch.workflow.id,
    tookMs: cli.terminal.now() - startedAt,
    interrupted: opened.interrupted.aborted,
  });
  if (batch.flags.json === true) cli.printJson({ summary });
  else printSummary(cli, summary);
  return exitCode(summary);
}

function exitCode(summary: BatchSummary): ExitCode {
  const failed = ["failed", "cancelled", "compensated", "parked"].some(
    (status) => (summary.statuses[status] ?? 0) > 0,
  );
  if (failed) return EXIT.failed;
  if (summary.conflicts > 0) return EXIT.conflict;
  // As one input that can't be used.
  return summary.malformedLines > 0 ? EXIT.usage : EXIT.ok;
}

interface Work extends Batch {
  readonly tally: Tally;
  readonly progress: Progress;
}

async function startAll(cli: Cli, opened: Opened, work: Work): Promise<void> {
  const inFlight = new Set<Promise<void>>();
  let fatal: Error | undefined;
  let stop: () => void = () => undefined;
  // A store that can't be written keeps the runs in flight waiting for it: they are left as they are, to go on next time.
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  for await (const line of readJsonLines(cli.terminal, work.file)) {
    if (opened.interrupted.aborted || fatal !== undefined) break;
    const one = takeLine(cli, opened, { line, ...work })
      .catch((error: unknown) => {
        fatal ??= error instanceof Error ? error : new Error(String(error));
        stop();
      })
      .finally(() => inFlight.delete(one));
    inFlight.add(one);
    work.progress.update(line.bytesRead, work.tally.settled);
    if (inFlight.size >= work.flags.inFlight) await Promise.race([...inFlight, stopped]);
  }
  await Promise.race([Promise.all(inFlight), stopped]);
  work.progress.update(Number.POSITIVE_INFINITY, work.tally.settled);
  // Runs that were under way at an interrupt end with STORE_CLOSED; the summary says that they go on next time.
  if (fatal !== undefined && !(opened.interrupted.aborted && isBatonError(fatal, "STORE_CLOSED")))
    throw fatal;
}

async function takeLine(
  cli: Cli,
  opened: Opened,
  work: Work & { readonly line: JsonLine },
): Promise<void> {
  const { line, tally, flags, workflow } = work;
  if (line.kind === "malformed") return malformed(cli, work, line.error);
  const id = runId(line, work);
  if (id === undefined)
    return malformed(
      cli,
      work,
      `has no ${flags.idField ?? ""} that could be a run id (text or a whole number)`,
    );
  const settled = await startLine(cli, opened, { id, value: line.value, ...work });
  if (settled === undefined) return;
  tally.settle(id, settled);
  if (flags.json === true)
    cli.printJson({ line: line.line, id, workflow: workflow.id, ...settledJson(settled) });
}

interface Started extends Work {
  readonly line: JsonLine;
  readonly id: string;
  readonly value: unknown;
}

/** Undefined where the line was refused. */
async function startLine(cli: Cli, opened: Opened, work: Started): Promise<Settled | undefined> {
  const { baton } = opened;
  const { id, workflow, tally, flags } = work;
  try {
    const found = await isThere(opened, id);
    const limit = flags.deadline === undefined ? {} : { deadline: flags.deadline };
    const options = { id, by: cli.person(flags.by), ...limit };
    const handle = await patientStart(
      () => baton.startUntyped(workflow, work.value, options),
      opened.interrupted,
    );
    // Counted once the line is known to be that run's: another input under its id is a conflict.
    if (found) tally.found += 1;
    // A run of any workflow may be parked, if it took down the process that was here before.
    if (!found && !canWait(workflow)) return { kind: "ended", outcome: await handle.outcome() };
  } catch (error) {
    if (!isBatonError(error) || !LINE_ERRORS.has(error.code)) throw error;
    if (error.code === "RUN_CONFLICT") tally.conflicts += 1;
    malformed(cli, work, error.message);
    return undefined;
  }
  return settle(baton, id, {
    interrupted: opened.interrupted,
    patienceMs: PATIENCE_MS,
    now: cli.terminal.now,
    answer: (wait) => answerByPolicy(opened, tally, wait),
  });
}

async function isThere({ baton }: Opened, id: string): Promise<boolean> {
  try {
    await baton.run(id);
    return true;
  } catch (error) {
    if (isBatonError(error, "RUN_NOT_FOUND")) return false;
    throw error;
  }
}

async function answerByPolicy(
  { baton, config }: Opened,
  tally: Tally,
  wait: Wait,
): Promise<boolean> {
  const answer = config.answers?.({ run: wait.run, step: wait.step, shown: wait.shown });
  if (answer === undefined) return false;
  if (typeof answer.approved !== "boolean") {
    throw new BatonError(
      "CONFIG_INVALID",
      `answers() gave no { approved: true | false } for ${wait.step} of ${wait.run}.`,
    );
  }
  try {
    await baton.approve(wait.run, wait.step, {
      approved: answer.approved,
      by: { kind: "program", id: "policy" },
      ...(answer.reason === undefined ? {} : { reason: answer.reason }),
    });
    tally.answered += 1;
  } catch (error) {
    // A run taken up again may have been answered before; its journal has the answer further down.
    if (!isBatonError(error, "SIGNAL_REFUSED") && !isBatonError(error, "RUN_FINISHED")) throw error;
  }
  return true;
}

function malformed(
  cli: Cli,
  { line, tally, file, flags }: Work & { readonly line: JsonLine },
  error: string,
): void {
  tally.refuseLine(line.line, error);
  if (flags.json === true) cli.printJson({ file, line: line.line, status: "malformed", error });
}

function runId(
  line: JsonLine & { readonly kind: "value" },
  { file, flags }: Batch,
): string | undefined {
  if (flags.idField === undefined) {
    return `${basename(file, extname(file))}-${line.line}`;
  }
  const found = fieldOf(line.value, flags.idField);
  if (typeof found === "string" && found !== "") return found;
  return Number.isSafeInteger(found) ? String(found) : undefined;
}

function fileBytes(cli: Cli, file: string): number | undefined {
  try {
    return statSync(resolve(cli.terminal.cwd, file)).size;
  } catch {
    // Reading it says what is wrong.
    return undefined;
  }
}
