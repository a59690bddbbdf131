/** The graph of a choreography's run: what was expected beside what was, as text and as Mermaid. */
import type { EventDifference, EventGraph, SubscriptionNode, TopicNode } from "../index.ts";
import type { Cli } from "./cli.ts";
import { quoted } from "./graph-text.ts";
import { coloured } from "./status.ts";
import { printTable } from "./table.ts";
import { count, moment, printable } from "./text.ts";

/** Prints the graph, in the form that was asked for. */
export async function printEventGraph(
  cli: Cli,
  graph: EventGraph,
  flags: { readonly json?: boolean; readonly mermaid?: boolean },
): Promise<void> {
  if (flags.json === true) cli.printJson(graph);
  else if (flags.mermaid === true) cli.print(eventMermaid(graph));
  else await printText(cli, graph);
}

async function printText(cli: Cli, graph: EventGraph): Promise<void> {
  const { bold, yellow } = cli.colors;
  const status = coloured(cli, graph.status);
  cli.print(`${bold(printable(graph.workflow))}  run ${printable(graph.run)}: ${status}\n`);
  await printTable(
    cli,
    [
      { title: "EXPECTED", flexible: true },
      { title: "IN THE RUN", flexible: true },
    ],
    graph.topics.flatMap((topic) => [topicRow(topic), ...takerRows(graph, topic)]),
  );
  if (graph.differences.length === 0) return cli.print("\nIn the run as expected.");
  cli.print("\nDifferences:");
  for (const difference of graph.differences) {
    const due = difference.dueAt === undefined ? "" : ` (deadline ${moment(difference.dueAt)})`;
    cli.print(`  ${yellow(difference.what.padEnd(9))}  ${printable(difference.message)}${due}`);
  }
}

const ROLES = { starts: "begins the run", ends: "ends the run", failsOn: "fails the run" } as const;

function topicRow({ topic, role, expected, events }: TopicNode): readonly [string, string] {
  const says = expected ? `${topic}${role === undefined ? "" : ` (${ROLES[role]})`}` : "-";
  const had = events === 0 ? "no event" : count(events, "event");
  return [printable(says), expected ? had : `${printable(topic)}: ${had}`];
}

function takerRows(
  graph: EventGraph,
  { topic }: TopicNode,
): readonly (readonly [string, string])[] {
  return graph.subscriptions.flatMap((node): readonly (readonly [string, string])[] => {
    const edge = graph.edges.find(
      (each) =>
        each.kind === "takes" && each.subscription === node.subscription && each.topic === topic,
    );
    if (edge === undefined) return [];
    const to = node.publishes.length === 0 ? "" : ` -> ${node.publishes.join(", ")}`;
    const expected = edge.expected ? `  ${node.subscription}  ${node.target ?? ""}${to}` : "  -";
    const name = edge.expected ? "" : `${node.subscription}: `;
    return [[printable(expected), printable(`  ${name}${deliveriesOf(node)}`)]];
  });
}

/** `3 sealed, 1 parked`, or that there was none. */
function deliveriesOf({ deliveries }: SubscriptionNode): string {
  const counts = Object.entries(deliveries).map(([status, n]) => `${n} ${status}`);
  return counts.length === 0 ? "no delivery" : counts.join(", ");
}

const CLASSES = `  classDef never fill:#f1f3f5,stroke:#868e96,stroke-dasharray:4
  classDef had fill:#d3f9d8,stroke:#2b8a3e
  classDef trouble fill:#ffe3e3,stroke:#c92a2a`;
const TROUBLES: ReadonlySet<EventDifference["what"]> = new Set([
  "delivery",
  "storm",
  "cycle",
  "publisher",
]);

/** Mermaid text: what never happened is dashed, what was not expected is thick. */
export function eventMermaid({ topics, subscriptions, edges, differences }: EventGraph): string {
  const ids = new Map<string, string>();
  const idOf = (kind: string, name: string): string => {
    const key = `${kind} ${name}`;
    const known = ids.get(key) ?? `${kind}${ids.size}`;
    ids.set(key, known);
    return known;
  };
  const troubled = new Set(
    differences.flatMap(({ what, subscription }) =>
      TROUBLES.has(what) && subscription !== undefined ? [subscription] : [],
    ),
  );
  const lines = ["flowchart LR"];
  for (const { topic, events } of topics)
    lines.push(
      `  ${idOf("t", topic)}(["${quoted(topic)}<br/><small>${count(events, "event")}</small>"]):::${events > 0 ? "had" : "never"}`,
    );
  for (const node of subscriptions) {
    const { subscription, target = "" } = node;
    const had = Object.keys(node.deliveries).length > 0 ? "had" : "never";
    const mark = troubled.has(subscription) ? "trouble" : had;
    const label = `${quoted(subscription)}<br/><small>${quoted(target)}<br/>${deliveriesOf(node)}</small>`;
    lines.push(`  ${idOf("s", subscription)}["${label}"]:::${mark}`);
  }
  for (const { kind, subscription, topic, expected, count: n } of edges) {
    const [topicId, other] = [idOf("t", topic), idOf("s", subscription)];
    const known = subscriptions.some((each) => each.subscription === subscription);
    const end = known ? other : `${other}((${quoted(subscription)}))`;
    const arrow = expected ? (n === 0 ? "-.->" : `-- ${n} -->`) : `== ${n} ==>`;
    const [from, to] = kind === "publishes" ? [end, topicId] : [topicId, end];
    lines.push(`  ${from} ${arrow} ${to}`);
  }
  return [...lines, CLASSES].join("\n");
}
