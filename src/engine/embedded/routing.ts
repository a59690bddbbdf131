/** To which runs an event goes that was published elsewhere. */
import { runStream } from "../../model/entry.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { headPages } from "../head-pages.ts";
import type { FoundEvent } from "../topic-events.ts";
import type { Core } from "./core.ts";
import { takenBy, workflowName } from "./event-takers.ts";
import { giveEvent } from "./give-event.ts";
import { failsRunsOf, unwind } from "./unwinding.ts";

/**
 * Hands an event to every open run of its correlation that takes it. What a run of a choreography has published is delivered in
 * that run, and is nothing to other runs of the same one. Where a workflow that takes it has no open run, it is set aside.
 * Gives what is still to be waited for: runs that the event fails go back one after the other.
 */
export async function hand(
  core: Core,
  takers: ReadonlySet<string>,
  event: FoundEvent,
  publishedHere: string | undefined,
): Promise<{ readonly unwound: Promise<void> } | undefined> {
  const { topic, origin } = event.facts;
  const publisher = origin === undefined ? publishedHere : origin.choreography;
  const names = [...takers].filter((name) => name !== publisher);
  if (names.length === 0) return undefined;
  const failing = new Set([...takers].filter((name) => failsRunsOf(core, name, topic)));
  await giveOrSetAside(core, { event, publisher, failing, names });
  return failing.size === 0 ? undefined : { unwound: unwind(core, { event, failing, publisher }) };
}

interface Handing {
  readonly event: FoundEvent;
  readonly publisher: string | undefined;
  /** Workflows whose runs the event fails: they get it in an order of their own. */
  readonly failing: ReadonlySet<string>;
  /** Workflows whose runs take it, but for its publisher. */
  readonly names: readonly string[];
}

/** Gives the event to the open runs, and sets it aside for those that are not. */
async function giveOrSetAside(core: Core, handing: Handing): Promise<void> {
  const { event, failing, names } = handing;
  const given = new Set<string>();
  const open = await giveToOpen(core, handing, given);
  const missing = names.filter((name) => !open.has(name));
  const begun: string[] = [];
  const early: string[] = [];
  for (const name of missing) {
    const definition = workflowNamed(core, name);
    if (definition === undefined) continue;
    const isThere = await hasBegun(core, event.correlation, definition);
    (isThere ? begun : early).push(name);
  }
  // One that has begun since the first look was not open then, and is now.
  const openNow = begun.length === 0 ? open : await giveToOpen(core, handing, given);
  const late = begun.filter(
    (name) =>
      // A workflow has taken what it awaited, or has gone on without.
      workflowNamed(core, name)?.choreography !== undefined &&
      !failing.has(name) &&
      !openNow.has(name),
  );
  if (early.length === 0 && late.length === 0) return;
  await core.unclaimed.setAside(event, { early, late });
  // A run that has begun meanwhile may have looked too early to find it.
  if (early.length > 0) await giveToOpen(core, handing, given);
}

/** Gives the names of the workflows that have an open run which takes it; `given`: runs that have it already. */
async function giveToOpen(
  core: Core,
  { event, publisher, failing }: Handing,
  given: Set<string>,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const { run, type } of await openRuns(core, event.correlation)) {
    if (runStream(run) === event.stream) continue;
    // A run whose code is not here may take it once that is back.
    const definition = core.catalogue.workflows.get(type);
    if (definition !== undefined && !takenBy(definition).includes(event.facts.topic)) continue;
    if (definition?.choreography !== undefined && definition.name === publisher) continue;
    const name = workflowName(type);
    names.add(name);
    if (failing.has(name) || given.has(run)) continue;
    await giveEvent(core, run, event, "inOrder");
    given.add(run);
  }
  return names;
}

/** The choreography of which a run has published what is in a stream of this store; undefined where it was something else. */
export function publisherOf(
  { catalogue }: Core,
  { stream, type }: { readonly stream: string; readonly type: string },
): string | undefined {
  if (!stream.startsWith("run/")) return undefined;
  const definition = catalogue.workflows.get(type);
  return definition?.choreography === undefined ? undefined : definition.name;
}

function workflowNamed({ catalogue }: Core, name: string): WorkflowDefinition | undefined {
  for (const definition of catalogue.workflows.values())
    if (definition.name === name) return definition;
  return undefined;
}

/** Whether a run of the workflow has begun under the correlation id, be it over or not. */
async function hasBegun(
  { store, namespace, catalogue }: Core,
  correlation: string,
  { name }: WorkflowDefinition,
): Promise<boolean> {
  const root = await store.head({ namespace, stream: runStream(correlation) });
  if (root !== undefined && workflowName(root.type) === name) return true;
  const prefix = runStream(`${correlation}/`);
  for (const [type, definition] of catalogue.workflows) {
    if (definition.name !== name) continue;
    const heads = await store.heads({ namespace, prefix, type, limit: 1 });
    if (heads.length > 0) return true;
  }
  return false;
}

async function openRuns(
  { store, namespace }: Core,
  correlation: string,
): Promise<readonly { readonly run: string; readonly type: string }[]> {
  const found: { readonly run: string; readonly type: string }[] = [];
  const own = await store.head({ namespace, stream: runStream(correlation) });
  if (own?.open === true) found.push({ run: correlation, type: own.type });
  const others = headPages(store, { namespace, prefix: runStream(`${correlation}/`), open: true });
  for await (const heads of others)
    for (const { stream, type } of heads) found.push({ run: stream.slice("run/".length), type });
  return found;
}
