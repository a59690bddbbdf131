/** Tables of aligned columns, without lines: readable at 80 columns, and to grep and awk. */
import type Table from "cli-table3";
import type { Cli } from "./cli.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** This column is cut when the table is wider than the terminal. Its cells must not be coloured. */
  readonly flexible?: boolean;
}

const NO_LINES: Partial<Record<Table.CharName, string>> = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

const GAP = 2;
const FLEXIBLE_MIN = 8;

/** Prints rows under their titles. Cells must be printable text already. */
export async function printTable(
  cli: Cli,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  const { default: CliTable } = await import("cli-table3");
  // As the table itself measures: a character may take two columns, or none.
  const { default: stringWidth } = await import("string-width");
  const widths = columns.map((column, i) => {
    return rows.reduce(
      (widest, row) => Math.max(widest, stringWidth(row[i] ?? "")),
      stringWidth(column.title),
    );
  });
  shrink(columns, widths, cli.terminal.stdout.columns);
  const table = new CliTable({
    chars: NO_LINES,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: columns.map((column) => column.align ?? "left"),
    colWidths: widths,
    head: columns.map((column) => cli.colors.dim(column.title)),
  });
  for (const row of rows) table.push([...row]);
  cli.print(
    table
      .toString()
      .split("\n")
      .map((line) => line.trimEnd())
      .join("\n"),
  );
}

function shrink(columns: readonly Column[], widths: number[], columnsMax: number): void {
  const total = widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);
  let excess = total - columnsMax;
  // The widest flexible column gives first, so that short ones stay whole.
  const flexible = columns.map((_, i) => i).filter((i) => columns[i]?.flexible === true);
  flexible.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0));
  for (const i of flexible) {
    if (excess <= 0) return;
    const width = widths[i] ?? 0;
    const given = Math.min(excess, Math.max(0, width - FLEXIBLE_MIN));
    widths[i] = width - given;
    excess -= given;
  }
}
