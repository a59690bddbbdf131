/** The page that the lab writes. */
import { bar } from "../report/bar.ts";
import { type Html, html, scrolling } from "../report/html.ts";
import { pageOf, seedNote } from "../report/page.ts";
import { callsChart, scaleOf } from "./calls-chart.ts";
import { type Changed, type SeedResult, VARIANTS, type Variant, type WhatIf } from "./lab.ts";
import type { Verdict } from "./outcome.ts";
import type { Parameters } from "./parameters.ts";
import { seconds, TITLES } from "./table.ts";

export interface Report {
  /** At least one. The first is shown in detail. */
  readonly results: readonly SeedResult[];
  readonly changed: Changed;
  readonly parameters: Parameters;
}

/** The whole page, as text. */
export function reportPage({ results, changed, parameters }: Report): string {
  const [first] = results;
  if (first === undefined) throw new Error("A report is of one seed or more.");
  const { retries, wait } = first.verdicts;
  const { lengthMs } = parameters.incident;
  return pageOf({
    title: "Hammered downstream: the lab",
    heading: `${lengthMs / 1_000} seconds of slowness, and an outage of ${seconds(retries.recoveredAfterMs)} or of ${seconds(wait.recoveredAfterMs)} seconds`,
    lead: html`The same ${retries.runs.toLocaleString("en-US")} runs need a credit bureau that gets slow, falls over under load and recovers only when it is left
alone: with retries as a decent team writes them (a), ${retries.calls.toLocaleString("en-US")} calls reach it, ${retries.wasted.toLocaleString("en-US")} of them in vain; with Baton's breaker
(b), ${wait.calls.toLocaleString("en-US")} do, ${wait.wasted} in vain. What the breaker costs is below.`,
    note: seedNote(first.seed, results.length),
    sections: [
      ["calls", "Calls"],
      ["outcome", "What came out"],
      ["cost", "What the breaker costs"],
      ["what-if", "What if"],
      ["fair", "What can be compared"],
    ],
    main: html`${charts(first, parameters)}
${outcome(first)}
${results.length > 1 ? seeds(results) : undefined}
${cost(first)}
${whatIfSection(changed, parameters)}
${fair(first, parameters)}`,
  });
}

function charts({ results, verdicts }: SeedResult, { timeoutMs }: Parameters): Html {
  const scale = scaleOf(
    VARIANTS.map((variant) => results[variant]),
    timeoutMs,
  );
  const each = VARIANTS.map((variant) => {
    const { calls, wasted, fellOver } = verdicts[variant];
    const label = `${TITLES[variant]}: ${calls} calls, ${wasted} in vain; the bureau fell over ${times(fellOver)}.`;
    return html`<h3>${TITLES[variant]}</h3>
${scrolling(`Calls over time, ${TITLES[variant]}`, callsChart(results[variant], { timeoutMs, label }, scale))}`;
  });
  return html`<h2 id="calls">Calls that reached the bureau</h2>
<p>In five seconds each. Below them is how the bureau was: after twenty seconds it gets slow, for twenty seconds. Nothing else is
ever wrong with it; whatever comes after that is done by those who call.</p>
<p class="soft"><span class="key right"></span>calls that were of use &nbsp; <span class="key wrong"></span>in vain: refused, lost, or answered
when the caller had gone</p>
<p class="soft">The strip: <span class="key right"></span>well &nbsp; <span class="key loud"></span>slow &nbsp; <span class="key wrong"></span>down
&nbsp; <span class="key plain"></span>up again, its cache empty</p>
${each}`;
}

/** `once`, `8 times`. */
function times(count: number): string {
  if (count === 1) return "once";
  return count === 0 ? "not once" : `${count} times`;
}

type Column = readonly [string, (verdict: Verdict) => string];

const OUTCOME: readonly Column[] = [
  ["calls", ({ calls }) => String(calls)],
  ["in vain", ({ wasted }) => String(wasted)],
  ["fell over", ({ fellOver }) => String(fellOver)],
  ["recovered after, s", ({ recoveredAfterMs }) => seconds(recoveredAfterMs)],
  ["all ended at, s", ({ allEndedAtMs }) => seconds(allEndedAtMs)],
  ["gave up", ({ gaveUp }) => String(gaveUp)],
  ["lost, s each", ({ lostMsEach }) => seconds(lostMsEach)],
  ["p99, s", ({ p99Ms }) => seconds(p99Ms)],
];

const COST: readonly Column[] = [
  ["calls", ({ calls }) => String(calls)],
  ["lost, s each", ({ lostMsEach }) => seconds(lostMsEach)],
  ["p50, s", ({ p50Ms }) => seconds(p50Ms)],
  ["p99, s", ({ p99Ms }) => seconds(p99Ms)],
  ["on the fallback", ({ onFallback }) => String(onFallback)],
  ["of these wrong", ({ wrongDecisions }) => String(wrongDecisions)],
  ["commits each", ({ writesEach }) => writesEach.toFixed(1)],
];

function verdictsTable(
  label: string,
  verdicts: Readonly<Record<Variant, Verdict>>,
  columns: readonly Column[],
): Html {
  const rows = VARIANTS.map(
    (variant) =>
      html`<tr><th scope="row" class="variant">${TITLES[variant]}</th>${columns.map(([, cell]) => html`<td class="n">${cell(verdicts[variant])}</td>`)}</tr>`,
  );
  return scrolling(
    label,
    html`<table><thead><tr><th scope="col">variant</th>${columns.map(([title]) => html`<th scope="col" class="n">${title}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`,
  );
}

function outcome({ verdicts, killed }: SeedResult): Html {
  return html`<h2 id="outcome">What came out</h2>
${verdictsTable("What came out", verdicts, OUTCOME)}
<p>Recovered: from the beginning of the incident until the bureau was well for good. Gave up: after the last attempt; a person has to
start these runs again. Lost: the time from a run's coming to its end, beyond what the bureau takes on a good day. P99: of the runs that
were decided.</p>
<p>A bureau that is already down needs the same: peace. Here it was killed once, and was never slow:</p>
${verdictsTable("Killed once", killed, OUTCOME)}`;
}

function seeds(results: readonly SeedResult[]): Html {
  const max = Math.max(...results.map(({ verdicts }) => verdicts.retries.calls));
  const rows = results.map(({ seed, verdicts: { retries, wait, fallback } }) => {
    const cells = [retries, wait, fallback].map(
      ({ calls, recoveredAfterMs }) =>
        html`<td class="n">${calls}; ${seconds(recoveredAfterMs)} s</td>`,
    );
    return html`<tr><th scope="row">seed ${seed}</th><td class="wide">${bar([{ value: retries.wasted, kind: "wrong" }], max)}</td>${cells}</tr>`;
  });
  return html`<h3>Seed by seed: calls, and when the bureau had recovered</h3>
${scrolling("Calls of each seed", html`<table><thead><tr><th scope="col">seed</th><th scope="col">calls in vain in (a)</th><th scope="col" class="n">(a)</th><th scope="col" class="n">(b)</th><th scope="col" class="n">(c)</th></tr></thead><tbody>${rows}</tbody></table>`)}`;
}

function cost({ verdicts, hiccup }: SeedResult): Html {
  const { wait, fallback } = verdicts;
  return html`<h2 id="cost">What the breaker costs</h2>
${verdictsTable("What the breaker costs in the outage", verdicts, COST)}
<p>(b) has nobody decided while the breaker is open: the slowest wait ${seconds(wait.p99Ms)} s. (c) decides at once, on the score on file;
${fallback.wrongDecisions} of those ${fallback.onFallback} decisions are other than the bureau's own score would have them. Each is marked in the journal,
so that they can be found and looked at again. Baton commits more often than (a), which keeps the decision alone.</p>
<h3>A hiccup instead: the bureau refuses calls for three seconds</h3>
${verdictsTable("What the breaker costs in a hiccup", hiccup, COST)}
<p>Here retries alone are the better answer: the bureau is back before the third attempt, while the breaker keeps everybody waiting until
its cooldown is over. The breaker can't know which of the two it sees. A shorter cooldown makes that cheaper.</p>`;
}

function whatIfTable(first: string, rows: readonly WhatIf[], now: string): Html {
  const max = Math.max(...rows.map(({ verdict }) => verdict.wasted));
  return scrolling(
    first,
    html`<table><thead><tr><th scope="col">${first}</th><th scope="col">calls in vain</th><th scope="col" class="n"></th><th scope="col" class="n">recovered</th><th scope="col" class="n">gave up</th><th scope="col" class="n">lost each</th></tr></thead><tbody>${rows.map(
      ({ label, verdict: { wasted, recoveredAfterMs, gaveUp, lostMsEach } }) =>
        html`<tr><th scope="row">${label}${label === now ? " (the lab's)" : undefined}</th><td class="wide">${bar([{ value: wasted, kind: "wrong" }], max)}</td><td class="n">${wasted}</td><td class="n">${seconds(recoveredAfterMs)} s</td><td class="n">${gaveUp}</td><td class="n">${seconds(lostMsEach)} s</td></tr>`,
    )}</tbody></table>`,
  );
}

function whatIfSection(changed: Changed, parameters: Parameters): Html {
  const { attempts, callsAtOnce, cooldown, waitCallsAtOnce } = changed;
  const limit = String(parameters.callsAtOnce);
  return html`<h2 id="what-if">What if</h2>
<p>The length of the outage follows from the assumptions. With fewer attempts (a) lets go earlier, and more runs are given up. With a limit of
calls at once that fits the bureau, retries alone are enough: it never falls over. Who knows that limit, and keeps it right for all
services that call the bureau, needs no breaker for this.</p>
<h3>(a), by attempts</h3>${whatIfTable("attempts", attempts, String(parameters.attempts))}
<h3>(a), by calls at once</h3>${whatIfTable("calls at once", callsAtOnce, limit)}
<p>The breaker alone is not enough either: when it closes, all who waited come at once. Without a limit they knock the bureau over again.
It bounds the calls while the bureau is down; <code>concurrency</code> bounds them when it is back.</p>
<h3>(b), by cooldown</h3>${whatIfTable("cooldown", cooldown, `${parameters.cooldownMs / 1_000} s`)}
<h3>(b), by calls at once</h3>${whatIfTable("calls at once", waitCallsAtOnce, limit)}`;
}

function fair({ verdicts, journal }: SeedResult, parameters: Parameters): Html {
  const { retries, batonRetries } = verdicts;
  return html`<h2 id="fair">What can be compared</h2>
<p>Arrivals, the bureau's work, its limits, the timeout, the number of attempts, their pauses and the limit of calls at once are the same in all.
(a') is Baton with the same retries and no breaker: ${batonRetries.calls} calls, ${batonRetries.gaveUp} runs given up, where (a) has ${retries.calls} and ${retries.gaveUp}.
So it is the breaker that makes the difference, not the engine. The jitter is drawn by each for itself.</p>
<p>A breaker of a library, in the process of (a), would bound the calls too; it was not measured. What it leaves to the team is that all
processes share it, that a restart doesn't forget it, that a run which meets it open waits without using up attempts, and that each decision
on the fallback can be found afterwards. All journals verify: ${journal.entries} entries, ${journal.problems} problems.</p>
<details><summary>All assumptions</summary>
<p>Each is explained in <code>labs/hammered-downstream/parameters.ts</code>.</p>
<pre><code>${JSON.stringify(parameters, null, 2)}</code></pre></details>`;
}
