/** `baton agents`: which agents there are, and what bounds their calls. How busy they are only the process knows that executes. */
import type { Command } from "commander";
import type { AgentDefinition } from "../model/agent-definition.ts";
import { agentsOf, fallbackOf, partsOf } from "../model/workflow-parts.ts";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printTable } from "./table.ts";
import { printable } from "./text.ts";

/** What bounds the calls of an agent, for programs. Fields that don't apply are absent. */
interface Bounds {
  readonly agent: string;
  readonly timeoutMs?: number;
  readonly attempts: number;
  readonly retryBudget?: { readonly share: number; readonly least: number };
  readonly concurrency?: number;
  readonly queue?: number;
  readonly rate?: {
    readonly name: string;
    readonly calls: number;
    readonly perMs: number;
    readonly burst: number;
    readonly byKey: boolean;
  };
  readonly breaker?: string;
  readonly workflows: readonly string[];
}

export function define(command: Command, cli: Cli): void {
  command
    .addHelpText(
      "after",
      examples("baton agents", "baton agents --json | jq '.[] | select(.concurrency == null)'"),
    )
    .action(async (flags: CommonFlags) => cli.finish(await list(cli, flags)));
}

async function list(cli: Cli, flags: CommonFlags): Promise<ExitCode> {
  const { config } = await cli.project(flags);
  const agents = new Map<string, AgentDefinition>();
  const usedBy = new Map<string, Set<string>>();
  for (const workflow of config.workflows) {
    for (const part of partsOf(workflow).agents) agents.set(part.id, part);
    for (const each of partsOf(workflow).workflows)
      for (const part of each.steps.flatMap(agentsOf).flatMap(withFallbacks))
        usedBy.set(part.id, (usedBy.get(part.id) ?? new Set()).add(each.id));
  }
  for (const extra of (config.agents ?? []).flatMap(withFallbacks)) agents.set(extra.id, extra);
  const found = [...agents.values()]
    .map((agent) => boundsOf(agent, [...(usedBy.get(agent.id) ?? [])]))
    .sort((a, b) => (a.agent < b.agent ? -1 : 1));
  if (flags.json === true) cli.printJson(found);
  else if (found.length === 0) cli.note("No agents.");
  else await printBounds(cli, found);
  return EXIT.ok;
}

function withFallbacks(agent: AgentDefinition): readonly AgentDefinition[] {
  const fallback = fallbackOf(agent);
  return fallback === undefined ? [agent] : [agent, ...withFallbacks(fallback)];
}

function boundsOf(agent: AgentDefinition, workflows: readonly string[]): Bounds {
  const { id, timeoutMs, retry, concurrency, queue, rate, breaker } = agent;
  return {
    agent: id,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    attempts: retry.attempts,
    ...(retry.budget === undefined ? {} : { retryBudget: retry.budget }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(queue === undefined ? {} : { queue }),
    ...(rate === undefined
      ? {}
      : { rate: { name: rate.name, ...rate.settings, byKey: rate.key !== undefined } }),
    ...(breaker === undefined ? {} : { breaker: breaker.name }),
    workflows,
  };
}

async function printBounds(cli: Cli, found: readonly Bounds[]): Promise<void> {
  await printTable(
    cli,
    [
      { title: "AGENT" },
      { title: "TIMEOUT", align: "right" },
      { title: "ATTEMPTS (RETRIES)" },
      { title: "AT ONCE + QUEUE" },
      { title: "RATE" },
      { title: "BREAKER" },
    ],
    found.map((each) => [
      printable(each.agent),
      each.timeoutMs === undefined ? "" : durationText(each.timeoutMs),
      attemptsText(each),
      atOnceText(each),
      printable(rateText(each)),
      printable(each.breaker ?? ""),
    ]),
  );
}

function attemptsText({ attempts, retryBudget }: Bounds): string {
  if (retryBudget === undefined) return String(attempts);
  const { share, least } = retryBudget;
  return `${attempts} (${Math.round(share * 100)}% + ${least})`;
}

function atOnceText({ concurrency, queue }: Bounds): string {
  if (concurrency === undefined) return "";
  return queue === undefined ? String(concurrency) : `${concurrency} + ${queue}`;
}

function rateText({ agent, rate }: Bounds): string {
  if (rate === undefined) return "";
  const { name, calls, perMs, burst, byKey } = rate;
  const shared = agent.startsWith(`${name}@`) ? "" : `${name}: `;
  const atOnce = burst > 1 ? `, burst ${burst}` : "";
  return `${shared}${calls}/${durationText(perMs)}${atOnce}${byKey ? ", by key" : ""}`;
}

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
];

/** As it would be written in an option. */
function durationText(ms: number): string {
  for (const [unitMs, unit] of UNITS) if (ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  return `${ms}ms`;
}
