/** The inputs that the thread of traces was told of, and has not needed yet. Bounded: what finds no room is asked for. */
import type { InputBatch } from "./messages.ts";

export interface ToldInputs {
  readonly take: (batch: InputBatch) => void;
  readonly text: (hash: string) => string | undefined;
  /** Nothing that was told before is needed any more. */
  readonly forgetBefore: (at: number) => void;
}

/** Room for some hundred thousand usual inputs: those of a minute at full speed. */
const TOLD_CHARACTERS_MAX = 64_000_000;

export function toldInputs(max = TOLD_CHARACTERS_MAX): ToldInputs {
  const known = new Map<string, { readonly text: string; readonly batch: InputBatch }>();
  const batches: InputBatch[] = [];
  let characters = 0;
  return {
    // The newest finds no room: what was told first is needed first.
    take: (batch) => {
      if (characters + batch.characters > max) return;
      characters += batch.characters;
      batches.push(batch);
      for (const [hash, text] of pairs(batch)) known.set(hash, { text, batch });
    },
    text: (hash) => known.get(hash)?.text,
    forgetBefore: (at) => {
      for (let [first] = batches; first !== undefined && first.at < at; [first] = batches) {
        batches.shift();
        characters -= first.characters;
        // The same input may have been told again since.
        for (const [hash] of pairs(first)) if (known.get(hash)?.batch === first) known.delete(hash);
      }
    },
  };
}

function* pairs({ texts }: InputBatch): Generator<readonly [hash: string, text: string]> {
  for (let i = 0; i + 1 < texts.length; i += 2) yield [texts[i] ?? "", texts[i + 1] ?? ""];
}
