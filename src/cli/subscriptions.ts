/** `baton subscriptions`: how far the subscriptions of choreographies are; pauses, resumes or rewinds one. */
import { Argument, type Command } from "commander";
import type { Baton, IntakeSnapshot } from "../index.ts";
import { BatonError } from "../model/errors.ts";
import { examples, placeOrTime, refuseOptions } from "./arguments.ts";
import type { Cli, CommonFlags } from "./cli.ts";
import { printBusLines } from "./bus-lines-text.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printTable } from "./table.ts";
import { printable } from "./text.ts";

interface SubscriptionsFlags extends CommonFlags {
  readonly to?: string;
  readonly reason?: string;
  readonly by?: string;
}

type Change = "pause" | "resume" | "rewind";
type Action = "list" | Change;

const DONE: Readonly<Record<Change, string>> = {
  pause: "paused",
  resume: "resumed",
  rewind: "rewound",
};

export function define(command: Command, cli: Cli): void {
  command
    .addArgument(
      new Argument("[action]", "what to do")
        .choices(["list", "pause", "resume", "rewind"] satisfies readonly Action[])
        .default("list"),
    )
    .argument("[name]", "the choreography whose subscription it is")
    .option("--to <place>", "for rewind: a position, or an ISO time (default: the beginning)")
    .option("--reason <text>", "why, for the journal")
    .option("--by <person>", "who does it (default: who is logged in)")
    .addHelpText(
      "after",
      examples(
        "baton subscriptions",
        'baton subscriptions pause research-report --reason "the model is down"',
        "baton subscriptions resume research-report --by ada",
        'baton subscriptions rewind research-report --to 2026-05-01T00:00:00Z --reason "wrong prompt"',
      ),
    )
    .action(async (action: Action, name: string | undefined, flags: SubscriptionsFlags) => {
      if (action !== "rewind") refuseOptions(command, ["--to"], "is for rewind");
      if (action === "list")
        refuseOptions(command, ["--reason", "--by"], "is for pause, resume and rewind");
      cli.finish(
        action === "list" ? await list(cli, name, flags) : await change(cli, action, name, flags),
      );
    });
}

async function list(
  cli: Cli,
  name: string | undefined,
  flags: SubscriptionsFlags,
): Promise<ExitCode> {
  const purpose = flags.store === undefined ? "read" : "journal";
  return cli.withBaton(flags, purpose, async ({ baton }) => {
    const found =
      name === undefined ? await baton.subscriptions() : [await subscriptionNamed(baton, name)];
    if (flags.json === true) {
      cli.printJson(found);
      return EXIT.ok;
    }
    if (found.length === 0) cli.note("No subscriptions.");
    else await printSubscriptions(cli, found);
    if (name === undefined) await printBusLines(cli, await baton.busLines());
    return EXIT.ok;
  });
}

async function printSubscriptions(cli: Cli, found: readonly IntakeSnapshot[]): Promise<void> {
  await printTable(
    cli,
    [
      { title: "SUBSCRIPTION", flexible: true },
      { title: "TOPIC", flexible: true },
      { title: "STATE" },
      { title: "LAG", align: "right" },
      { title: "UNDER WAY", align: "right" },
      { title: "POSITION", align: "right" },
      { title: "REWOUND", align: "right" },
    ],
    found.map((each) => [
      printable(each.name),
      printable(each.topic),
      each.paused ? cli.colors.yellow("paused") : cli.colors.green("taking"),
      each.lag.toLocaleString("en-US"),
      each.underWay.toLocaleString("en-US"),
      String(each.position),
      String(each.generation),
    ]),
  );
}

async function change(
  cli: Cli,
  action: Change,
  name: string | undefined,
  flags: SubscriptionsFlags,
): Promise<ExitCode> {
  if (name === undefined) {
    throw new BatonError("ARGUMENT_INVALID", `Which subscription is to ${action}?`, {
      hint: "Name it, as `baton subscriptions` lists it.",
    });
  }
  return cli.withBaton(flags, "write", async ({ baton }) => {
    const by = cli.person(flags.by);
    const reason = flags.reason ?? `${action} from the command line`;
    const known = await subscriptionNamed(baton, name);
    const control = { by, reason };
    if (action === "pause") await baton.pauseSubscription(name, control);
    else if (action === "resume") await baton.resumeSubscription(name, control);
    else
      await baton.rewindSubscription(name, {
        ...control,
        ...(await placeOf(baton, known, flags.to)),
      });
    const now = await subscriptionNamed(baton, name);
    if (flags.json === true) cli.printJson(now);
    else
      cli.print(
        `${DONE[action]}: ${printable(name)}, by ${printable(by.id)}: ${printable(reason)}`,
      );
    return EXIT.ok;
  });
}

/** Where to go back to: before the first event of that time or later. */
async function placeOf(
  baton: Baton,
  { topic, position }: IntakeSnapshot,
  to: string | undefined,
): Promise<{ readonly position?: number }> {
  if (to === undefined) return {};
  const place = placeOrTime(to);
  if (place.kind === "position") return { position: place.position };
  for await (const event of baton.events(topic))
    if (event.at >= place.atMs) return { position: event.position - 1 };
  return { position };
}

async function subscriptionNamed(baton: Baton, name: string): Promise<IntakeSnapshot> {
  const all = await baton.subscriptions();
  const found = all.find((each) => each.name === name);
  if (found !== undefined) return found;
  const known = all.map((each) => each.name).sort();
  throw new BatonError("SUBSCRIPTION_NOT_FOUND", `There is no subscription ${name}.`, {
    hint: known.length === 0 ? "No choreography is here." : `There are: ${known.join(", ")}.`,
    details: { subscription: name, known },
  });
}
