/** One application told in full: what was in the row and in the cache of (a) at each moment, beside the journal of (c). */
import { VIRTUAL_START_MS } from "baton/testing";
import type { LineageNode } from "baton";
import { timeline } from "./timeline.ts";
import { type Html, html, scrolling } from "../report/html.ts";
import type { Story } from "./lab.ts";
import type { Moment } from "./shared-row.ts";

/** The section of the page. */
export function storySection(story: Story): Html {
  const { fate, moments, lineage } = story;
  const { application, earlier, truth } = fate;
  const older = earlier?.score ?? 0;
  const newer = truth.score.score;
  const written = moments.find(({ what }) => what.startsWith("writes grade"));
  const scored = lineage.nodes.find(({ key }) => key === "score");
  const handed = scored === undefined ? "the score" : `the score as of version ${scored.version}`;
  const wrongGrade = written?.what.split(" ").at(-1) ?? "another one";
  return html`<h2 id="story">One application, in full</h2>
<p><code>${application.id}</code>. The score on file was ${older}; the bureau now says ${newer}. The right grade is ${truth.risk.grade}. (a) gave ${wrongGrade}.</p>
${scrolling("Timeline", timeline(story))}
<div class="sides">
<div><h3>(a) At each moment, as only the lab can see it</h3>
${scrolling("Moments in (a)", html`<table><thead><tr><th scope="col" class="n">ms</th><th scope="col">what happens</th><th scope="col" class="n">row</th><th scope="col" class="n">cache</th></tr></thead><tbody>${moments.map((moment) => momentRow(story, moment))}</tbody></table>`)}
<p>Left behind: a row with score ${newer} and grade ${wrongGrade}. Nothing says that the grade rests on ${older}; the cache entry expired
minutes later, and no error was raised anywhere.</p></div>
<div><h3>(c) The lineage of the decision, from the journal</h3>
${scrolling("Lineage in (c)", html`<table><thead><tr><th scope="col">version</th><th scope="col">value, and what it was computed from</th><th scope="col">hash</th></tr></thead><tbody>${lineage.nodes.map((node) => nodeRow(story, node))}</tbody></table>`)}
<details><summary>The hashes in full</summary><ul class="hashes">${lineage.nodes.map(({ version, key, hash }) => html`<li>${version} ${key} <code>${hash}</code></li>`)}</ul></details>
<p>The risk agent was handed ${handed}, by name: its entry says so, its input has a hash, and each entry holds the
hash of the one before. Had it been another score, the contract of the approval ("risk rests on the score at hand") would have refused the handoff.</p></div>
</div>`;
}

function momentRow({ fate }: Story, { atMs, who, what, rowScore, cachedScore }: Moment): Html {
  const stale = cachedScore !== undefined && cachedScore !== rowScore;
  const ms = (atMs - fate.arrivesAtMs).toLocaleString("en-US").replace("-", "\u2212");
  return html`<tr><td class="n">${ms}</td><td><b>${who}</b> ${what}</td><td class="n">${rowScore}</td><td class="n ${stale ? "stale" : ""}">${cachedScore ?? "\u2013"}</td></tr>`;
}

function nodeRow({ fate }: Story, node: LineageNode): Html {
  const { key, version, agent, at, hash, reads } = node;
  const ms = (at - VIRTUAL_START_MS - fate.arrivesAtMs).toLocaleString("en-US");
  const from = reads.map((read) => `${read.key} v${read.version}`).join(", ");
  return html`<tr><th scope="row">${version} ${key}<br><span class="soft">${ms} ms</span></th>
<td>${agent === undefined ? undefined : html`<b>${agent}</b> `}${summary(node)}${from === "" ? undefined : html`<br><span class="soft">from ${from}</span>`}</td>
<td class="hash"><code>${hash.slice(0, 12)}…</code></td></tr>`;
}

/** The few words of a value that matter here. */
function summary({ key, value }: LineageNode): string {
  const found = (...path: readonly string[]) => {
    let at: unknown = value;
    for (const name of path) {
      at = typeof at === "object" && at !== null ? Reflect.get(at, name) : undefined;
    }
    return String(at);
  };
  switch (key) {
    case "input":
      return `application ${found("id")}`;
    case "score":
      return `score ${found("score")} of ${found("scoreDate")}`;
    case "income":
      return `${found("countedMonthly")} cents a month counted`;
    case "fraud":
      return `fraud score ${found("score")}`;
    case "risk":
      return `grade ${found("grade")}, based on score ${found("basedOn", "score")}`;
    default:
      return found("decision");
  }
}
