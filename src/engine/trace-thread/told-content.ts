/**
 * The content of spans in a thread that has no code of the workflows: it asks for their form, and has inputs from the thread that
 * executes, which tells them, or computes them when it is asked.
 *
 * C1. An input is shown here where it would be shown there. What was told is taken where the journal says that the functions of the
 *     workflow would be given the same again; all else is asked for.
 * C2. Masking is done here, by the marks of the contracts.
 */
import { contentOf, type InputOf, type TopicContracts } from "../../history/trace/content.ts";
import { spanIdOf } from "../../journal/trace-ids.ts";
import type { Fact } from "../../model/entry.ts";
import type { Json } from "../../model/json.ts";
import type { Limits } from "../../model/limits.ts";
import { masked } from "../../model/sensitive.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import type { ContentSource } from "../trace-content.ts";
import type { Answer, Asked, AskName, TopicMarks, WantedInputs } from "./messages.ts";
import { hasSameView } from "./same-view.ts";
import type { ToldInputs } from "./told-inputs.ts";

/** Asks the thread that executes. */
export type AskThere = <K extends AskName>(name: K, asked: Asked<K>) => Promise<Answer<K>>;

export interface ToldContentParts {
  readonly namespace: string;
  readonly limits: Limits;
  readonly topics: TopicMarks;
  readonly told: ToldInputs;
  readonly ask: AskThere;
}

/** An input that was not there when its span was made. */
interface Lacking {
  readonly span: string;
  readonly run: string;
  readonly seq: number;
  /** Its hash, where what is told under that may be taken. */
  readonly hash: string | undefined;
  readonly marks: readonly string[];
}

/** An input is told before its entry is written: by less than this, in milliseconds. What comes too late is asked for. */
const TOLD_BEFORE_MS = 2_000;

export function toldContent(parts: ToldContentParts): ContentSource {
  const { namespace, limits, told } = parts;
  const topics = topicContracts(parts.topics);
  const definitionOf = definitions(parts.ask);
  const lacking = new Map<string, Lacking>();
  let passedAt = 0;
  const inputOf: InputOf = (ended, marks) => {
    const { fact, run, path, inputHash } = ended;
    // Not the latest: a clock that was put back must not make all that is told from then on look old.
    passedAt = fact.at;
    const hash = hasSameView(ended) ? inputHash : undefined;
    const text = hash === undefined ? undefined : told.text(hash);
    if (text !== undefined) return parsed(text);
    const { turn = 0, attempt = 1, seq } = fact;
    const span = spanIdOf({ namespace, run: run.id, of: "attempt", path, turn, attempt });
    lacking.set(span, { span, run: run.id, seq, hash, marks: marks() });
    return undefined;
  };
  return {
    topics,
    ofRun: async (id, first) => {
      const definition = await definitionOf(first);
      if (definition === undefined) return undefined;
      return contentOf(id, definition, limits, { topics, inputOf });
    },
    complete: async (spans) => {
      const wanted = spans.flatMap(({ kind, spanId }) => {
        const each = kind === "attempt" ? lacking.get(spanId) : undefined;
        return each === undefined ? [] : [each];
      });
      lacking.clear();
      const found = await inputsOf(parts, wanted);
      told.forgetBefore(passedAt - TOLD_BEFORE_MS);
      if (found.size === 0) return spans;
      return spans.map((span) => {
        const input = found.get(span.spanId);
        return input === undefined ? span : { ...span, input };
      });
    },
  };
}

/** The inputs of these, by span. */
async function inputsOf(
  { told, ask }: ToldContentParts,
  wanted: readonly Lacking[],
): Promise<ReadonlyMap<string, Json>> {
  const found = new Map<string, Json>();
  if (wanted.length === 0) return found;
  const put = ({ span, marks }: Lacking, text: string) =>
    found.set(span, masked(parsed(text), marks));
  // What was not yet here may be on its way.
  await ask("told", undefined);
  const rest = new Map<string, Lacking[]>();
  for (const each of wanted) {
    const text = each.hash === undefined ? undefined : told.text(each.hash);
    if (text !== undefined) put(each, text);
    else rest.set(each.run, [...(rest.get(each.run) ?? []), each]);
  }
  if (rest.size === 0) return found;
  const asked = [...rest].map(
    ([run, each]): WantedInputs => ({ run, seqs: each.map(({ seq }) => seq) }),
  );
  const texts = await ask("inputs", asked);
  [...rest.values()].forEach((each, run) => {
    each.forEach((one, i) => {
      const text = texts[run]?.[i];
      if (text !== undefined) put(one, text);
    });
  });
  return found;
}

function parsed(text: string): Json {
  // Canonical JSON, as it was hashed.
  return JSON.parse(text) as Json;
}

function topicContracts(topics: TopicMarks): TopicContracts {
  return (topic, contract) => {
    const sensitive = topics.get(topic)?.get(contract);
    return sensitive === undefined ? undefined : { sensitive };
  };
}

/** Definitions that are kept. */
const DEFINITIONS_MAX = 1_000;

/** Definitions by the first entry of a run; each is asked for once. */
function definitions(ask: AskThere): (first: Fact) => Promise<WorkflowDefinition | undefined> {
  const known = new Map<string, WorkflowDefinition | undefined>();
  return async (first) => {
    if (first.kind !== "run.started") return undefined;
    const { workflow, manifest } = first.payload;
    const pin = `${workflow}\n${manifest}`;
    if (known.has(pin)) return known.get(pin);
    const definition = await ask("definition", { workflow, manifest });
    if (known.size >= DEFINITIONS_MAX) known.clear();
    known.set(pin, definition);
    return definition;
  };
}
