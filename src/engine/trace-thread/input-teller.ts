/**
 * Computes inputs of attempts again that the thread of traces was not told of, or has forgotten: mostly those of before this process.
 * It is done by the functions of the workflows, so in the thread that executes; a little at a time.
 */
import { readRun, factOf } from "../../history/read.ts";
import { type Content, computedInput } from "../../history/trace/content.ts";
import { canonicalJson } from "../../journal/canonical.ts";
import { isBatonError } from "../../model/errors.ts";
import type { Json } from "../../model/json.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JournalStore } from "../../ports/journal-store.ts";
import { pauses } from "../../ports/waiting.ts";
import { catalogueContent, type ContentParts } from "../trace-content.ts";
import type { Answer, WantedInputs } from "./messages.ts";

export interface InputTellerParts extends ContentParts {
  readonly store: JournalStore;
  readonly namespace: string;
  readonly clock: Clock;
}

export interface InputTeller {
  readonly inputs: (wanted: readonly WantedInputs[]) => Promise<Answer<"inputs">>;
  /** From here on as fast as it can: nobody else needs the time. */
  readonly hurry: () => void;
}

/** Runs that are kept as far as they were read, so that a long one is read once. */
const RUNS_KEPT = 64;
/** After so much work such a pause: a twentieth of the thread's time. */
const WORK_MS = 2;
const PAUSE_MS = 38;

/** A run that was read up to `seq`. */
interface ReadRun {
  readonly content: Content | undefined;
  readonly seq: number;
}

export function inputTeller(parts: InputTellerParts): InputTeller {
  const rest = rests(parts.clock);
  const inputsOf = inputsOfRuns(parts);
  return {
    inputs: async (wanted) => {
      const found: (readonly (string | undefined)[])[] = [];
      for (const each of wanted) found.push(await rest.after(() => inputsOf(each)));
      return found;
    },
    hurry: rest.noMore,
  };
}

/** Pauses after work, until there is to be no more of them. */
function rests(clock: Clock) {
  const pause = pauses(clock);
  let workedMs = 0;
  return {
    after: async <X>(work: () => Promise<X>): Promise<X> => {
      const fromMs = clock.monotonicMs();
      const made = await work();
      workedMs += clock.monotonicMs() - fromMs;
      if (workedMs < WORK_MS) return made;
      workedMs = 0;
      await pause.wait(PAUSE_MS);
      return made;
    },
    noMore: pause.end,
  };
}

function inputsOfRuns(
  parts: InputTellerParts,
): (wanted: WantedInputs) => Promise<readonly (string | undefined)[]> {
  const runs = new Map<string, ReadRun>();
  let computed: Json | undefined;
  // What is asked of a content is masked; what was computed for it is not.
  const source = catalogueContent(parts, (ended) => (computed = computedInput(ended)));
  const readOn = async (run: string, seqs: readonly number[], texts: Map<number, string>) => {
    const first = seqs[0] ?? 0;
    const last = seqs.at(-1) ?? 0;
    const known = runs.get(run);
    let { content, seq }: ReadRun =
      known !== undefined && known.seq < first ? known : { content: undefined, seq: -1 };
    for await (const recorded of readRun(parts.store, parts.namespace, run, seq + 1)) {
      const fact = factOf(recorded);
      if (fact.seq === 0) content = await source.ofRun(run, fact);
      if (seqs.includes(fact.seq)) {
        computed = undefined;
        content?.input(fact);
        if (computed !== undefined) texts.set(fact.seq, canonicalJson(computed));
      }
      content?.after(fact);
      seq = fact.seq;
      if (seq >= last) break;
    }
    runs.delete(run);
    runs.set(run, { content, seq });
    const [oldest] = runs.size > RUNS_KEPT ? runs.keys() : [];
    if (oldest !== undefined) runs.delete(oldest);
  };
  return async ({ run, seqs }) => {
    const texts = new Map<number, string>();
    try {
      await readOn(run, seqs, texts);
    } catch (error) {
      // Whoever reads the run for its spans tells of that.
      runs.delete(run);
      if (!isBatonError(error, "JOURNAL_BROKEN") && !isBatonError(error, "ENTRY_UNKNOWN"))
        throw error;
    }
    return seqs.map((seq) => texts.get(seq));
  };
}
