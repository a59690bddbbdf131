/**
 * For whom a run executes, read from the journal: who started it, or published the event that began it; of a child run, for
 * whom its parent does.
 */
import { type Author, type Position, runStream } from "../../model/entry.ts";
import { namedBy } from "../caller.ts";
import type { Actor, Core } from "./core.ts";

export interface Principals {
  /** Undefined where nobody is named. @throws what the store throws */
  readonly of: (actor: Actor) => Promise<string | undefined>;
}

/** Reads them, once for as long as a run is in memory: who started it does not change. */
export function principals(core: () => Pick<Core, "store" | "namespace">): Principals {
  const known = new WeakMap<Actor, { readonly principal: string | undefined }>();
  return {
    of: async (actor) => {
      const found = known.get(actor);
      if (found !== undefined) return found.principal;
      const principal = await principalOf(core(), actor.stream.stream);
      known.set(actor, { principal });
      return principal;
    },
  };
}

/** What of the entries of a run says who began it. */
interface Beginning {
  readonly by: Author;
  readonly payload: {
    readonly parent?: { readonly run: string };
    readonly from?: Position;
  };
}

/** Goes back from a run to what began it, as long as that is a run itself. Causes lie in the past: there is an end. */
async function principalOf(
  { store, namespace }: Pick<Core, "store" | "namespace">,
  run: string,
): Promise<string | undefined> {
  let stream: string | undefined = run;
  while (stream !== undefined) {
    const read = await store.read({ namespace, stream }, 0, 2);
    // Entries of a run's journal, and of an event's, were written by this engine.
    const [started, first] = read.map(({ text }) => JSON.parse(text) as Beginning);
    const named = started === undefined ? undefined : namedBy(started.by);
    // Only what the engine began has a cause that somebody else answers for: a nameless caller, of a fork too, is nobody.
    if (started === undefined || started.by.kind !== "engine") return named;
    const { parent } = started.payload;
    // The event that begins a run of a choreography follows its start at once.
    stream = parent === undefined ? first?.payload.from?.stream : runStream(parent.run);
  }
  return undefined;
}
