/**
 * What a file says of its rows (PROTOCOL.md, "Per-file Statistics"): how many they are, and between which numbers and times they
 * are, so that readers can pass over files. Texts have no such bounds here: they may be long, and would have to be cut.
 */
import { isObject } from "./actions.ts";
import type { Cell, Column, ColumnType, Row } from "./columns.ts";

export function statsOf(columns: readonly Column[], rows: readonly Row[]): string {
  const minValues: Record<string, unknown> = {};
  const maxValues: Record<string, unknown> = {};
  const nullCount: Record<string, number> = {};
  for (const { name, type } of columns) {
    const isBounded = type === "long" || type === "timestamp";
    let nulls = 0;
    let least: Cell = null;
    let most: Cell = null;
    for (const row of rows) {
      const cell = row[name] ?? null;
      if (cell === null) nulls += 1;
      else if (isBounded) {
        if (least === null || cell < least) least = cell;
        if (most === null || cell > most) most = cell;
      }
    }
    nullCount[name] = nulls;
    if (least === null || most === null) continue;
    minValues[name] = bound(type, least);
    maxValues[name] = bound(type, most);
  }
  return JSON.stringify({ numRecords: rows.length, minValues, maxValues, nullCount });
}

function bound(type: ColumnType, cell: Cell): unknown {
  return type === "timestamp" ? new Date(Number(cell)).toISOString() : Number(cell);
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
