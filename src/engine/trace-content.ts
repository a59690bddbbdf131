/** Where the inputs and outputs of spans come from: the code that Baton was opened with. */
import {
  computedInput,
  type Content,
  contentOf,
  type InputOf,
  type TopicContracts,
} from "../history/trace/content.ts";
import type { Fact } from "../model/entry.ts";
import type { Limits } from "../model/limits.ts";
import type { TraceSpan } from "../model/trace-span.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { Catalogue } from "./definitions.ts";
import { pinnedDefinition } from "./manifests.ts";

export interface ContentSource {
  /** The content of a run, by its first entry; undefined where its code is not here. */
  readonly ofRun: (id: string, first: Fact) => Promise<Content | undefined>;
  readonly topics: TopicContracts;
  /** Adds what could not be told at once to spans that have ended; nothing is left to add where it is absent. */
  readonly complete?: (spans: readonly TraceSpan[]) => Promise<readonly TraceSpan[]>;
}

/** What the content of runs is made of. */
export interface ContentParts {
  readonly store: Pick<JournalStore, "blob">;
  readonly catalogue: Catalogue;
  readonly limits: Limits;
}

/** Content by the definitions of the catalogue. Inputs are computed again, if nothing else is said. */
export function catalogueContent(
  parts: ContentParts,
  inputOf: InputOf = computedInput,
): ContentSource {
  const topics = catalogueTopics(parts.catalogue);
  return {
    topics,
    ofRun: async (id, first) => {
      if (first.kind !== "run.started") return undefined;
      const definition = await definitionOf(parts, first.payload);
      if (definition === undefined) return undefined;
      return contentOf(id, definition, parts.limits, { topics, inputOf });
    },
  };
}

/** The code that a run is pinned to by the payload of its first entry; undefined where it is not here. */
export async function definitionOf(
  { store, catalogue }: ContentParts,
  { workflow, manifest }: { readonly workflow: string; readonly manifest: string },
): Promise<WorkflowDefinition | undefined> {
  const pinned = await pinnedDefinition(store, catalogue, { workflow, manifest });
  return pinned.kind === "found" ? pinned.definition : undefined;
}

function catalogueTopics({ topics }: Catalogue): TopicContracts {
  return (topic, id) =>
    topics.get(topic)?.versions.find(({ contract }) => contract.id === id)?.contract;
}
