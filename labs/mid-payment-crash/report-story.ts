/** One order told in full: where (b) shipped what it had refunded, beside what Baton did with the very same crash. */
import { type Html, html, scrolling } from "../report/html.ts";
import type { SeedResult } from "./lab.ts";
import type { OrderResult } from "./outcome.ts";
import { type Fate, SCENARIOS } from "./plan.ts";

/** An order that (b) shipped, unpaid: the first one. */
export function storyOf({
  plan,
  results,
}: SeedResult): { readonly fate: Fate; readonly index: number } | undefined {
  const index = results.queue.findIndex(({ facts }) => facts.parcels > 0 && facts.charges === 0);
  const fate = plan.fates[index];
  return fate === undefined ? undefined : { fate, index };
}

/** The section of the page. */
export function storySection(result: SeedResult): Html | undefined {
  const found = storyOf(result);
  if (found === undefined) return undefined;
  const { fate, index } = found;
  const { crash, scenario } = fate;
  const queue = result.results.queue[index];
  const baton = result.results.baton[index];
  if (queue === undefined || baton === undefined || crash === undefined) return undefined;
  return html`<h2 id="story">One order, in full</h2>
<p><code>${fate.id}</code>: ${SCENARIOS[scenario]}, and the process dies at <code>${crash.operation}</code> (${crash.moment}).</p>
<div class="sides">
<div><h3>(b) What happened, as only the lab can see it</h3>
${lines("What happened in (b)", queue)}
<p>${standing(queue)} The row says that it is shipped. No error was raised.</p></div>
<div><h3>(c) The same crash on Baton</h3>
${lines("What happened in (c)", baton)}
<p>${standing(baton)} The journal says which way the run goes: the next process goes on undoing.</p></div>
</div>`;
}

function lines(label: string, { story }: OrderResult): Html {
  return scrolling(
    label,
    html`<table><tbody>${story.map((line, index) => html`<tr><td class="n">${index + 1}</td><td class="${line.startsWith("the process dies") ? "stale" : ""}">${line}</td></tr>`)}</tbody></table>`,
  );
}

/** How things stand outside at the end. */
function standing({ facts }: OrderResult): string {
  const { reservations, charges, bookings, parcels } = facts;
  return `In the end: ${reservations} reserved, ${charges} paid, ${bookings} booked, ${parcels} shipped.`;
}
