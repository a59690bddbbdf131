/** A person who reads dead letters, and decides of each: once more, undone by hand, or left as it is. */
import type { Baton, DeadLetter } from "../../engine/baton.ts";
import type { Author } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import { chanceAt } from "./chance.ts";
import type { World } from "./world.ts";

/** So often a person has it tried again: then it is done by hand, or skipped. */
const RETRIES_MAX = 2;

/** Decides of every dead letter of a run, or of a step of it, that was parked at `seq`. */
export async function dealWithLetters(
  world: World,
  baton: Baton,
  by: Author,
  { run, seq }: { readonly run: string; readonly seq: number },
): Promise<void> {
  for (const letter of await baton.deadLettersOf(run)) {
    // Somebody has decided meanwhile, and it was parked anew: that is another letter's matter.
    if (letter.seq !== seq) continue;
    try {
      if (letter.what === "step") await dealWithStep(world, baton, by, letter);
      else await dealWithCompensation(world, baton, by, letter);
    } catch (error) {
      // The first decision lets the run go on; whatever then waits still is in its next letter.
      if (!TOO_LATE.some((code) => isBatonError(error, code))) throw error;
    }
  }
}

const TOO_LATE = ["COMPENSATION_UNKNOWN", "STEP_NOT_PARKED"] as const;

type Letter<Step extends boolean> = Step extends true
  ? Extract<DeadLetter, { readonly what: "step" }>
  : Exclude<DeadLetter, { readonly what: "step" }>;

/**
 * A call that took its process along was not to blame, mostly; of what may have acted nobody knows more than the journal; and what
 * stands behind a pivot is to be finished.
 */
async function dealWithStep(
  { plan, retries }: World,
  baton: Baton,
  by: Author,
  { run, path, turn, because, seq }: Letter<true>,
): Promise<void> {
  const place = `${run} ${path}`;
  const tried = retries.get(place) ?? new Set();
  retries.set(place, tried.add(seq));
  // By what both lives have in common, where numbers of entries differ between them.
  const [name, nth] = [plan.nameOf(place), [...tried].indexOf(seq)];
  const drawn =
    name === place
      ? chanceAt(plan.seed, "decides", run, path, seq)
      : chanceAt(plan.seed, "decides", name, nth);
  const isTried = because !== "unknown" && drawn < 0.8;
  const action = isTried ? "retry" : "fail";
  await baton.resolveStep(run, path, { action, by, reason: "simulated", turn });
}

async function dealWithCompensation(
  world: World,
  baton: Baton,
  by: Author,
  letter: Letter<false>,
): Promise<void> {
  const { run, path, turn } = letter;
  const action = actionFor(world, letter);
  if (action === "done") undo(world, letter);
  await baton.compensation(run, path, { action, by, reason: "simulated", turn });
}

function actionFor(
  { retries, plan }: World,
  { run, path, turn, what, error, seq }: Letter<false>,
): "retry" | "done" | "skip" {
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
function undo({ outside }: World, { run, path, turn, child }: Letter<false>): void {
  if (child === undefined) outside.undoByHand({ run, path, turn });
  else outside.undoRunByHand(child);
}
