/** `baton simulate`: a workflow through many lives in which everything goes wrong that can. */
import type { Command } from "commander";
import { BatonError } from "../model/errors.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { partsOf, topicsOf } from "../model/workflow-parts.ts";
import { describeSimulation, simulate, type SimulationReport } from "../testing/testing.ts";
import { examples, findWorkflow, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { openProgress } from "./progress.ts";
import { printable } from "./text.ts";

interface SimulateFlags extends CommonFlags {
  readonly seeds: number;
  readonly from?: number;
}

const SEEDS = 200;

export function define(command: Command, cli: Cli): void {
  command
    .argument("<workflow>", "a name, or name@version")
    .option("--seeds <n>", "so many lives", wholeNumber(1), SEEDS)
    .option("--from <seed>", "the first seed; one of the clock's if left out", wholeNumber(0))
    .addHelpText(
      "after",
      examples(
        "baton simulate credit-decision",
        "baton simulate credit-decision --seeds 10000",
        "baton simulate credit-decision --seeds 1 --from 4711",
      ),
    )
    .action(async (workflow: string, flags: SimulateFlags) =>
      cli.finish(await simulateWorkflow(cli, workflow, flags)),
    );
}

async function simulateWorkflow(cli: Cli, name: string, flags: SimulateFlags): Promise<ExitCode> {
  const { config } = await cli.project(flags);
  const workflow = findWorkflow(config.workflows, name);
  const { inputs, agents, answers } = config.simulation ?? { inputs: {} };
  const given = inputs[workflow.id] ?? inputs[workflow.name];
  if (given === undefined || given.length === 0) {
    throw new BatonError("ARGUMENT_INVALID", `There is no input to simulate ${workflow.id} with.`, {
      hint: `Add simulation: { inputs: { "${workflow.name}": [ ... ] } } to baton.config.ts.`,
      details: { workflow: workflow.id },
    });
  }
  const from = flags.from ?? Math.floor(cli.terminal.now() / 1_000);
  const bar = await openProgress(cli, flags.seeds, "seeds");
  let isInterrupted = false;
  const stop = new AbortController();
  const stopListening = cli.terminal.onInterrupt(() => {
    isInterrupted = true;
    stop.abort();
  });
  const report = await simulate(workflow, {
    inputs: given,
    beside: connectedTo(workflow, config.workflows),
    seeds: { from, count: flags.seeds },
    signal: stop.signal,
    // Fakes of other workflows' agents stand in the same table.
    ...(agents === undefined ? {} : { agents, ignoreUnknownAgents: true }),
    ...(answers === undefined ? {} : { answers }),
    repeat: (seed) => `baton simulate ${workflow.id} --seeds 1 --from ${seed}`,
    progress: (done) => bar.update(done, done),
  }).finally(() => {
    bar.stop();
    stopListening();
  });
  if (flags.json === true) cli.printJson(plain(report));
  else print(cli, report);
  if (isInterrupted) return EXIT.interrupted;
  return report.failures.length === 0 ? EXIT.ok : EXIT.failed;
}

/** The other workflows of the project that publish or take events of the same topics, directly or through one another. */
function connectedTo(
  workflow: WorkflowDefinition,
  all: readonly WorkflowDefinition[],
): readonly WorkflowDefinition[] {
  const found = new Set([workflow]);
  // A set that grows while it is walked gives what was added as well.
  for (const each of found) {
    const topics = topicsIn(each);
    for (const other of all)
      if ([...topicsIn(other)].some((topic) => topics.has(topic))) found.add(other);
  }
  found.delete(workflow);
  return [...found];
}

function topicsIn(definition: WorkflowDefinition): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { steps, choreography } of partsOf(definition).workflows) {
    for (const step of steps) for (const { name } of topicsOf(step)) names.add(name);
    for (const name of choreography?.topics.keys() ?? []) names.add(name);
  }
  return names;
}

function print(cli: Cli, report: SimulationReport): void {
  const { colors } = cli;
  const [summary = "", ...failures] = describeSimulation(report);
  const verdict = report.failures.length === 0 ? colors.green("ok") : colors.red("broken");
  cli.print(`${verdict}  ${printable(summary)}`);
  for (const line of failures) cli.print(printable(line));
}

/** The report as JSON: digests are for comparing in a test. */
function plain(report: SimulationReport): object {
  const { digests: _, ...rest } = report;
  return rest;
}
