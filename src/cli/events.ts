/** `baton events`: what was published to a topic, in the order of arrival. */
import type { Command } from "commander";
import type { RecordedEvent } from "../index.ts";
import { BatonError, isBatonError } from "../model/errors.ts";
import { examples, refuseOptions, wholeNumber } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { compact, moment, pretty, printable } from "./text.ts";

interface EventsFlags extends CommonFlags {
  readonly after?: number;
  readonly limit?: number;
  readonly correlation?: string;
  readonly follow?: boolean;
}

const OF_LIST = ["--after", "--limit", "--correlation", "--follow"];

/** Data is cut here on a line of its event; `show` has all of it. */
const DATA_CHARACTERS_MAX = 120;

export function define(command: Command, cli: Cli): void {
  command
    .argument("<topic>", "the topic; or `show`, for one event")
    .argument("[id]", "after `show`: the event's id")
    .option("--after <position>", "only what came after this position", wholeNumber(0))
    .option("--limit <n>", "at most so many", wholeNumber(1))
    .option("--correlation <id>", "only those of one correlation id")
    .option("--follow", "wait for new ones, until interrupted")
    .addHelpText(
      "after",
      `\nWith --json each line is a CloudEvent 1.0.\n${examples(
        "baton events research.findings",
        "baton events research.findings --correlation r-17 --json",
        "baton events research.findings --follow --limit 10",
        "baton events show r-17@3",
      )}`,
    )
    .action(async (topic: string, id: string | undefined, flags: EventsFlags) => {
      if (id !== undefined) refuseOptions(command, OF_LIST, "is for the events of a topic");
      cli.finish(
        id === undefined ? await list(cli, topic, flags) : await show(cli, topic, id, flags),
      );
    });
}

async function list(cli: Cli, topic: string, flags: EventsFlags): Promise<ExitCode> {
  const { after, limit, correlation, follow = false } = flags;
  return cli.withBaton(flags, purposeOf(flags), async ({ baton, interrupted }) => {
    const events = baton.events(topic, {
      follow,
      signal: AbortSignal.any([interrupted, cli.terminal.stdout.closed]),
      ...(after === undefined ? {} : { after }),
      ...(limit === undefined ? {} : { limit }),
      ...(correlation === undefined ? {} : { correlation }),
    });
    let any = false;
    try {
      for await (const event of events) {
        any = true;
        await print(cli, flags, event, lineOf);
      }
    } catch (error) {
      throw topic === "show" && isBatonError(error, "TOPIC_NOT_FOUND") ? noId(error) : error;
    }
    if (!any && flags.json !== true) cli.note("No events.");
    return EXIT.ok;
  });
}

async function show(cli: Cli, action: string, id: string, flags: EventsFlags): Promise<ExitCode> {
  if (action !== "show") {
    throw new BatonError("ARGUMENT_INVALID", `"${action}" is not an action.`, {
      hint: "Write `baton events <topic>`, or `baton events show <id>`.",
    });
  }
  return cli.withBaton(flags, purposeOf(flags), async ({ baton }) => {
    await print(cli, flags, await baton.event(id), pageOf);
    return EXIT.ok;
  });
}

/** A topic may be called `show`; where none is, the id was left out. */
function noId(cause: BatonError): BatonError {
  return new BatonError("ARGUMENT_INVALID", "Which event is to be shown?", {
    cause,
    hint: "Write `baton events show <id>`; `baton events <topic>` lists the ids.",
  });
}

/** Topics are known by the events that they had; one that had none is known by the code. */
function purposeOf(flags: CommonFlags): "read" | "journal" {
  return flags.store === undefined ? "read" : "journal";
}

async function print(
  cli: Cli,
  flags: CommonFlags,
  event: RecordedEvent,
  text: (event: RecordedEvent) => string,
): Promise<void> {
  if (flags.json !== true) return cli.print(text(event));
  const { cloudEvent } = await import("../cloud-events.ts");
  cli.printJson(cloudEvent(event));
}

function lineOf({ position, at, id, key, correlation, data }: RecordedEvent): string {
  const about = key === undefined ? "" : `  ${printable(key)}`;
  const belongs = correlation === id ? "" : `  of ${printable(correlation)}`;
  return `${position}  ${moment(at)}  ${printable(id)}${belongs}${about}  ${compact(data, DATA_CHARACTERS_MAX)}`;
}

function pageOf(event: RecordedEvent): string {
  const { id, topic, contract, key, correlation, causation, hops, at, by, path, stream } = event;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["event", id],
    ["topic", `${topic} (${contract})`],
    ["key", key],
    ["published", `${moment(at)}, by ${path === undefined ? by.id : `${path} of ${stream}`}`],
    ["correlation", correlation],
    ["caused by", causation],
    ["hops", String(hops)],
    ["position", String(event.position)],
  ];
  const lines = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`${`${name}:`.padEnd(13)}${printable(value)}`],
  );
  return [...lines, "", pretty(event.data)].join("\n");
}
