/** The page that the lab writes. */
import { bar } from "../report/bar.ts";
import { type Html, html, scrolling } from "../report/html.ts";
import { pageOf, seedNote } from "../report/page.ts";
import { percent } from "../report/text-table.ts";
import { type SeedResult, VARIANTS, type WhatIf } from "./lab.ts";
import type { Verdict } from "./outcome.ts";
import type { Parameters } from "./parameters.ts";
import { storySection } from "./report-story.ts";
import { TITLES } from "./table.ts";

export interface Report {
  /** At least one. The first is shown in detail. */
  readonly results: readonly SeedResult[];
  readonly changed: { readonly replicas: readonly WhatIf[]; readonly ttl: readonly WhatIf[] };
  readonly parameters: Parameters;
}

/** The whole page, as text. */
export function reportPage({ results, changed, parameters }: Report): string {
  const [first] = results;
  if (first === undefined) throw new Error("A report is of one seed or more.");
  const { row, baton } = first.verdicts;
  const silence = row.alarms === 0 ? "not one alarm" : `${row.alarms} warnings`;
  return pageOf({
    title: "Stale cache: the lab",
    heading: `${row.wrongGrades} of ${row.applications} risk ratings wrong, and ${silence}`,
    lead: html`The same five agents decide the same loan applications, under one seeded plan of arrivals, latencies and
faults: over a mutable row with a cache (a), over a shared document (b), and on Baton (c), where ${baton.wrongGrades === 0 ? "none is wrong" : `${baton.wrongGrades} are wrong`}.`,
    note: seedNote(first.seed, results.length),
    sections: [
      ["ratings", "Wrong ratings"],
      ["story", "One application, in full"],
      ["cost", "What being right costs"],
      ["what-if", "What if"],
      ["faults", "The faults"],
    ],
    main: html`${ratings(first)}
${results.length > 1 ? seeds(results) : undefined}
${first.story === undefined ? undefined : storySection(first.story)}
${cost(first)}
${whatIfSection(changed, parameters)}
${faults(first, parameters)}`,
  });
}

function ratings({ verdicts }: SeedResult): Html {
  const rows = VARIANTS.map((variant) => {
    const each = verdicts[variant];
    const { applications: all, wrongGrades, failedLoudly } = each;
    const parts = [
      { value: Math.min(wrongGrades, all - failedLoudly), kind: "wrong" as const },
      { value: failedLoudly, kind: "loud" as const },
    ];
    return html`<tr><th scope="row" class="variant">${TITLES[variant]}</th><td class="wide">${bar(parts, all)}</td>
<td class="n">${wrongGrades} (${percent(wrongGrades / all)})</td><td class="n">${each.ratedOnOldScore}</td>
<td class="n">${each.wrongDecisions}</td><td class="n">${failedLoudly}</td><td class="n">${each.updatesLost}</td><td class="n">${each.alarms}</td></tr>`;
  });
  return html`<h2 id="ratings">Wrong ratings</h2>
<p>A rating is wrong if its grade is not the one that the applicant's own, newest score gives. It is counted in the store, after
all is done. A rating on an old score that happens to give the right grade is not counted as wrong.</p>
<p class="soft"><span class="key wrong"></span>wrong, and decided all the same &nbsp; <span class="key loud"></span>failed loudly: no decision, and a dead letter</p>
${scrolling(
  "Wrong ratings",
  html`<table><thead><tr><th scope="col">variant</th><th scope="col">share of the applications</th><th scope="col" class="n">wrong grade</th>
<th scope="col" class="n">rated on<br>an old score</th><th scope="col" class="n">wrong<br>decision</th><th scope="col" class="n">failed<br>loudly</th><th scope="col" class="n">updates<br>lost</th><th scope="col" class="n">alarms</th></tr></thead><tbody>${rows}</tbody></table>`,
)}
<p>(b) in its careful form loads the document just before it saves it: two agents must save within a few milliseconds to
overwrite each other. When they do, a part is gone: the new score becomes the old one again, silently, or a report is missing,
which fails. (b') hands the state to the agent first and saves it afterwards, as frameworks with one shared state do; with agents
side by side it loses parts of every document, which is noticed on the first day. The silent few of (b) are not.</p>`;
}

function seeds(results: readonly SeedResult[]): Html {
  const max = Math.max(
    ...results.flatMap(({ verdicts }) => VARIANTS.map((name) => verdicts[name].wrongGrades)),
  );
  const rows = results.map(({ seed, verdicts: { row, document, baton } }) => {
    const share = percent(row.wrongGrades / row.applications);
    return html`<tr><th scope="row">seed ${seed}</th><td class="wide">${bar([{ value: row.wrongGrades, kind: "wrong" }], max)}</td>
<td class="n">${row.wrongGrades} (${share})</td><td class="n">${document.wrongGrades}</td><td class="n">${baton.wrongGrades}</td></tr>`;
  });
  return html`<h3>Seed by seed</h3>
${scrolling("Wrong grades of each seed", html`<table><thead><tr><th scope="col">seed</th><th scope="col">wrong grades in (a)</th><th scope="col" class="n">(a)</th><th scope="col" class="n">(b)</th><th scope="col" class="n">(c)</th></tr></thead><tbody>${rows}</tbody></table>`)}`;
}

function cost({ verdicts }: SeedResult): Html {
  const columns: readonly (readonly [string, (verdict: Verdict) => number | undefined, number])[] =
    [
      ["p50, ms", ({ p50Ms }) => p50Ms, 0],
      ["p99, ms", ({ p99Ms }) => p99Ms, 0],
      ["commits", ({ writesEach }) => writesEach, 1],
      ["bytes", ({ bytesEach }) => bytesEach, 0],
    ];
  const shown = VARIANTS.filter((variant) => verdicts[variant].p50Ms !== undefined);
  const rows = shown.map((variant) => {
    const cells = columns.map(([, value, decimals]) => {
      const max = Math.max(...shown.map((other) => value(verdicts[other]) ?? 0));
      const mine = value(verdicts[variant]) ?? 0;
      const figure = mine.toLocaleString("en-US", {
        minimumFractionDigits: decimals,
        maximumFractionDigits: decimals,
      });
      return html`<td class="n">${figure}${bar([{ value: mine, kind: "plain" }], max)}</td>`;
    });
    return html`<tr><th scope="row" class="variant">${TITLES[variant]}</th>${cells}</tr>`;
  });
  return html`<h2 id="cost">What being right costs</h2>
<p>For each application: the time from its arrival to its decision, commits, and the size of the SQLite file. A commit takes the same
virtual time in all variants, as if synced to disk. Baton keeps every version and the hash of each; a row keeps the last value only.
What the engine itself takes is measured by <code>npm run bench</code>.</p>
${scrolling("Cost of each variant", html`<table><thead><tr><th scope="col">variant</th>${columns.map(([title]) => html`<th scope="col" class="n">${title}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`)}
<p class="soft">The p99 of (c) includes the restarts after the process was killed, which (a) and (b) are spared.</p>`;
}

function whatIfSection({ replicas, ttl }: Report["changed"], parameters: Parameters): Html {
  const table = (label: string, first: string, rows: readonly WhatIf[], now: string) => {
    const max = Math.max(...rows.map(({ verdict }) => verdict.wrongGrades));
    return scrolling(
      label,
      html`<table><thead><tr><th scope="col">${first}</th><th scope="col">wrong grades in (a)</th><th scope="col" class="n"></th></tr></thead><tbody>${rows.map(
        ({ label: name, verdict: { wrongGrades, applications } }) =>
          html`<tr><th scope="row">${name}${name === now ? " (the lab's)" : undefined}</th><td class="wide">${bar([{ value: wrongGrades, kind: "wrong" }], max)}</td><td class="n">${wrongGrades} (${percent(wrongGrades / applications)})</td></tr>`,
      )}</tbody></table>`,
    );
  };
  return html`<h2 id="what-if">What if</h2>
<p>The rate is not a law of nature; it follows from the assumptions. With more replicas the deaf one rates fewer of the customers; what is
left is as invisible as before. A shorter time to live lets the old score expire before the risk agent reads it; where it is shorter than
the time from the calculator to the rating, nothing is wrong any more, and the cache spares the database little.</p>
<div class="sides"><div>${table("Deaf replicas", "replicas that hear nothing", replicas, `${parameters.deafReplicas} of ${parameters.riskReplicas}`)}</div>
<div>${table("Times to live", "time to live in the cache", ttl, `${parameters.cacheTtlMs / 1_000} s`)}</div></div>`;
}

function faults({ baton, verdicts }: SeedResult, parameters: Parameters): Html {
  const { onFilePercent, bureauFailsPercent, answerLostPercent, deliveredTwicePercent } =
    parameters;
  const { riskReplicas, deafReplicas, publishFailsPercent, scoreRise, cacheTtlMs } = parameters;
  const row = (fault: string, a: string, b: string, c: string) =>
    html`<tr><th scope="row">${fault}</th><td>${a}</td><td>${b}</td><td>${c}</td></tr>`;
  return html`<h2 id="faults">The faults, and what can be compared</h2>
${scrolling(
  "Faults by variant",
  html`<table><thead><tr><th scope="col">fault</th><th scope="col">(a)</th><th scope="col">(b)</th><th scope="col">(c)</th></tr></thead><tbody>
${row(`${bureauFailsPercent}% of the bureau's first calls fail`, "retried", "retried", "retried by the engine")}
${row(`${answerLostPercent}%: the score is committed, the answer is lost`, "the update is repeated", "load and save are repeated", `the append is repeated and recognised (${baton.answersLost} times)`)}
${row(`${deliveredTwicePercent}% of the applications are delivered twice`, "dropped by a flag in the row", "dropped by a flag in the document", "the same run id: the same run")}
${row(`${deafReplicas} of ${riskReplicas} caches hears no invalidation; ${publishFailsPercent}% of publishings fail`, `hits: ${percent(verdicts.row.wrongGrades / verdicts.row.applications)} wrong`, "there is no cache", "there is no cache: not comparable")}
${row("two agents save at the same time", "each has its own columns: not possible", `hits: ${verdicts.document.updatesLost} updates lost`, "each step writes its own key: not possible")}
${row("killed in the middle of the work (simulated: its store falls silent)", "spared", "spared", `${baton.kills} times; the next process goes on`)}
</tbody></table>`,
)}
<p>Arrivals, latencies, retries and the second deliveries are the same in all. That (c) has no cache to be stale is not luck of the lab
but the point: an agent on Baton is handed sealed values and has nothing to look up. A Baton agent that keeps a cache of its own, or reads a
service that does, can be as wrong as (a).</p>
<details><summary>All assumptions</summary>
<p>${onFilePercent}% of the applicants have an older score on file, ${scoreRise.low} to ${scoreRise.high} points lower; the cache keeps entries for ${cacheTtlMs / 1_000} s. Each is explained in <code>labs/stale-cache/parameters.ts</code>.</p>
<pre><code>${JSON.stringify(parameters, null, 2)}</code></pre></details>`;
}
