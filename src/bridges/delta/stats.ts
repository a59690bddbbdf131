/**
 * What a file says of its rows (PROTOCOL.md, "Per-file Statistics"): how many they are, and between which numbers and times they
 * are, so that readers can pass over files. Texts have no such bounds here: they may be long, and would have to be cut.
 */
import { isObject } from "./actions.ts";
import type { Cell, Column, Row } from "./columns.ts";

export function statsOf(columns: readonly Column[], rows: readonly Row[]): string {
  const minValues: Record<string, unknown> = {};
  const maxValues: Record<string, unknown> = {};
  const nullCount: Record<string, number> = {};
  for (const { name, type } of columns) {
    const cells = rows.map((row) => row[name] ?? null).filter((cell) => cell !== null);
    nullCount[name] = rows.length - cells.length;
    const isBounded = type === "long" || type === "integer" || type === "timestamp";
    const [first] = cells;
    if (!isBounded || first === undefined) continue;
    const write = (cell: Cell): unknown =>
      type === "timestamp" ? new Date(Number(cell)).toISOString() : Number(cell);
    minValues[name] = write(cells.reduce((least, cell) => (cell < least ? cell : least), first));
    maxValues[name] = write(cells.reduce((most, cell) => (cell > most ? cell : most), first));
  }
  return JSON.stringify({ numRecords: rows.length, minValues, maxValues, nullCount });
}

/** The lowest value of a whole-number column that the stats of a file speak of; undefined where they do not, or cannot be read. */
export function lowest(stats: string | undefined, column: string): number | undefined {
  if (stats === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(stats);
    const minValues: unknown = isObject(value) ? value["minValues"] : undefined;
    const found: unknown = isObject(minValues) ? minValues[column] : undefined;
    return Number.isSafeInteger(found) ? Number(found) : undefined;
  } catch {
    return undefined;
  }
}
