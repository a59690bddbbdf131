/** A person who reads dead letters, and decides of each: once more, undone by hand, or left as it is. */
import type { Baton, DeadLetter } from "../../engine/baton.ts";
import type { Author } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import { chanceAt } from "./chance.ts";
import type { World } from "./world.ts";

/** So often a person has it tried again: then it is done by hand, or skipped. */
const RETRIES_MAX = 2;

/** Decides of every dead letter of a run that was parked at `seq`. */
export async function dealWithLetters(
  world: World,
  baton: Baton,
  by: Author,
  { run, seq }: { readonly run: string; readonly seq: number },
): Promise<void> {
  for (const letter of await baton.deadLettersOf(run)) {
    // Somebody has decided meanwhile, and the run was parked anew: that is another letter's matter.
    if (letter.seq !== seq) continue;
    const { path, turn } = letter;
    const action = actionFor(world, letter);
    if (action === "done") undo(world, letter);
    try {
      await baton.compensation(run, path, { action, by, reason: "simulated", turn });
    } catch (error) {
      // The first decision lets the run go on; whatever then waits still is in its next letter.
      if (!isBatonError(error, "COMPENSATION_UNKNOWN")) throw error;
    }
  }
}

function actionFor(world: World, { run, path, turn, what, error, seq }: DeadLetter) {
  const { retries, plan } = world;
  const place = `${run} ${path} ${turn}`;
  const drawn = chanceAt(plan.seed, "decides", place, seq);
  const tried = retries.get(place) ?? new Set();
  const mayRetry = what !== "unknown" || error.code !== "OUTCOME_UNKNOWN";
  if (mayRetry && drawn < 0.5 && (tried.has(seq) || tried.size < RETRIES_MAX)) {
    retries.set(place, tried.add(seq));
    return "retry";
  }
  return drawn < 0.75 ? "done" : "skip";
}

/** Whoever undoes it by hand does so before saying so. */
function undo({ outside }: World, { run, path, turn, child }: DeadLetter): void {
  if (child === undefined) outside.undoByHand({ run, path, turn });
  else outside.undoRunByHand(child);
}
