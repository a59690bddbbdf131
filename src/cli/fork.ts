/** `baton fork`: another run from a version of this one. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { AgentDefinition } from "../model/agent-definition.ts";
import { BatonError } from "../model/errors.ts";
import { partsOf } from "../model/workflow-parts.ts";
import { examples, versionRef, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import type { BatonConfig } from "./config.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { readJson } from "./json-input.ts";
import { followToEnd } from "./run.ts";
import { printable } from "./text.ts";

interface ForkFlags extends CommonFlags {
  readonly at?: number;
  readonly input?: string;
  readonly agent: readonly string[];
  readonly id?: string;
  readonly by?: string;
  readonly allowSideEffects?: boolean;
  readonly wait: boolean;
}

export function define(command: Command, cli: Cli): void {
  command
    .argument("<run>", "the parent: a run, or run@version")
    .option(
      "--at <version>",
      "the version to start from; 0 is the input (default: 0)",
      wholeNumber(0),
    )
    .option("--input <file>", "another input, a JSON file or `-`; at version 0 only")
    .option(
      "--agent <step=agent>",
      "another agent for a step: module.ts#export, or name@version of the config's",
      (one: string, all: readonly string[]) => [...all, one],
      [],
    )
    .option("--id <id>", "the new run's id (default: a fresh UUIDv7)")
    .option("--by <person>", "who forks (default: who is logged in)")
    .option("--allow-side-effects", "let agents with side effects act again")
    .option("--no-wait", "start it, without following it")
    .addHelpText(
      "after",
      examples(
        "baton fork app-1 --at 3 --id app-1-again",
        "baton fork app-1 --input other.json",
        "baton fork app-1@3 --agent risk=./stricter-risk.ts#stricterRisk",
        "baton fork app-1@3 --agent risk=risk-assessment@2.0.0 && baton diff app-1 <fork>",
      ),
    )
    .action(async (run: string, flags: ForkFlags) => cli.finish(await fork(cli, run, flags)));
}

async function fork(cli: Cli, text: string, flags: ForkFlags): Promise<ExitCode> {
  const ref = versionRef(text);
  if (ref.version !== undefined && flags.at !== undefined && ref.version !== flags.at) {
    throw new BatonError(
      "ARGUMENT_INVALID",
      `${text} names version ${ref.version}, --at names ${flags.at}.`,
      { hint: "Give one of them." },
    );
  }
  const input =
    flags.input === undefined
      ? undefined
      : await readJson(cli.terminal, { kind: "file", path: flags.input }, "input");
  return cli.withBaton(flags, "write", async (opened) => {
    const agents = await replacements(cli, opened.config, flags.agent);
    const handle = await opened.baton.fork(ref.run, {
      at: flags.at ?? ref.version ?? 0,
      by: cli.person(flags.by),
      ...(input === undefined ? {} : { input }),
      ...(flags.agent.length === 0 ? {} : { agents }),
      ...(flags.id === undefined ? {} : { id: flags.id }),
      ...(flags.allowSideEffects === true ? { allowSideEffects: true } : {}),
    });
    if (flags.wait) {
      if (flags.json !== true) cli.note(`fork ${printable(handle.id)} of ${printable(text)}`);
      return followToEnd(cli, opened, { run: handle.id, json: flags.json === true });
    }
    if (flags.json === true) cli.printJson({ id: handle.id, status: "running" });
    else cli.print(handle.id);
    return EXIT.ok;
  });
}

async function replacements(
  cli: Cli,
  config: BatonConfig,
  given: readonly string[],
): Promise<Readonly<Record<string, AgentDefinition>>> {
  const agents: Record<string, AgentDefinition> = {};
  for (const text of given) {
    const match = /^([^=]+)=(.+)$/s.exec(text);
    const [step, agent] = [match?.[1], match?.[2]];
    if (step === undefined || agent === undefined) {
      throw new BatonError(
        "ARGUMENT_INVALID",
        `--agent ${text}: expected step=module.ts#export or step=name@version.`,
      );
    }
    agents[step] = agent.includes("#") ? await fromModule(cli, agent) : fromConfig(config, agent);
  }
  return agents;
}

async function fromModule(cli: Cli, text: string): Promise<AgentDefinition> {
  const at = text.lastIndexOf("#");
  const [module, name] = [text.slice(0, at), text.slice(at + 1)];
  const found = (await cli.load(resolve(cli.terminal.cwd, module)))[name];
  if (isAgent(found)) return found;
  throw new BatonError("AGENT_NOT_FOUND", `${module} exports no agent named ${name}.`, {
    hint: "Export what agent({...}) gives.",
    details: { module, name },
  });
}

function isAgent(value: unknown): value is AgentDefinition {
  return (
    typeof value === "object" &&
    value !== null &&
    "execute" in value &&
    "id" in value &&
    "input" in value &&
    "output" in value
  );
}

function fromConfig(config: BatonConfig, id: string): AgentDefinition {
  const known = new Map(
    [
      ...(config.agents ?? []),
      ...config.workflows.flatMap((workflow) => [...partsOf(workflow).agents]),
    ].map((agent) => [agent.id, agent]),
  );
  const found = known.get(id);
  if (found !== undefined) return found;
  throw new BatonError("AGENT_NOT_FOUND", `The config has no agent ${id}.`, {
    hint: `It has: ${[...known.keys()].sort().join(", ")}. Others come from a file: step=module.ts#export.`,
    details: { agent: id },
  });
}
