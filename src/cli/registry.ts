/** `baton registry`: the catalogue of agents, contracts and workflows, who may have them executed, and where the code has left it. */
import { Argument, type Command } from "commander";
import { BatonError } from "../model/errors.ts";
import { examples, refuseOptions } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import type { ExitCode } from "./exit-codes.ts";
import { grantOrRevoke, publish, setAlias, setOwner } from "./registry-changes.ts";
import { lineage, list, show, showDrift } from "./registry-questions.ts";

export interface RegistryFlags extends CommonFlags {
  readonly by?: string;
}

/** What is typed after the action. */
export interface Typed {
  readonly kind: string | undefined;
  readonly name: string | undefined;
  readonly value: string | undefined;
}

interface Action {
  readonly act: (cli: Cli, typed: Typed, flags: RegistryFlags) => Promise<ExitCode>;
  /** How many words it takes. */
  readonly words: 0 | 1 | 2 | 3;
}

/** What is asked, and changes nothing. */
const QUESTIONS = ["list", "show", "drift", "lineage"];

const ACTIONS: Readonly<Record<string, Action>> = {
  list: { act: list, words: 1 },
  show: { act: show, words: 2 },
  publish: { act: publish, words: 0 },
  alias: { act: setAlias, words: 3 },
  grant: {
    act: (cli, typed, flags) => grantOrRevoke(cli, "grant", typed, flags),
    words: 3,
  },
  revoke: {
    act: (cli, typed, flags) => grantOrRevoke(cli, "revoke", typed, flags),
    words: 3,
  },
  owner: { act: setOwner, words: 3 },
  drift: { act: showDrift, words: 0 },
  lineage: { act: lineage, words: 2 },
};

export function define(command: Command, cli: Cli): void {
  command
    .addArgument(
      new Argument("[action]", "what to do").choices(Object.keys(ACTIONS)).default("list"),
    )
    .argument("[kind]", "agent, contract or workflow")
    .argument("[name]", "name, or name@version; an alias may stand for the version")
    .argument("[value]", "the alias, for alias; who, for grant, revoke and owner")
    .option("--by <person>", "who does it (default: who is logged in)")
    .addHelpText(
      "after",
      examples(
        "baton registry publish",
        "baton registry list agent",
        "baton registry show agent credit-score",
        "baton registry alias agent credit-score@1.2.0 champion",
        "baton registry grant agent credit-score grace@example.com",
        "baton registry revoke agent credit-score grace@example.com",
        "baton registry owner workflow credit-decision lending-team",
        "baton registry drift || echo the code and the registry differ",
        "baton registry lineage contract credit-report",
      ),
    )
    .action(
      async (
        action: string,
        kind: string | undefined,
        name: string | undefined,
        value: string | undefined,
        flags: RegistryFlags,
      ) => {
        // commander lets no other action through.
        const { act, words } = ACTIONS[action] ?? { act: list, words: 1 };
        const surplus = [kind, name, value][words];
        if (surplus !== undefined)
          throw new BatonError("ARGUMENT_INVALID", `"${surplus}" is not for ${action}.`);
        if (QUESTIONS.includes(action)) refuseOptions(command, ["--by"], "is for what changes it");
        cli.finish(await act(cli, { kind, name, value }, flags));
      },
    );
}
