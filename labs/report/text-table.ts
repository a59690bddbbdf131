/** Tables of a lab as text, for the terminal. */

/** `18.3%`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** Rows of as many cells as the first; the first column is flush left, the others flush right. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
