/** `baton topics`: which topics there are, and who publishes and takes. */
import type { Command } from "commander";
import type { TopicSummary } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printTable } from "./table.ts";
import { moment, printable, took } from "./text.ts";

export function define(command: Command, cli: Cli): void {
  command
    .argument("[topic]", "only this one")
    .addHelpText(
      "after",
      examples(
        "baton topics",
        "baton topics research.findings",
        "baton topics --json | jq '.[] | select(.subscribers == []) | .name'",
      ),
    )
    .action(async (topic: string | undefined, flags: CommonFlags) =>
      cli.finish(await list(cli, topic, flags)),
    );
}

async function list(cli: Cli, topic: string | undefined, flags: CommonFlags): Promise<ExitCode> {
  // The journal has the events; who publishes and takes is in the code, where there is some.
  const purpose = flags.store === undefined ? "read" : "journal";
  return cli.withBaton(flags, purpose, async ({ baton }) => {
    const all = await baton.topics();
    const found = topic === undefined ? all : all.filter(({ name }) => name === topic);
    if (topic !== undefined && found.length === 0) {
      const known = all.map(({ name }) => name);
      throw new BatonError("TOPIC_NOT_FOUND", `There is no topic ${topic}.`, {
        ...(known.length === 0 ? {} : { hint: `There are: ${known.join(", ")}.` }),
        details: { topic, known },
      });
    }
    if (flags.json === true) cli.printJson(found);
    else if (found.length === 0) cli.note("No topics.");
    else await printTopics(cli, found);
    return EXIT.ok;
  });
}

async function printTopics(cli: Cli, found: readonly TopicSummary[]): Promise<void> {
  await printTable(
    cli,
    [
      { title: "TOPIC", flexible: true },
      { title: "CONTRACT" },
      { title: "EVENTS", align: "right" },
      { title: "NEWEST" },
      { title: "KEY" },
      { title: "KEPT" },
      { title: "PUBLISHED BY", flexible: true },
      { title: "TAKEN BY", flexible: true },
    ],
    found.map((each) => [
      printable(each.name),
      printable(each.contract),
      each.events.toLocaleString("en-US"),
      each.newestAt === undefined ? "" : moment(each.newestAt),
      each.keyed ? "yes" : "",
      each.retentionMs === undefined ? "" : took(each.retentionMs),
      printable(each.publishers.join(", ")),
      printable(each.subscribers.join(", ")),
    ]),
  );
}
