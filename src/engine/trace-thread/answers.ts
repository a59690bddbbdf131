/** What the thread of traces asks of the one that executes. */
import { plainDefinition } from "../../history/trace/plain-definition.ts";
import { definitionOf } from "../trace-content.ts";
import type { ProjectionPlace } from "../tracing.ts";
import type { InputFeed } from "./input-feed.ts";
import { inputTeller, type InputTellerParts } from "./input-teller.ts";
import type { Answer, Ask, AskName, Asked, ToTraces } from "./messages.ts";

export interface AnsweringParts extends InputTellerParts {
  readonly place: ProjectionPlace;
  readonly feed: InputFeed;
}

export interface Answering {
  /** Never rejects: what went wrong is an answer, too. */
  readonly answer: (ask: Ask) => Promise<ToTraces>;
  /** As that of {@link inputTeller}. */
  readonly hurry: () => void;
}

type Answers = { readonly [K in AskName]: (asked: Asked<K>) => Promise<Answer<K>> };

export function answering(parts: AnsweringParts): Answering {
  const teller = inputTeller(parts);
  const answers: Answers = {
    moved: (position) => parts.place.moved(position),
    definition: async (pin) => {
      const definition = await definitionOf(parts, pin);
      return definition && plainDefinition(definition);
    },
    told: async () => parts.feed.flush(),
    inputs: teller.inputs,
  };
  return {
    hurry: teller.hurry,
    answer: async ({ id, name, asked }) => {
      try {
        // The table's own type says that what is asked fits its name; TypeScript can't follow that through an index.
        const value = await (answers[name] as (asked: unknown) => Promise<unknown>)(asked);
        return { kind: "answer", id, value };
      } catch (error) {
        return {
          kind: "refused",
          id,
          message: error instanceof Error ? error.message : String(error),
        };
      }
    },
  };
}
