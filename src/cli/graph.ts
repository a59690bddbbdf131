/** `baton graph`: a workflow as a picture. */
import type { Command } from "commander";
import type { RunReport } from "../index.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { workflowGraph } from "../model/workflow-graph.ts";
import { BatonError } from "../model/errors.ts";
import { examples, findWorkflow } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printEventGraph } from "./event-graph-text.ts";
import { layersOf, mermaidOf, stepLabel } from "./graph-text.ts";
import { coloured } from "./status.ts";
import { clip, count, printable } from "./text.ts";

interface GraphFlags extends CommonFlags {
  readonly mermaid?: boolean;
  readonly run?: string;
}

/** Status of each step, by its name. */
type Statuses = ReadonlyMap<string, string>;

export function define(command: Command, cli: Cli): void {
  command
    .argument(
      "[workflow]",
      "its name, or name@version; may be left out where the config has one, or with --run",
    )
    .option("--mermaid", "Mermaid text, for a README or a web page")
    .option("--run <id>", "mark how far this run came")
    .addHelpText(
      "after",
      examples(
        "baton graph credit-decision",
        "baton graph --run app-1",
        "baton graph credit-decision --mermaid > graph.mmd",
      ),
    )
    .action(async (workflow: string | undefined, flags: GraphFlags) =>
      cli.finish(await graph(cli, workflow, flags)),
    );
}

async function graph(cli: Cli, name: string | undefined, flags: GraphFlags): Promise<ExitCode> {
  const { run } = flags;
  if (run === undefined) {
    const { workflows } = (await cli.project(flags)).config;
    printGraph(cli, chosen(workflows, name), flags);
    return EXIT.ok;
  }
  return cli.withBaton(flags, "read", async ({ baton }) => {
    const report = await baton.report(run);
    const workflow = findWorkflow(baton.workflows, name ?? report.workflow);
    if (workflow.choreography === undefined) printGraph(cli, workflow, flags, report);
    else await printEventGraph(cli, await baton.eventGraph(run), flags);
    return EXIT.ok;
  });
}

function chosen(
  workflows: readonly WorkflowDefinition[],
  name: string | undefined,
): WorkflowDefinition {
  if (name !== undefined) return findWorkflow(workflows, name);
  const [only, ...others] = workflows;
  if (only !== undefined && others.length === 0) return only;
  const known = workflows.map((workflow) => workflow.id).join(", ");
  throw new BatonError("ARGUMENT_INVALID", "Name a workflow.", {
    hint: `The config has: ${known || "none"}.`,
  });
}

function printGraph(
  cli: Cli,
  workflow: WorkflowDefinition,
  flags: GraphFlags,
  report?: RunReport,
): void {
  const statuses: Statuses = new Map([
    ...(report?.steps ?? []).map((step) => [step.path, step.status] as const),
    ...undoneSteps(report),
  ]);
  if (flags.json === true) {
    const { nodes, edges } = workflowGraph(workflow);
    cli.printJson({
      workflow: workflow.id,
      nodes: nodes.map((node) => ({ ...node, ...statusField(statuses.get(node.id)) })),
      edges,
      ...(report === undefined ? {} : { run: report.id, status: report.status }),
    });
    return;
  }
  if (flags.mermaid === true) cli.print(mermaidOf(workflow, statuses));
  else printLayers(cli, workflow, statuses, report);
}

/** Steps all of whose results, in their newest turn, have been undone. */
function undoneSteps(report: RunReport | undefined): readonly (readonly [string, string])[] {
  const undone = new Map<string, boolean>();
  const turns = new Map((report?.steps ?? []).map(({ path, turn }) => [path, turn]));
  for (const { path, turn, status } of report?.rollback?.compensations ?? []) {
    const step = path.replace(/[[#].*$/, "");
    // The run went back to a savepoint, and has begun the step again since.
    if (report?.restores !== undefined && turns.get(step) !== turn) continue;
    const isDone = status === "done" || status === "byHand";
    undone.set(step, isDone && undone.get(step) !== false);
  }
  return [...undone].flatMap(([step, isUndone]) => (isUndone ? [[step, "undone"] as const] : []));
}

function statusField(status: string | undefined): { readonly status?: string } {
  return status === undefined ? {} : { status };
}

/** Steps in one group wait for nothing of each other: they execute at the same time. */
function printLayers(
  cli: Cli,
  workflow: WorkflowDefinition,
  statuses: Statuses,
  report: RunReport | undefined,
): void {
  const { colors } = cli;
  const width = Math.max(...workflow.steps.map((step) => step.name.length), 0);
  const head =
    report === undefined ? "" : `  run ${printable(report.id)}: ${coloured(cli, report.status)}`;
  cli.print(`${colors.bold(workflow.id)}  ${count(workflow.steps.length, "step")}${head}`);
  cli.print("\n  input");
  const layers = layersOf(workflow);
  for (const [i, layer] of layers.entries()) {
    const last = i === layers.length - 1;
    cli.print("  │");
    for (const [j, step] of layer.entries()) {
      const status = statuses.get(step.name) ?? (report === undefined ? "" : "-");
      const mark = report === undefined ? "" : `${coloured(cli, status, status.padEnd(8))}  `;
      const corner = last && j === layer.length - 1 ? "└─" : "├─";
      const room = cli.terminal.stdout.columns - width - (report === undefined ? 7 : 17);
      const label = stepLabel(step);
      const rest = clip(`${label}  ← ${step.needs.join(", ")}`, Math.max(20, room));
      cli.print(`  ${corner} ${mark}${colors.bold(step.name.padEnd(width))}  ${colors.dim(rest)}`);
    }
  }
  cli.print("\n  output");
}
