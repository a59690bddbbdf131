/**
 * Unclaimed events: those that came before the run which takes them had begun, or after it had ended. Each has a stream of its
 * own, found by its correlation id.
 *
 * Owns: which events were set aside, and handing the early ones over. Does not own: to whom an event goes, which is in routing.ts.
 *
 * C1. An event that came early is received by the first run of its workflow and correlation that begins, whatever dies in between.
 * C2. A run receives what came before it began ahead of what comes after.
 */
import { ENGINE } from "../../decide/turn.ts";
import { readStream } from "../../history/read.ts";
import { type Fact, runStream } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import {
  type UnclaimedRecord,
  UNCLAIMED_PREFIX,
  unclaimedPrefix,
} from "../../model/event-facts.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { headPages } from "../head-pages.ts";
import { eventAt, type FoundEvent } from "../topic-events.ts";
import type { Core } from "./core.ts";
import { takenBy, workflowName } from "./event-takers.ts";
import { giveEvent } from "./give-event.ts";
import { commitAlone } from "./stream-journal.ts";

/** Pause before a store that could not give what was set aside is asked again. */
const RETRY_MS = 1_000;

/** A run that has begun, or goes on. */
export interface Claimant {
  readonly id: string;
  readonly definition: WorkflowDefinition;
  readonly correlation: string;
}

export interface Unclaimed {
  /** Keeps an event that no run took; once, however often it is asked. */
  setAside(event: FoundEvent, why: Pick<UnclaimedRecord, "early" | "late">): Promise<void>;
  /**
   * A run is about to be there: what comes for it from now on waits until it has been given what came early. To be told
   * once, with the run, or without one if it did not begin.
   */
  expect(run: string, definition: WorkflowDefinition): (begun: Claimant | undefined) => void;
  /** Resolves once the run has been given what came early (C2). */
  settled(run: string): Promise<void> | undefined;
}

export function unclaimed(core: () => Core): Unclaimed {
  // Whether anything was ever set aside here: mostly not, and then no run has to look.
  let any: Promise<boolean> | undefined;
  const expected = new Map<string, Promise<void>>();
  /** Runs that are being given what came early. */
  const claiming = new Set<string>();

  /** Asked once, however many runs begin at the same time: the store looks through all its streams for it. */
  function isAny(): Promise<boolean> {
    any ??= lookForAny().catch((error: unknown) => {
      any = undefined;
      throw error;
    });
    return any;
  }

  async function lookForAny(): Promise<boolean> {
    const { store, namespace } = core();
    return (await store.heads({ namespace, prefix: UNCLAIMED_PREFIX, limit: 1 })).length > 0;
  }

  async function claim(claimant: Claimant): Promise<void> {
    claiming.add(claimant.id);
    await claimAll(claimant).finally(() => claiming.delete(claimant.id));
  }

  async function claimAll(claimant: Claimant): Promise<void> {
    for (;;) {
      try {
        if (await isAny()) await giveEarly(core(), claimant);
        return;
      } catch (error) {
        const { closing, stopped, clock, log } = core();
        if (closing || stopped !== undefined) return;
        const message = `Run ${claimant.id} could not be given the events that came before it: ${String(error)}`;
        log({ level: "error", message, at: clock.now(), run: claimant.id });
        if (!isBatonError(error, "STORE_FAILED")) return;
        await new Promise<void>((resolve) => clock.after(RETRY_MS, resolve, true));
      }
    }
  }

  return {
    setAside: async (event, why) => {
      any = Promise.resolve(true);
      await keep(core(), event, why);
    },
    expect: (run, definition) => {
      // A run that rests is loaded to be given something: that is no reason to give it everything once more.
      if (takenBy(definition).length === 0 || claiming.has(run)) return () => {};
      let tell: (begun: Claimant | undefined) => void = () => {};
      const told = new Promise<Claimant | undefined>((resolve) => (tell = resolve));
      const settled = told
        .then((begun) => (begun === undefined ? undefined : claim(begun)))
        .finally(() => {
          if (expected.get(run) === settled) expected.delete(run);
        });
      expected.set(run, settled);
      return tell;
    },
    settled: (run) => expected.get(run),
  };
}

async function keep(
  core: Core,
  event: FoundEvent,
  why: Pick<UnclaimedRecord, "early" | "late">,
): Promise<void> {
  const { namespace, clock, store } = core;
  const { facts, correlation, stream: from, seq } = event;
  const stream = `${unclaimedPrefix(correlation)}${facts.id}`;
  if ((await store.head({ namespace, stream })) !== undefined) return;
  const payload: UnclaimedRecord = { topic: facts.topic, id: facts.id, ...why };
  const fact: Fact = {
    kind: "event.unclaimed",
    by: ENGINE,
    causation: { stream: from, seq },
    payload,
    seq: 0,
    at: Math.max(event.at, clock.now()),
  };
  const status = why.late.length > 0 ? "late" : "early";
  const index = { status, open: false, type: facts.topic };
  await commitAlone(core, stream, fact, index);
}

/** Gives a run what came before it, in the order in which it came (C1). */
async function giveEarly(core: Core, claimant: Claimant): Promise<void> {
  const { store, namespace, clock } = core;
  const { definition, correlation } = claimant;
  const topics = new Set(takenBy(definition));
  const prefix = unclaimedPrefix(correlation);
  let isFirst: boolean | undefined;
  for await (const heads of headPages(store, { namespace, prefix })) {
    for (const { stream, type } of heads) {
      if (!topics.has(type)) continue;
      const event = await earlyFor(core, stream, definition.name);
      if (event === undefined || isOutOfRetention(definition, event, clock.now())) continue;
      isFirst ??= await isFirstOfItsWorkflow(core, claimant);
      if (!isFirst) return;
      await giveEvent(core, claimant.id, event, "now");
    }
  }
}

/** The event that was set aside in a stream; undefined where it is not for runs of the workflow. */
async function earlyFor(
  core: Core,
  stream: string,
  workflow: string,
): Promise<FoundEvent | undefined> {
  const { store, namespace } = core;
  for await (const { entry } of readStream(store, { namespace, stream })) {
    // The stream has one entry, which `keep` wrote.
    const { early } = entry.payload as unknown as UnclaimedRecord;
    if (!early.includes(workflow) || entry.causation === undefined) return undefined;
    return await eventAt(core, entry.causation);
  }
  return undefined;
}

function isOutOfRetention(
  { choreography, steps }: WorkflowDefinition,
  { facts, at }: FoundEvent,
  nowMs: number,
): boolean {
  const awaited = steps.find((step) => step.kind === "event" && step.topic.name === facts.topic);
  const topic = awaited?.kind === "event" ? awaited.topic : choreography?.topics.get(facts.topic);
  return topic?.retentionMs !== undefined && at < nowMs - topic.retentionMs;
}

/** What came before all of them is for the first. */
async function isFirstOfItsWorkflow(
  { store, namespace }: Core,
  { id, definition, correlation }: Claimant,
): Promise<boolean> {
  const own = await store.head({ namespace, stream: runStream(id) });
  if (own === undefined) return false;
  const isEarlier = (type: string, no: number) =>
    no < own.no && workflowName(type) === definition.name;
  const root = await store.head({ namespace, stream: runStream(correlation) });
  if (root !== undefined && isEarlier(root.type, root.no)) return false;
  for await (const heads of headPages(store, { namespace, prefix: runStream(`${correlation}/`) }))
    if (heads.some(({ type, no }) => isEarlier(type, no))) return false;
  return true;
}
