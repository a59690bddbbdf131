/**
 * Unwinding: a saga over several runs. A failure event takes back what was done under its correlation id, in every run of a
 * choreography that fails on it, be it under way or completed.
 *
 * S1. The newest run goes back first, and the next one only after it: what was done because of a run is undone before it.
 * S2. What a process leaves half-way is gone on with by the next one: the router's place stays before the event until then.
 */
import { ENGINE } from "../../decide/turn.ts";
import { type RollbackReason, runStream } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import { headPages } from "../head-pages.ts";
import type { FoundEvent } from "../topic-events.ts";
import type { Core } from "./core.ts";
import { workflowName } from "./event-takers.ts";
import { giveEvent } from "./give-event.ts";
import { rollBack } from "./rollbacks.ts";
import { endOf } from "./run-end.ts";

/** Pause before a store that could not take a run back is asked again. */
const RETRY_MS = 1_000;

/** Whether the event fails runs of a workflow, by what the catalogue knows of it. */
export function failsRunsOf({ catalogue }: Core, workflow: string, topic: string): boolean {
  for (const { name, choreography } of catalogue.workflows.values())
    if (name === workflow && choreography?.failsOn?.name === topic) return true;
  return false;
}

/** What is to go back. */
interface Unwinding {
  readonly event: FoundEvent;
  /** Names of the choreographies that fail on it. */
  readonly failing: ReadonlySet<string>;
  /** The choreography of which a run has published it, if one has: no other run of that one hears of it. */
  readonly publisher: string | undefined;
}

/** Resolves once all of them have gone back; never, if the engine ends before that. */
export async function unwind(core: Core, unwinding: Unwinding): Promise<void> {
  for (const { run, isOpen } of await runsToUnwind(core, unwinding))
    await goBack(core, run, isOpen, unwinding.event);
}

interface ToUnwind {
  readonly run: string;
  readonly no: number;
  readonly isOpen: boolean;
}

/** Those that are under way or have completed, the newest first. */
async function runsToUnwind(
  { store, namespace }: Core,
  { event, failing, publisher }: Unwinding,
): Promise<readonly ToUnwind[]> {
  const { correlation } = event;
  const found: ToUnwind[] = [];
  const add = (head: Awaited<ReturnType<typeof store.head>>) => {
    const name = workflowName(head?.type ?? "");
    if (head === undefined || !failing.has(name)) return;
    if (name === publisher && head.stream !== event.stream) return;
    if (!head.open && head.status !== "completed") return;
    found.push({ run: head.stream.slice("run/".length), no: head.no, isOpen: head.open });
  };
  add(await store.head({ namespace, stream: runStream(correlation) }));
  for await (const heads of headPages(store, { namespace, prefix: runStream(`${correlation}/`) }))
    heads.forEach(add);
  return found.sort((a, b) => b.no - a.no);
}

async function goBack(core: Core, run: string, wasOpen: boolean, event: FoundEvent): Promise<void> {
  const { clock, log } = core;
  let isOpen = wasOpen;
  for (;;) {
    try {
      // The one that has published it fails by itself.
      if (isOpen && runStream(run) !== event.stream) await giveEvent(core, run, event, "inOrder");
      if (!isOpen) await rollBack(core, run, { by: ENGINE, reason: reasonOf(event) });
      if ((await endOf(core, run)).kind !== "completed") return;
      // It had come to its end before the event reached it.
      isOpen = false;
    } catch (error) {
      if (core.closing || core.stopped !== undefined) return await new Promise<never>(() => {});
      if (isBatonError(error, "RUN_FINISHED")) return;
      const what = `Run ${run} could not be taken back after ${event.facts.topic} (${event.facts.id}): ${String(error)}`;
      log({ level: "error", message: what, at: clock.now(), run });
      // What a pivot has settled stays; where code is missing, or the store fails, it can be done later.
      if (isBatonError(error, "PIVOT_PASSED")) return;
      await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve, true));
    }
  }
}

function reasonOf({ facts }: FoundEvent): RollbackReason {
  const message = `${facts.topic} was published (${facts.id}), which fails the run.`;
  return { because: "failed", error: { code: "FAILURE_EVENT", message } };
}
