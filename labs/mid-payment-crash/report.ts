/** The page that the lab writes. */
import { bar, type Part } from "../report/bar.ts";
import { type Html, html, scrolling } from "../report/html.ts";
import { pageOf, seedNote } from "../report/page.ts";
import { type SeedResult, VARIANTS, type Variant } from "./lab.ts";
import type { Verdict } from "./outcome.ts";
import type { Parameters } from "./parameters.ts";
import { SCENARIO_NAMES, SCENARIOS } from "./plan.ts";
import { storySection } from "./report-story.ts";
import { money, TITLES } from "./table.ts";

export interface Report {
  /** At least one. The first is shown in detail. */
  readonly results: readonly SeedResult[];
  readonly parameters: Parameters;
}

/** The whole page, as text. */
export function reportPage({ results, parameters }: Report): string {
  const [first] = results;
  if (first === undefined) throw new Error("A report is of one seed or more.");
  const { request, queue, baton } = first.verdicts;
  return pageOf({
    title: "Mid-payment crash: the lab",
    heading: `${request.halfFinished} of ${request.orders} orders half-finished, ${request.told.nobody} of them named nowhere`,
    lead: html`An order reserves stock, charges a card, books a carrier and ships. The process dies at every point of it, and the
outside services fail in six ways: with <code>try</code> and <code>catch</code> in the request (a), behind a queue (b), where ${queue.halfFinished} are
half-finished, and on Baton with <code>compensate</code> (c), where ${baton.halfFinished} are, and all of these wait in a list for a person.`,
    note: `${seedNote(first.seed, results.length)} Every case comes equally often: the figures are of cases, not of a normal day.`,
    sections: [
      ["orders", "What became of the orders"],
      ["scenarios", "Where it goes wrong"],
      ["story", "One order, in full"],
      ["cost", "What it costs"],
      ["keys", "Without idempotency keys"],
      ["fair", "What can be compared"],
    ],
    main: html`${orders(first)}
${results.length > 1 ? seeds(results) : undefined}
${scenarios(first)}
${storySection(first)}
${cost(first)}
${keys(first)}
${fair(first, parameters)}`,
  });
}

type Column = readonly [string, (verdict: Verdict) => string];

function verdictsTable(
  label: string,
  verdicts: Readonly<Record<Variant, Verdict>>,
  columns: readonly Column[],
  parts?: (verdict: Verdict) => readonly Part[],
): Html {
  const rows = VARIANTS.map((variant) => {
    const verdict = verdicts[variant];
    const drawn =
      parts === undefined
        ? undefined
        : html`<td class="wide">${bar(parts(verdict), verdict.orders)}</td>`;
    return html`<tr><th scope="row" class="variant">${TITLES[variant]}</th>${drawn}${columns.map(([, cell]) => html`<td class="n">${cell(verdict)}</td>`)}</tr>`;
  });
  const head = parts === undefined ? undefined : html`<th scope="col">share of the orders</th>`;
  return scrolling(
    label,
    html`<table><thead><tr><th scope="col">variant</th>${head}${columns.map(([title]) => html`<th scope="col" class="n">${title}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`,
  );
}

function orders({ verdicts }: SeedResult): Html {
  const ends: readonly Column[] = [
    ["shipped", ({ shipped }) => String(shipped)],
    ["undone", ({ undone }) => String(undone)],
    ["half", ({ halfFinished }) => String(halfFinished)],
    ["named nowhere", ({ told }) => String(told.nobody)],
  ];
  const damage: readonly Column[] = [
    [
      "paid for nothing",
      ({ paidForNothing, paidForNothingAmount }) =>
        `${paidForNothing} (${money(paidForNothingAmount)})`,
    ],
    [
      "shipped unpaid",
      ({ shippedUnpaid, shippedUnpaidAmount }) =>
        `${shippedUnpaid} (${money(shippedUnpaidAmount)})`,
    ],
    ["paid twice", ({ doubleCharged }) => String(doubleCharged)],
    ["held for nothing", ({ heldForNothing }) => String(heldForNothing)],
    ["record wrong", ({ recordWrong }) => String(recordWrong)],
  ];
  const found: readonly Column[] = [
    ["nowhere", ({ told }) => String(told.nobody)],
    ["a line in a log", ({ told }) => String(told.log)],
    ["the queue's dead letters", ({ told }) => String(told.deadLetter)],
    ["baton dead-letters", ({ told }) => String(told.withAllThatIsNeeded)],
  ];
  const parts = ({ told, halfFinished, shipped, undone }: Verdict): readonly Part[] => [
    { value: told.nobody, kind: "wrong" },
    { value: halfFinished - told.nobody, kind: "loud" },
    { value: shipped + undone, kind: "right" },
  ];
  return html`<h2 id="orders">What became of the orders</h2>
<p>An order has two good ends: stock, payment, booking and parcel, one of each; or none of them. All else is half-finished. It is counted in
the outside services, when nothing moves any more and no person has done anything yet.</p>
<p class="soft"><span class="key wrong"></span>half-finished, named nowhere &nbsp; <span class="key loud"></span>half-finished, named somewhere &nbsp;
<span class="key right"></span>at a good end</p>
${verdictsTable("Ends", verdicts, ends, parts)}
<h3>What is wrong with them</h3>
${verdictsTable("Damage", verdicts, damage)}
<p>Paid for nothing: charged, not refunded, not shipped. Held for nothing: stock or a carrier's slot is taken, and no parcel goes out.
Record wrong: the row, or the journal, says that all is done, or says the wrong thing about the money.</p>
<h3>Where a person finds the half-finished ones</h3>
${verdictsTable("Found", verdicts, found)}
<p>Those that are named nowhere are found by comparing the rows with the books of the payment provider, the stock and the carrier. A dead letter of
the queue has the order's id; what has been done of it, and under which keys, has to be looked up in the row and in three services.
<code>baton dead-letters show</code> has the input, the output, both keys and the error; <code>retry</code>, <code>resolve</code> or <code>skip</code> goes on from there.</p>`;
}

function seeds(results: readonly SeedResult[]): Html {
  const rows = results.map(({ seed, verdicts }) => {
    const cells = VARIANTS.map((variant) => {
      const { halfFinished, told } = verdicts[variant];
      return html`<td class="n">${halfFinished}, ${told.nobody}</td>`;
    });
    return html`<tr><th scope="row">seed ${seed}</th>${cells}</tr>`;
  });
  return html`<h3>Seed by seed: half-finished, and named nowhere</h3>
${scrolling("Each seed", html`<table><thead><tr><th scope="col">seed</th>${VARIANTS.map((variant) => html`<th scope="col" class="n">${TITLES[variant]}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`)}`;
}

function scenarios({ plan, verdicts }: SeedResult): Html {
  const rows = SCENARIO_NAMES.map((scenario) => {
    const all = plan.fates.filter((fate) => fate.scenario === scenario).length;
    const cells = VARIANTS.map((variant) => {
      const { half, nowhere } = verdicts[variant].byScenario[scenario] ?? { half: 0, nowhere: 0 };
      const parts: readonly Part[] = [
        { value: nowhere, kind: "wrong" },
        { value: half - nowhere, kind: "loud" },
      ];
      return html`<td class="n">${half}${bar(parts, all)}</td>`;
    });
    return html`<tr><th scope="row" class="variant">${SCENARIOS[scenario]}</th><td class="n">${all}</td>${cells}</tr>`;
  });
  const head = VARIANTS.map((variant) => {
    const [short] = TITLES[variant].split(" ");
    return html`<th scope="col" class="n">${short}</th>`;
  });
  return html`<h2 id="scenarios">Where it goes wrong</h2>
<p>Half-finished orders, by what the services do.</p>
<p class="soft"><span class="key wrong"></span>named nowhere &nbsp; <span class="key loud"></span>named somewhere</p>
${scrolling("Half-finished orders by scenario", html`<table><thead><tr><th scope="col">what the services do; a crash at every point</th><th scope="col" class="n">orders</th>${head}</tr></thead><tbody>${rows}</tbody></table>`)}
<p>(a) forgets what it was doing when it dies; only a customer who tries again brings it back. (b) begins again, and its idempotency keys make
that safe, as long as the services say the same the second time. Where a slot has become free meanwhile, it goes forward over what
it had begun to undo: the payment provider answers to the old key that the card was charged, which was true. (b') says in the row which
way it goes, and is right: that is a saga, written by hand.</p>
<p>A refund that fails for ten minutes is more than anybody waits for. The order is then half-finished everywhere; the
difference is who knows. A charge that is never answered is looked up by its key and refunded in (c), because <code>compensateUnknown</code>
says how; (b) and (b') leave it to a person.</p>`;
}

function cost({ verdicts }: SeedResult): Html {
  const columns: readonly Column[] = [
    ["p50, ms, nothing wrong", ({ smoothP50Ms }) => smoothP50Ms.toLocaleString("en-US")],
    ["p50, ms, after a crash", ({ crashedP50Ms }) => crashedP50Ms.toLocaleString("en-US")],
    ["calls each", ({ callsEach }) => callsEach.toFixed(1)],
    ["commits each", ({ writesEach }) => writesEach.toFixed(1)],
  ];
  return html`<h2 id="cost">What it costs</h2>
${verdictsTable("Cost", verdicts, columns)}
<p>A commit takes the same in all. Baton has more of them: each attempt that failed, and each compensation, is an entry. After a crash (c) goes on as soon as the process is there again, (b) when the queue delivers the
message again, and (a) when the customer tries again.</p>
<p>A compensation that fails parks the run, and what would have been undone after it waits too: the stock of these orders stays
reserved until a person has decided. (b) releases it.</p>`;
}

function keys({ withoutKeys }: SeedResult): Html {
  const columns: readonly Column[] = [
    ["paid twice", ({ doubleCharged }) => String(doubleCharged)],
    ["half", ({ halfFinished }) => String(halfFinished)],
    ["named nowhere", ({ told }) => String(told.nobody)],
  ];
  return html`<h2 id="keys">Without idempotency keys</h2>
<p>Nobody pays twice above, because the payment provider takes an idempotency key and all variants give it one. Here it takes none:</p>
${verdictsTable("Without idempotency keys", withoutKeys, columns)}
<p>Baton does not help: an agent is called at least once, and a crash between the charge and its entry repeats the call. It hands out
the key; whether it is passed on, and heeded, is up to the agent and the service.</p>`;
}

function fair({ journal }: SeedResult, parameters: Parameters): Html {
  return html`<h2 id="fair">What can be compared</h2>
<p>The services, their failures, latencies, timeouts, idempotency keys and the points at which the process dies are the same in all. (a) tries a call
${parameters.attempts} times, because a customer waits. (b) and (b') do, and are called again up to ${parameters.deliveries} times by the queue. Baton has no queue behind it: it
makes up to ${parameters.batonAttempts} attempts, which takes about as long. Each order dies at most once. In (a) half of the customers whose request
died try again from the same page.</p>
<p>All journals verify: ${journal.entries} entries, ${journal.problems} problems.</p>
<details><summary>All assumptions</summary>
<p>Each is explained in <code>labs/mid-payment-crash/parameters.ts</code>.</p>
<pre><code>${JSON.stringify(parameters, null, 2)}</code></pre></details>`;
}
