/** What the pages of all labs have around their sections: one file without scripts, to be read on a laptop, dark or light. */
import { type Html, html } from "./html.ts";
import { STYLE } from "./style.ts";

export interface Page {
  /** Of the browser's tab. */
  readonly title: string;
  readonly heading: string;
  /** One paragraph that says what was compared, and how it ended. */
  readonly lead: Html;
  /** What holds for all of it: the seed, the virtual time. */
  readonly note: string;
  /** The sections by the id of their headings. */
  readonly sections: readonly (readonly [string, string])[];
  readonly main: Html;
}

/** The whole page, as text. */
export function pageOf({ title, heading, lead, note, sections, main }: Page): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<a class="skip" href="#main">To the results</a>
<header>
<h1>${heading}</h1>
<p class="lead">${lead}</p>
<p class="soft">${note}</p>
</header>
<nav aria-label="Sections"><ul>
${sections.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}
</ul></nav>
<main id="main">
${main}
</main>
</body>
</html>
`;
  return page.html;
}

/** `Seed 1. Times are virtual ...`: what the first seed and their number say. */
export function seedNote(seed: number, seeds: number): string {
  return `Seed ${seed}${seeds > 1 ? ` in detail, ${seeds} seeds in all` : ""}. Times are virtual: nothing sleeps, the plan says how long everything takes.`;
}
