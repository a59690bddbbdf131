/** How the lines to a bus outside stand, and what was refused at them, for people. */
import type { BusLine, RefusedLetter } from "../index.ts";
import type { Cli } from "./cli.ts";
import { printTable } from "./table.ts";
import { count, moment, printable } from "./text.ts";

export async function printBusLines(cli: Cli, lines: readonly BusLine[]): Promise<void> {
  if (lines.length === 0) return;
  cli.print();
  await printTable(
    cli,
    [
      { title: "BUS" },
      { title: "TOPIC", flexible: true },
      { title: "LAG", align: "right" },
      { title: "UNDER WAY", align: "right" },
      { title: "TROUBLE", flexible: true },
    ],
    lines.map(({ direction, topic, lag, underWay, trouble }) => [
      direction,
      printable(topic),
      lag === undefined ? "" : lag.toLocaleString("en-US"),
      underWay.toLocaleString("en-US"),
      trouble === undefined ? "" : cli.colors.yellow(printable(trouble)),
    ]),
  );
}

export async function printRefused(cli: Cli, refused: readonly RefusedLetter[]): Promise<void> {
  if (refused.length === 0) return;
  await printTable(
    cli,
    [
      { title: "REFUSED" },
      { title: "TOPIC", flexible: true },
      { title: "ID", flexible: true },
      { title: "AT", align: "right" },
      { title: "SINCE" },
      { title: "ERROR", flexible: true },
    ],
    refused.map(({ direction, topic, attributes, position, at, error }) => [
      direction,
      printable(topic),
      printable(attributes["id"] ?? ""),
      String(position),
      moment(at),
      printable(`${error.code}: ${error.message}`),
    ]),
  );
  cli.note(
    `${count(refused.length, "message")} of the bus refused, and settled: nothing waits for them.`,
  );
}
