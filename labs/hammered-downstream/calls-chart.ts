/** What reached the bureau over time, and how it was meanwhile, as inline SVG; the same scale for all variants. */
import { type Html, html } from "../report/html.ts";
import type { Health } from "./bureau.ts";
import { type VariantResult, wasOfUse } from "./outcome.ts";

const WIDTH = 960;
const LEFT = 44;
const RIGHT = 16;
const BARS_BOTTOM = 104;
const BARS_HEIGHT = 92;
const STRIP_TOP = 110;
const STRIP_HEIGHT = 14;
const HEIGHT = 146;
const BUCKET_MS = 5_000;

/** The classes that colour how the bureau was. */
export const HEALTH_KINDS: Readonly<Record<Health, string>> = {
  well: "right",
  slow: "loud",
  refusing: "loud",
  down: "wrong",
  cold: "plain",
};

interface Bucket {
  ofUse: number;
  inVain: number;
}

export interface Scale {
  readonly endMs: number;
  /** Calls in the fullest bucket. */
  readonly most: number;
}

function bucketsOf({ calls }: VariantResult, timeoutMs: number, endMs: number): readonly Bucket[] {
  const buckets = Array.from({ length: Math.ceil(endMs / BUCKET_MS) }, () => ({
    ofUse: 0,
    inVain: 0,
  }));
  for (const call of calls) {
    const bucket = buckets[Math.floor(call.atMs / BUCKET_MS)];
    if (bucket !== undefined) bucket[wasOfUse(call, timeoutMs) ? "ofUse" : "inVain"] += 1;
  }
  return buckets;
}

/** A scale in which all of them fit. */
export function scaleOf(results: readonly VariantResult[], timeoutMs: number): Scale {
  const ends = results.map(({ calls, history }) =>
    Math.max(history.at(-1)?.atMs ?? 0, calls.at(-1)?.atMs ?? 0),
  );
  const endMs = Math.ceil((Math.max(...ends) + 1) / 20_000) * 20_000;
  const most = Math.max(
    ...results.flatMap((result) =>
      bucketsOf(result, timeoutMs, endMs).map(({ ofUse, inVain }) => ofUse + inVain),
    ),
  );
  return { endMs, most };
}

/** One variant. `label` says in words what the chart shows. */
export function callsChart(
  result: VariantResult,
  { timeoutMs, label }: { readonly timeoutMs: number; readonly label: string },
  { endMs, most }: Scale,
): Html {
  const x = (ms: number) => LEFT + ((WIDTH - LEFT - RIGHT) * ms) / endMs;
  const high = (calls: number) => (BARS_HEIGHT * calls) / most;
  const width = x(BUCKET_MS) - x(0) - 2;
  const rect = (kind: string, left: number, top: number, height: number) =>
    html`<rect class="${kind}" x="${(left + 1).toFixed(1)}" y="${top.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"/>`;
  const bars = bucketsOf(result, timeoutMs, endMs).flatMap(({ ofUse, inVain }, index) => {
    const left = x(index * BUCKET_MS);
    const middle = BARS_BOTTOM - high(ofUse);
    return [
      rect("right", left, middle, high(ofUse)),
      rect("wrong", left, middle - high(inVain), high(inVain)),
    ];
  });
  const strip = result.history.map(({ atMs, health }, index) => {
    const untilMs = result.history[index + 1]?.atMs ?? endMs;
    return html`<rect class="${HEALTH_KINDS[health]}" x="${x(atMs).toFixed(1)}" y="${STRIP_TOP}" width="${(x(untilMs) - x(atMs)).toFixed(1)}" height="${STRIP_HEIGHT}"/>`;
  });
  const ticks = Array.from({ length: endMs / 20_000 + 1 }, (_, index) => index * 20_000);
  return html`<svg class="calls" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
${ticks.map((ms) => html`<line class="grid" x1="${x(ms)}" x2="${x(ms)}" y1="8" y2="${STRIP_TOP + STRIP_HEIGHT}"/><text x="${x(ms)}" y="${HEIGHT - 4}" text-anchor="middle">${ms / 1_000}${ms === 0 ? " s" : ""}</text>`)}
<text x="${LEFT - 8}" y="${BARS_BOTTOM - BARS_HEIGHT + 8}" text-anchor="end">${most}</text><text x="${LEFT - 8}" y="${BARS_BOTTOM}" text-anchor="end">0</text>
${bars}${strip}</svg>`;
}
