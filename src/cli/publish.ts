/** `baton publish`: an event from outside, and what follows from it. */
import type { Command } from "commander";
import type { Baton } from "../index.ts";
import { examples } from "./arguments.ts";
import type { Cli, CommonFlags, Opened } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { jsonSource, readJson } from "./json-input.ts";
import { followToEnd } from "./run.ts";
import { printable } from "./text.ts";

interface PublishFlags extends CommonFlags {
  readonly data?: string;
  readonly id?: string;
  readonly correlation?: string;
  readonly by?: string;
  readonly wait: boolean;
}

type Published = Awaited<ReturnType<Baton["publish"]>>;

/** How often the subscriptions are asked whether they have taken the event. */
const LOOK_MS = 20;
/** After two seconds what holds it up is not this process. */
const LOOKS_MAX = 100;
/** Runs that one correlation id is followed in. */
const RUNS_MAX = 1_000;

export function define(command: Command, cli: Cli): void {
  command
    .argument("<topic>", "the topic, as a workflow or the config names it")
    .argument("[file]", "the data: a JSON file, or `-` for stdin")
    .option("--data <json>", "the data itself, instead of a file")
    .option("--id <id>", "the event's id: published twice with the same id, it counts once")
    .option("--correlation <id>", "of the run that it concerns (default: the event's own id)")
    .option("--by <person>", "who publishes it (default: who is logged in)")
    .option("--no-wait", "record the event, without following the runs that it begins")
    .addHelpText(
      "after",
      examples(
        "baton publish research.asked question.json --id q-17",
        'baton publish research.asked --data \'{"text":"owls"}\' --no-wait',
      ),
    )
    .action(async (topic: string, file: string | undefined, flags: PublishFlags) =>
      cli.finish(await publish(cli, topic, file, flags)),
    );
}

async function publish(
  cli: Cli,
  topic: string,
  file: string | undefined,
  flags: PublishFlags,
): Promise<ExitCode> {
  const source = jsonSource(
    { file, text: flags.data },
    { what: "data", option: "--data", command: "publish" },
  );
  const data = await readJson(cli.terminal, source, "data");
  return cli.withBaton(flags, "write", async (opened) => {
    const { id, correlation } = flags;
    const event = await opened.baton.publishUntyped(topic, data, {
      by: cli.person(flags.by),
      ...(id === undefined ? {} : { id }),
      ...(correlation === undefined ? {} : { correlation }),
    });
    if (flags.json === true) cli.printJson(event);
    else
      cli.print(
        `published: ${printable(event.id)} to ${printable(topic)}, correlation ${printable(event.correlation)}`,
      );
    return flags.wait ? await follow(cli, opened, event, flags) : EXIT.ok;
  });
}

/** The runs of the event's correlation are followed to their ends; the first that does not end well says how it went. */
async function follow(
  cli: Cli,
  opened: Opened,
  event: Published,
  flags: PublishFlags,
): Promise<ExitCode> {
  if (!(await begun(opened, event)))
    cli.note(
      "Others of its key are before it: what it begins goes on with the next command that executes.",
    );
  let code: ExitCode = EXIT.ok;
  for (const run of await runsOf(opened.baton, event.correlation)) {
    const ended = await followToEnd(cli, opened, { run, json: flags.json === true });
    if (code === EXIT.ok) code = ended;
  }
  return code;
}

/** Resolves once every subscription to the topic that is not paused has begun its run, or is known to be held up. */
async function begun({ baton, interrupted }: Opened, event: Published): Promise<boolean> {
  // What is not in the code here is not begun here.
  const known = new Set(baton.workflows.map(({ name }) => name));
  for (let looks = 0; looks < LOOKS_MAX && !interrupted.aborted; looks += 1) {
    const runs = await runsOf(baton, event.correlation);
    const behind = (await baton.subscriptions()).filter(
      ({ name, topic, paused, lag }) =>
        topic === event.topic &&
        known.has(name) &&
        !paused &&
        lag > 0 &&
        !runs.some((run) => run.startsWith(`${event.correlation}/${name}`)),
    );
    if (behind.length === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return false;
}

async function runsOf(baton: Baton, correlation: string): Promise<readonly string[]> {
  const runs = await baton.runs({ correlation, order: "oldest", limit: RUNS_MAX });
  return runs.map(({ id }) => id);
}
