/** What `npm run example:stack` prints at the end. */
import type { Check, Tally } from "./checks.ts";
import { type Done, isSame } from "./decide-all.ts";

export interface Conclusion {
  readonly decided: Readonly<Record<string, number>>;
  readonly tally: Tally;
  readonly checks: readonly Check[];
}

export function concluded(
  done: readonly Done[],
  tally: Tally,
  checks: readonly Check[],
): Conclusion {
  const decided: Record<string, number> = {};
  for (const { outcome } of done) {
    const what = outcome.kind === "completed" ? outcome.output.decision.decision : outcome.kind;
    decided[what] = (decided[what] ?? 0) + 1;
  }
  return { decided, tally, checks: [sameDecisions(done), ...checks] };
}

function sameDecisions(done: readonly Done[]): Check {
  const others = done
    .filter((each) => !isSame(each))
    .map(({ id, outcome }) => ("error" in outcome ? `${id} (${outcome.error.message})` : id));
  return {
    what: "the plain agents",
    ok: others.length === 0,
    found:
      others.length === 0
        ? `${done.length} answers, each as by five functions in one process`
        : `another answer to ${others.join(", ")}`,
  };
}

export function conclusionText({ decided, tally, checks }: Conclusion): string {
  const width = Math.max(...checks.map(({ what }) => what.length));
  const { runs, calls, tokens, cost } = tally;
  return [
    Object.entries(decided)
      .map(([what, count]) => `${count} ${what}`)
      .join(", "),
    `${runs} runs, ${calls} calls of agents, ${tokens} tokens, ${cost} EUR`,
    "",
    ...checks.map(({ what, ok, found }) => `${ok ? "ok " : "NOT"} ${what.padEnd(width)}  ${found}`),
  ].join("\n");
}
