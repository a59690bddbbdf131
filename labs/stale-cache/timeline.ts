/** The timeline of one application, as inline SVG. */
import { VIRTUAL_START_MS } from "baton/testing";
import { type Html, html } from "../report/html.ts";
import type { Story } from "./lab.ts";

const WIDTH = 960;
const LEFT = 150;
const RIGHT = 30;
const LANE = 40;
const LANES_Y = { row: 52, cache: 122, journal: 192 } as const;
const HEIGHT = 276;

interface Scale {
  /** A moment of the lab, in milliseconds since the application was sent, as a place on the chart. */
  readonly x: (atMs: number) => number;
  readonly endMs: number;
}

/** What the row and the cache held while the application was decided, and the versions in Baton's journal below. */
export function timeline(story: Story): Html {
  const { fate, moments, lineage } = story;
  const sinceSent = (labMs: number) => labMs - fate.arrivesAtMs;
  const at = (what: RegExp) => {
    const found = moments.find((moment) => what.test(moment.what));
    return found === undefined ? undefined : sinceSent(found.atMs);
  };
  const endMs = Math.max(...moments.map(({ atMs }) => sinceSent(atMs)));
  const roundEndMs = Math.ceil((endMs + 1) / 100) * 100;
  const scale: Scale = {
    x: (atMs) => LEFT + ((WIDTH - LEFT - RIGHT) * atMs) / roundEndMs,
    endMs: roundEndMs,
  };
  const writtenMs = at(/^writes \d+ to the row/) ?? 0;
  const publishedMs = at(/^publishes/) ?? writtenMs;
  const readMs = at(/^reads the score/) ?? writtenMs;
  const older = fate.earlier?.score ?? 0;
  const newer = fate.truth.score.score;
  const versions = lineage.nodes.map(({ key, version, at: wallMs }) => ({
    label: key === "input" ? "v0" : `v${version} ${key}`,
    atMs: Math.max(0, sinceSent(wallMs - VIRTUAL_START_MS)),
  }));
  const title = `The row goes from ${older} to ${newer} after ${writtenMs} ms; the cache keeps ${older}, and the risk agent reads it after ${readMs} ms.`;
  return html`<svg class="timeline" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
${axis(scale)}
${lane("row", "(a) the row")}${lane("cache", "(a) the cache")}${lane("journal", "(c) the journal")}
${held(scale, "row", 0, writtenMs, older, "old")}${held(scale, "row", writtenMs, scale.endMs, newer, "new")}
${held(scale, "cache", 0, scale.endMs, older, "old")}
${mark(scale, "cache", publishedMs, "invalidation published: not heard", "end", "mark")}
${mark(scale, "cache", readMs, `risk reads ${older}`, "start", "mark wrong-mark")}
${versions.map(({ label, atMs }, index) => version(scale, atMs, label, index))}
</svg>`;
}

function axis({ x, endMs }: Scale): Html {
  const ticks = Array.from({ length: Math.floor(endMs / 100) + 1 }, (_, index) => index * 100);
  return html`${ticks.map(
    (ms) =>
      html`<line class="grid" x1="${x(ms)}" x2="${x(ms)}" y1="30" y2="${HEIGHT - 8}"/><text class="tick" x="${x(ms)}" y="20" text-anchor="middle">${ms}${ms === 0 ? " ms" : ""}</text>`,
  )}`;
}

function lane(name: keyof typeof LANES_Y, label: string): Html {
  return html`<text class="lane" x="0" y="${LANES_Y[name] + LANE / 2 + 5}">${label}</text>`;
}

function held(
  { x }: Scale,
  name: keyof typeof LANES_Y,
  fromMs: number,
  toMs: number,
  score: number,
  age: "old" | "new",
): Html {
  const y = LANES_Y[name];
  const width = x(toMs) - x(fromMs);
  const text =
    width < 40
      ? undefined
      : html`<text class="held-${age}-text" x="${x(fromMs) + 10}" y="${y + LANE / 2 + 6}">${score}</text>`;
  return html`<rect class="held-${age}" x="${x(fromMs)}" y="${y}" width="${width}" height="${LANE}"/>${text === undefined ? undefined : text}`;
}

function mark(
  { x }: Scale,
  name: keyof typeof LANES_Y,
  atMs: number,
  label: string,
  anchor: "start" | "end",
  kind: string,
): Html {
  const y = LANES_Y[name];
  const aside = anchor === "start" ? 8 : -8;
  return html`<line class="${kind}" x1="${x(atMs)}" x2="${x(atMs)}" y1="${y - 6}" y2="${y + LANE + 6}"/><text class="mark-text" x="${x(atMs) + aside}" y="${y + LANE / 2 + 5}" text-anchor="${anchor}">${label}</text>`;
}

/** Versions are often close to each other: their labels take turns on two lines. */
function version({ x }: Scale, atMs: number, label: string, index: number): Html {
  const y = LANES_Y.journal;
  const labelY = y + (index % 2 === 0 ? 50 : 72);
  return html`<line class="version" x1="${x(atMs)}" x2="${x(atMs)}" y1="${y + 14}" y2="${labelY - 14}"/><circle class="version" cx="${x(atMs)}" cy="${y + 14}" r="6"/><text class="version-text" x="${x(atMs)}" y="${labelY}" text-anchor="middle">${label}</text>`;
}
