/** `baton show`: a run, from its journal alone. */
import type { Command } from "commander";
import type { Baton, RecordedEntry, RunReport, RunWaits, StepSummary } from "../index.ts";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { deadlineText } from "./deadline-text.ts";
import { entryLine } from "./entry-line.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printViolations } from "./run.ts";
import { coloured } from "./status.ts";
import { printTable } from "./table.ts";
import { awaited, nextOf, waitsAt } from "./wait-text.ts";
import { clip, compact, count, moment, printable, took } from "./text.ts";

interface ShowFlags extends CommonFlags {
  readonly entries?: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<run>", "the run's id")
    .option("--entries", "its journal too, entry by entry")
    .addHelpText(
      "after",
      examples(
        "baton show app-1",
        "baton show app-1 --entries",
        "baton show app-1 --json | jq .steps",
      ),
    )
    .action(async (run: string, flags: ShowFlags) => cli.finish(await show(cli, run, flags)));
}

async function show(cli: Cli, run: string, flags: ShowFlags): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const report = await baton.report(run);
    const waits = await baton.waits(run);
    if (flags.json === true) {
      const { waits: waitsFor } = waits;
      const entries = flags.entries === true ? { entries: await allEntries(baton, run) } : {};
      cli.printJson({
        ...report,
        ...(waitsFor.length === 0 ? {} : { waits: waitsFor }),
        ...entries,
      });
      return EXIT.ok;
    }
    printHeader(cli, report);
    if (report.steps.length > 0) await printSteps(cli, report);
    printTroubles(cli, report);
    printWaits(cli, waits);
    if (report.rollback !== undefined) await printRollback(cli, report.rollback);
    await printUsage(cli, report);
    if (flags.entries === true) {
      cli.print();
      for await (const recorded of baton.entries(run)) cli.print(entryLine(cli, recorded));
    }
    return EXIT.ok;
  });
}

async function allEntries(baton: Baton, run: string): Promise<readonly RecordedEntry[]> {
  const entries: RecordedEntry[] = [];
  for await (const recorded of baton.entries(run)) entries.push(recorded);
  return entries;
}

function printHeader(cli: Cli, report: RunReport): void {
  const { colors } = cli;
  const width = cli.terminal.stdout.columns - 10;
  const line = (title: string, text: string): void =>
    cli.print(`${colors.dim(title.padEnd(10))}${text}`);
  cli.print(`${colors.bold(printable(report.id))}  ${coloured(cli, report.status)}`);
  line("workflow", printable(report.workflow));
  const length =
    report.endedAt === undefined ? "" : `, took ${took(report.endedAt - report.startedAt)}`;
  line("started", `${moment(report.startedAt)}${length}`);
  const due = deadlineText(report);
  if (due !== undefined) line("deadline", due);
  line(
    "journal",
    `${report.version < 0 ? "no version" : `version ${report.version}`}, ${count(report.lastSeq + 1, "entry")}, head ${report.headHash.slice(0, 16)}`,
  );
  if (report.fork !== undefined)
    line("fork of", printable(`${report.fork.run}@${report.fork.version}`));
  if (report.parent !== undefined)
    line("child of", printable(`${report.parent.run} at ${report.parent.path}`));
  if ((report.forks ?? []).length > 0) line("forks", printable((report.forks ?? []).join(", ")));
  if (report.input !== undefined) line("input", compact(report.input, width));
  if (report.output !== undefined) line("output", compact(report.output, width));
  for (const { step, version, at } of report.restores ?? [])
    line("back to", printable(`${step} (version ${version}), and on again at ${moment(at)}`));
  if (report.error !== undefined)
    line("error", `${printable(report.error.code)}: ${printable(report.error.message)}`);
}

async function printSteps(cli: Cli, report: RunReport): Promise<void> {
  cli.print();
  const deliveries = report.steps.filter(isDelivery);
  if (deliveries.length > 0) await printDeliveries(cli, deliveries);
  const steps = report.steps.filter((step) => !isDelivery(step));
  if (steps.length === 0) return;
  await printTable(
    cli,
    [
      { title: "STEP", flexible: true },
      { title: "STATUS" },
      { title: "VERSION", align: "right" },
      { title: "AGENT", flexible: true },
      { title: "TOOK", align: "right" },
      { title: "TRIES", align: "right" },
      { title: "READS", flexible: true },
    ],
    steps.map((step) => [
      printable(step.path) + (step.turn > 0 ? ` (turn ${step.turn})` : ""),
      coloured(cli, step.status) + (isLate(step) ? " (late)" : ""),
      step.version === undefined ? "" : String(step.version),
      printable(step.agent ?? "") + (step.fallback === undefined ? "" : " (fallback)"),
      step.tookMs === undefined ? "" : took(step.tookMs),
      step.attempts > 0 ? String(step.attempts) : "",
      printable(Object.keys(step.reads ?? {}).join(", ")),
    ]),
  );
}

function isDelivery({ path }: StepSummary): boolean {
  return path.includes("#");
}

/** Deliveries by subscription: there may be thousands. What is wrong with one is told below, by its path. */
async function printDeliveries(cli: Cli, deliveries: readonly StepSummary[]): Promise<void> {
  const bySubscription = new Map<string, StepSummary[]>();
  for (const delivery of deliveries) {
    const name = delivery.path.slice(0, delivery.path.indexOf("#"));
    const own = bySubscription.get(name);
    if (own === undefined) bySubscription.set(name, [delivery]);
    else own.push(delivery);
  }
  await printTable(
    cli,
    [
      { title: "SUBSCRIPTION", flexible: true },
      { title: "DELIVERIES", flexible: true },
      { title: "AGENT", flexible: true },
      { title: "LONGEST", align: "right" },
      { title: "TRIES", align: "right" },
      { title: "READS", flexible: true },
    ],
    [...bySubscription].map(([name, own]) => {
      const lengths = own.flatMap(({ tookMs }) => (tookMs === undefined ? [] : [tookMs]));
      const attempts = own.reduce((sum, each) => sum + each.attempts, 0);
      const topics = new Set(own.flatMap(({ reads = {} }) => Object.keys(reads)));
      return [
        printable(name),
        statusCounts(own),
        printable([...new Set(own.flatMap(({ agent = [] }) => agent))].join(", ")),
        lengths.length === 0 ? "" : took(lengths.reduce((a, b) => Math.max(a, b))),
        attempts === 0 ? "" : String(attempts),
        printable([...topics].join(", ")),
      ];
    }),
  );
}

function statusCounts(deliveries: readonly StepSummary[]): string {
  const counts = new Map<string, number>();
  for (const { status } of deliveries) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, n]) => `${n} ${status}`).join(", ");
}

/** Whether a step was sealed after it had missed its deadline: its attempt was under way then, and what it gave is kept. */
function isLate({ status, missedDeadlineAt }: StepSummary): boolean {
  return status === "sealed" && missedDeadlineAt !== undefined;
}

function printTroubles(cli: Cli, report: RunReport): void {
  if ((report.violations ?? []).length > 0) {
    cli.print("\nViolations:");
    printViolations(cli, report.violations ?? []);
  }
  for (const step of report.steps) {
    if (step.error !== undefined && step.error.message !== report.error?.message)
      cli.print(
        `\n${cli.colors.red(printable(step.path))}: ${printable(step.error.code)}: ${printable(step.error.message)}`,
      );
    const violations = step.violations ?? step.error?.violations ?? [];
    if (violations.length > 0) {
      if (step.error === undefined)
        cli.print(`\n${cli.colors.yellow(printable(step.path))}: refused at the handoff`);
      printViolations(cli, violations);
    }
    if (step.retriesCut === true)
      cli.print(
        `\n${cli.colors.red(printable(step.path))}: no further attempt: the retry budget of ${printable(step.agent ?? "its agent")} is spent`,
      );
    printFallback(cli, step);
  }
}

function printFallback(cli: Cli, { path, agent, fallback, fallbackItems }: StepSummary): void {
  const name = cli.colors.yellow(printable(path));
  if (fallback !== undefined) {
    cli.print(
      `\n${name}: ${printable(`${agent} stood in for ${fallback.for}: the breaker ${fallback.breaker} was open`)}`,
    );
  }
  if (fallbackItems !== undefined)
    cli.print(`\n${name}: ${count(fallbackItems, "item")} by a fallback agent`);
}

/** What it waits for, other than to be executed. */
function printWaits(cli: Cli, { run, waits }: RunWaits): void {
  for (const wait of waits) {
    if (wait.what === "execution") continue;
    const { yellow } = cli.colors;
    if (wait.what === "code")
      cli.print(`\n${yellow("waits for code")}: ${printable(wait.missing.join(", "))}`);
    else
      cli.print(
        `\n${yellow(printable(waitsAt(wait) || "the run"))} waits for ${printable(awaited(wait))}`,
      );
    if (wait.what === "approval" && wait.shown !== undefined)
      cli.print(`  ${compact(wait.shown, 1_000)}`);
    const next = nextOf(run, wait);
    if (next !== undefined) cli.print(`  next:  ${next}`);
  }
}

async function printRollback(
  cli: Cli,
  rollback: NonNullable<RunReport["rollback"]>,
): Promise<void> {
  const { because, error, by, compensations } = rollback;
  cli.print(
    `\n${cli.colors.bold("Went back")} (${because}, by ${printable(by.id)}): ${printable(error.message)}`,
  );
  if (compensations.length === 0) return;
  await printTable(
    cli,
    [
      { title: "UNDOES", flexible: true },
      { title: "STATUS" },
      { title: "AGENT", flexible: true },
      { title: "TRIES", align: "right" },
      { title: "SAYS", flexible: true },
    ],
    compensations.map((each) => [
      printable(each.path) + (each.turn > 0 ? ` (turn ${each.turn})` : ""),
      coloured(cli, each.status),
      printable(each.agent ?? each.run ?? ""),
      each.attempts > 0 ? String(each.attempts) : "",
      printable(says(each)),
    ]),
  );
}

function says({
  gate,
  error,
  by,
  reason,
}: NonNullable<RunReport["rollback"]>["compensations"][number]): string {
  if (gate !== undefined) return `waits for the ${gate.replace("/", " ")}`;
  return error?.message ?? [by?.id, reason].filter(Boolean).join(": ");
}

async function printUsage(cli: Cli, report: RunReport): Promise<void> {
  if (report.usage.length === 0) return;
  cli.print();
  await printTable(
    cli,
    [
      { title: "MODEL", flexible: true },
      { title: "CALLS", align: "right" },
      { title: "IN", align: "right" },
      { title: "OUT", align: "right" },
      { title: "COST", align: "right" },
    ],
    report.usage.map((usage) => [
      clip(printable(usage.model), 60),
      String(usage.calls),
      usage.inputTokens.toLocaleString("en-US"),
      usage.outputTokens.toLocaleString("en-US"),
      usage.cost === undefined ? "" : `${usage.cost} ${usage.currency ?? ""}`.trim(),
    ]),
  );
}
