/** `baton lineage`: from a value back to the input. */
import type { Command } from "commander";
import type { Lineage, LineageNode } from "../index.ts";
import { examples, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { compact, printable } from "./text.ts";

interface LineageFlags extends CommonFlags {
  readonly at?: number;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<run>", "the run's id")
    .argument("<key>", "the value: a step's name, `input`, or a topic for its newest event")
    .option("--at <version>", "as it was at this version (default: the newest)", wholeNumber(0))
    .addHelpText(
      "after",
      examples(
        "baton lineage app-1 approval",
        "baton lineage app-1 risk --at 4",
        "baton lineage app-1 approval --json | jq '.nodes[].agent'",
      ),
    )
    .action(async (run: string, key: string, flags: LineageFlags) =>
      cli.finish(await lineage(cli, { run, key, flags })),
    );
}

interface LineageArguments {
  readonly run: string;
  readonly key: string;
  readonly flags: LineageFlags;
}

async function lineage(cli: Cli, { run, key, flags }: LineageArguments): Promise<ExitCode> {
  return cli.withBaton(flags, "journal", async ({ baton }) => {
    const found = await baton.lineage(run, key, flags.at);
    if (flags.json === true) cli.printJson(found);
    else printTree(cli, found);
    return EXIT.ok;
  });
}

function printTree(cli: Cli, found: Lineage): void {
  const bySeq = new Map(found.nodes.map((node) => [node.seq, node]));
  const root = found.nodes.at(-1);
  if (root === undefined) return;
  const printed = new Set<number>();
  const visit = (
    node: LineageNode,
    place: { readonly own: string; readonly below: string },
  ): void => {
    const again = printed.has(node.seq);
    printed.add(node.seq);
    cli.print(nodeLine(cli, node, { prefix: place.own, again }));
    // What a value was made from is told once, where it comes first.
    if (again) return;
    const parents = [
      ...node.reads.map((read) => bySeq.get(read.seq)),
      ...(node.events ?? []).map(({ after }) =>
        found.nodes.find((each) => each.version === after?.version),
      ),
    ].filter((parent) => parent !== undefined);
    for (const [i, parent] of parents.entries()) {
      const last = i === parents.length - 1;
      visit(parent, {
        own: `${place.below}${last ? "└─ " : "├─ "}`,
        below: `${place.below}${last ? "   " : "│  "}`,
      });
    }
  };
  visit(root, { own: "", below: "" });
}

function nodeLine(
  cli: Cli,
  node: LineageNode,
  shape: { readonly prefix: string; readonly again: boolean },
): string {
  const { colors } = cli;
  const turn = node.turn > 0 ? ` turn ${node.turn}` : "";
  const carried = node.carriedFrom === undefined ? "" : ` carried from ${node.carriedFrom.stream}`;
  const fallback = node.fallback === undefined ? "" : ` (fallback for ${node.fallback.for})`;
  const on = (node.events ?? []).map(({ topic, id }) => ` on ${topic} ${id}`).join(" and");
  const about = printable(
    `version ${node.version}${turn}  ${node.agent ?? "the input"}${on}${fallback}${carried}`,
  );
  const head = `${shape.prefix}${printable(node.key)}  ${about}`;
  const line = `${shape.prefix}${colors.bold(printable(node.key))}  ${colors.dim(about)}`;
  if (shape.again) return `${line}  ${colors.dim("(see above)")}`;
  return `${line}  ${compact(node.value, Math.max(16, cli.terminal.stdout.columns - head.length - 2))}`;
}
