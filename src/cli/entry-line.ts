/** One entry of a journal on one line. */
import type { RecordedEntry } from "../index.ts";
import type { Entry } from "../model/entry.ts";
import type { Cli } from "./cli.ts";
import { clip, compact, printable, timeOfDay } from "./text.ts";

const VALUE_CHARACTERS = 2_000;

/** Sequence number, time, kind, path, author, and what it says, cut to the terminal's width. */
export function entryLine(cli: Cli, { entry, value }: RecordedEntry): string {
  const { colors } = cli;
  const seq = String(entry.seq).padStart(4);
  const path = printable(entry.path ?? "");
  const turn = (entry.turn ?? 0) > 0 ? ` turn ${entry.turn}` : "";
  const by = printable(entry.agent ?? `${entry.by.kind} ${entry.by.id}`);
  const head = `${seq}  ${timeOfDay(entry.at)}  ${entry.kind.padEnd(15)}  ${path}${turn}`;
  const said = [by, reads(entry), whatItSays(entry, value)]
    .filter((part) => part !== "")
    .join("  ");
  const room = Math.max(20, cli.terminal.stdout.columns - head.length - 2);
  return `${colors.dim(seq)}  ${colors.dim(timeOfDay(entry.at))}  ${kindColour(cli, entry.kind)}  ${colors.bold(path)}${turn}  ${clip(said, room)}`;
}

function reads(entry: Entry): string {
  const keys = Object.entries(entry.reads ?? {});
  return keys.length === 0
    ? ""
    : printable(`reads ${keys.map(([key, seq]) => `${key}@${seq}`).join(" ")}`);
}

function whatItSays(entry: Entry, value: RecordedEntry["value"]): string {
  const text = value === undefined ? JSON.stringify(entry.payload) : JSON.stringify(value);
  return text === "{}" ? "" : clip(printable(text), VALUE_CHARACTERS);
}

function kindColour(cli: Cli, kind: Entry["kind"]): string {
  const text = kind.padEnd(15);
  if (kind.endsWith("failed") || kind.endsWith("refused")) return cli.colors.red(text);
  if (kind.endsWith("sealed") || kind === "run.completed") return cli.colors.green(text);
  return kind === "step.opened" ? cli.colors.yellow(text) : text;
}

/** A partial output of an attempt that is executing. */
export function partialLine(
  cli: Cli,
  item: {
    readonly path: string;
    readonly attempt: number;
    readonly chunk: Parameters<typeof compact>[0];
  },
): string {
  return cli.colors.dim(
    clip(
      `      ~ ${printable(item.path)} attempt ${item.attempt}  ${compact(item.chunk)}`,
      cli.terminal.stdout.columns,
    ),
  );
}
