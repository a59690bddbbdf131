/** The reading half of Baton: everything that follows from the journal alone, or from it and today's definitions. */
import { type DeadLetter, deadLettersOf } from "../history/dead-letters.ts";
import { diffVersions, type VersionRef } from "../history/diff.ts";
import type { EventGraph } from "../history/event-graph.ts";
import { exportRun } from "../history/export.ts";
import { lineageOf } from "../history/lineage.ts";
import { type RecordedEntry, readRun, readStored, runEntries } from "../history/read.ts";
import { replay } from "../history/replay.ts";
import { runReport } from "../history/report.ts";
import { stateAt } from "../history/state.ts";
import { waitsOf } from "../history/waits.ts";
import type { WhySource } from "../history/why-reason.ts";
import { verifyStore } from "../journal/verify.ts";
import { FINAL_KINDS } from "../model/entry-kinds.ts";
import { runStream } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import type { Limits } from "../model/limits.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { Baton, RunSummary } from "./baton.ts";
import type { Catalogue } from "./definitions.ts";
import { pinnedDefinition } from "./manifests.ts";
import { answerWhy, graphOfRun, journalSource } from "./correlation.ts";
import { listRuns, summaryOf } from "./run-list.ts";
import { watchRun, type WatchSource } from "./watch.ts";

export type Reader = Pick<
  Baton,
  | "runs"
  | "entries"
  | "storedEntries"
  | "export"
  | "watch"
  | "report"
  | "waits"
  | "deadLetters"
  | "deadLettersOf"
  | "state"
  | "diff"
  | "lineage"
  | "eventGraph"
  | "why"
  | "replay"
  | "verify"
>;

export function reader(
  source: WatchSource & { readonly catalogue: Catalogue; readonly limits: Limits },
): Reader {
  const { store, namespace, catalogue, limits } = source;
  const entriesOf = (run: string) => wholeRun(store, namespace, run);
  return {
    runs: (filter = {}) => listRuns(store, namespace, filter),
    entries: (run, fromSeq = 0) => readRun(store, namespace, run, fromSeq),
    storedEntries: (run, fromSeq = 0) =>
      readStored(store, { namespace, stream: runStream(run) }, fromSeq),
    export: (run) => exportRun(store, namespace, run),
    watch: (run, options) => watchRun(source, run, options),
    report: async (run) => {
      const head = await headOf(store, namespace, run);
      return runReport(await entriesOf(run), { status: head.status });
    },
    waits: async (run) => {
      const entries = await entriesOf(run);
      const pinned = await pinnedDefinition(store, catalogue, entries[0]?.entry.payload ?? {});
      return waitsOf(entries, pinned.kind === "found" ? pinned.definition : undefined);
    },
    deadLetters: async ({ limit = 100 } = {}) => {
      const letters: DeadLetter[] = [];
      for (const { id } of await listRuns(store, namespace, { status: "parked", limit }))
        letters.push(...deadLettersOf(await entriesOf(id), namespace));
      return letters;
    },
    deadLettersOf: async (run) => deadLettersOf(await entriesOf(run), namespace),
    state: async (run, version) => stateAt(await entriesOf(run), version),
    diff: async (before, after) => {
      const [earlier, later] = [await versionOf(before), await versionOf(after)];
      return diffVersions(earlier, later);
    },
    lineage: async (run, key, version) => lineageOf(await entriesOf(run), key, version),
    eventGraph: (run) => graphOf(run),
    why: (id) => answerWhy(whySource(source), id),
    replay: async (run) => {
      const head = await headOf(store, namespace, run);
      const entries = await entriesOf(run);
      return replay(entries, await todaysOf(entries, head.workflow), limits);
    },
    verify: (options = {}) =>
      verifyStore(store, {
        namespace,
        ...(options.run === undefined ? {} : { stream: runStream(options.run) }),
        ...(options.progress === undefined ? {} : { progress: options.progress }),
      }),
  };

  async function graphOf(run: string): Promise<EventGraph> {
    const { workflow, status } = await headOf(store, namespace, run);
    const entries = await entriesOf(run);
    return graphOfRun(entries, await todaysOf(entries, workflow), {
      status,
      nowMs: source.clock.now(),
    });
  }

  /** A run that is pinned to an older agent is read with it, where it is still here: that is today's code for this run. */
  async function todaysOf(
    entries: readonly RecordedEntry[],
    workflow: string,
  ): Promise<WorkflowDefinition> {
    const pinned = await pinnedDefinition(store, catalogue, entries[0]?.entry.payload ?? {});
    return pinned.kind === "found" ? pinned.definition : workflowOf(catalogue, workflow);
  }

  async function versionOf({ run, version }: VersionRef) {
    return { entries: await entriesOf(run), ...(version === undefined ? {} : { version }) };
  }
}

function whySource(source: WatchSource & { readonly catalogue: Catalogue }): WhySource {
  const { store, namespace, catalogue, clock } = source;
  return {
    ...journalSource(source, catalogue, clock.now()),
    workflows: [...catalogue.workflows.values()],
    nowMs: clock.now(),
    entries: (run) => wholeRun(store, namespace, run),
    definition: async (entries) => {
      const pinned = await pinnedDefinition(store, catalogue, entries[0]?.entry.payload ?? {});
      return pinned.kind === "found" ? pinned.definition : undefined;
    },
  };
}

/**
 * The entries of a run. A run that the index has as ended must have its end: without this, an index of entries that is damaged
 * there would show it as it was some entries earlier, with a chain that is whole as far as it goes.
 * @throws BatonError RUN_NOT_FOUND, JOURNAL_BROKEN, ENTRY_UNKNOWN
 */
async function wholeRun(
  store: JournalStore,
  namespace: string,
  run: string,
): Promise<readonly RecordedEntry[]> {
  const stream = runStream(run);
  // Read first: a run that ends in between is then open here, and ended in its entries.
  const head = await store.head({ namespace, stream });
  const entries = await runEntries(store, namespace, run);
  const last = entries.at(-1)?.entry;
  if (head?.open !== false || last === undefined || FINAL_KINDS.has(last.kind)) return entries;
  throw new BatonError(
    "JOURNAL_BROKEN",
    `The journal of ${stream} is broken: the run is ${head.status}, and there is no entry after ${last.seq} that says so.`,
    { details: { namespace, stream, seq: last.seq + 1 } },
  );
}

/** @throws BatonError WORKFLOW_NOT_FOUND */
export function workflowOf(catalogue: Catalogue, id: string): WorkflowDefinition {
  const definition = catalogue.workflows.get(id);
  if (definition === undefined) {
    throw new BatonError(
      "WORKFLOW_NOT_FOUND",
      `Workflow ${id} is not among those that Baton was opened with.`,
      { details: { workflow: id } },
    );
  }
  return definition;
}

/** @throws BatonError RUN_NOT_FOUND */
export async function headOf(
  store: JournalStore,
  namespace: string,
  run: string,
): Promise<RunSummary> {
  const head = await store.head({ namespace, stream: runStream(run) });
  if (head === undefined)
    throw new BatonError("RUN_NOT_FOUND", `There is no run ${run}.`, { details: { run } });
  return summaryOf(head);
}
