/** A bar within a table's row, as inline SVG. */
import { type Html, html } from "./html.ts";

/** A part of a bar: its size and the class that colours it. */
export interface Part {
  readonly value: number;
  readonly kind: "wrong" | "loud" | "plain" | "right";
}

/** A bar of parts beside each other, `max` wide at most. The figures stand beside it in the table, so it is hidden from readers. */
export function bar(parts: readonly Part[], max: number): Html {
  let x = 0;
  const rects = parts.map(({ value, kind }) => {
    const width = max === 0 ? 0 : (100 * value) / max;
    const rect = html`<rect class="${kind}" x="${x.toFixed(2)}" width="${width.toFixed(2)}" y="0" height="10"/>`;
    x += width;
    return rect;
  });
  return html`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="10"/>${rects}</svg>`;
}
