/** Whether the transitions of breakers were lawful, as their streams tell it. */
import type { RecordedEntry } from "../../history/read.ts";

/** From which state each transition may come. `open` without an end is a person's, and only a person ends it. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  "breaker.opened": ["breaker.closed", "breaker.halfOpened"],
  "breaker.halfOpened": ["breaker.opened"],
  "breaker.closed": ["breaker.halfOpened"],
};

/** What is wrong with the stream of one breaker. */
export function checkBreaker(name: string, entries: readonly RecordedEntry[]): readonly string[] {
  const broken: string[] = [];
  let before = "breaker.closed";
  let until: unknown = 0;
  let openedCount = 0;
  for (const { entry } of entries) {
    const { kind, seq, at, payload } = entry;
    const byPerson = payload["cause"] === "person";
    const add = (what: string) => void broken.push(`Breaker ${name} entry ${seq}: ${what}`);
    if (BEFORE[kind]?.includes(before) !== true && !byPerson) add(`${kind} came after ${before}.`);
    if (byPerson && kind === "breaker.halfOpened") add("a person let probes through.");
    if (kind === "breaker.halfOpened" && !(typeof until === "number" && at >= until))
      add("its cooldown was not over.");
    if (kind === "breaker.opened") openedCount += 1;
    if (payload["openedCount"] !== openedCount)
      add(`it says that it opened ${JSON.stringify(payload["openedCount"])} times.`);
    if (kind === "breaker.opened") until = payload["until"];
    before = kind;
  }
  return broken;
}
