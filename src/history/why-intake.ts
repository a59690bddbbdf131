/** Why an event from outside has begun no run: who should take it, and what holds that up. */
import { eventStream } from "../model/event-facts.ts";
import type { KnownEvent, KnownSubscription, Walk, WhyReason, WhySource } from "./why-reason.ts";

/** Choreographies that begin with an event of its topic, and have not begun a run of this one. */
export async function notTaken(
  { source, runs, seen }: Walk,
  event: KnownEvent,
  runReasons: (run: string) => Promise<readonly WhyReason[]>,
): Promise<readonly WhyReason[]> {
  const { topic, id, at: since } = event;
  const subscriptions = await source.subscriptions();
  const takers = subscriptions.filter((each) => each.topic === topic);
  if (takers.length === 0 && runs.length === 0 && !seen.has(eventStream(id))) {
    const sentence = `Event ${id} of ${topic} was published, and no choreography that is known here begins with one.`;
    return [{ sentence, since, because: [], next: "baton topics" }];
  }
  const reasons: WhyReason[] = [];
  for (const taker of takers) {
    const { name } = taker;
    if (runs.some((run) => run.workflow.startsWith(`${name}@`))) continue;
    const sentence = `${name} begins with events of ${topic}, and has not taken event ${id}.`;
    const because = await heldBy(source, taker, event, runReasons);
    reasons.push({ sentence, since, next: "baton health", because });
  }
  return reasons;
}

/** Events that wait for a run which has not begun. */
export async function tooEarly(
  { source, runs, seen }: Walk,
  correlation: string,
): Promise<readonly WhyReason[]> {
  const reasons: WhyReason[] = [];
  for (const { id, topic, at: since, workflows } of await source.early(correlation)) {
    const awaited = workflows.filter(
      (name) => !runs.some(({ workflow }) => workflow.startsWith(`${name}@`)),
    );
    if (awaited.length === 0) continue;
    seen.add(eventStream(id));
    const sentence = `Event ${id} of ${topic} came for ${awaited.join(" and ")}, of which no run has begun under this correlation id.`;
    reasons.push({ sentence, since, because: [], next: `baton events show ${id}` });
  }
  return reasons;
}

async function heldBy(
  source: WhySource,
  { name, underWay, heldUp }: KnownSubscription,
  { key }: KnownEvent,
  runReasons: (run: string) => Promise<readonly WhyReason[]>,
): Promise<readonly WhyReason[]> {
  const paused = await pausedReason(source, name);
  if (paused.length > 0) return paused;
  const definition = source.workflows.find((each) => each.name === name);
  if (definition?.choreography === undefined) {
    const sentence = `Choreography ${name} is not among the workflows here: whoever executes has to have it.`;
    return [{ sentence, because: [], next: "baton check" }];
  }
  const before = heldUp.find((each) => each.key === key);
  if (before !== undefined) {
    const { run } = before;
    const sentence = `Events of one key are handled one after the other, and run ${run} of key ${before.key} has not ended.`;
    return [{ sentence, run, because: await runReasons(run), next: `baton why ${run}` }];
  }
  if (underWay < definition.choreography.concurrency) return [];
  const sentence = `All of its places are taken: ${underWay} runs that events have begun are under way.`;
  return [{ sentence, because: [], next: `baton runs --workflow ${definition.id}` }];
}

/** That the subscription of a choreography is paused, if it is. */
export async function pausedReason(source: WhySource, name: string): Promise<readonly WhyReason[]> {
  const paused = await source.paused(name);
  if (paused === undefined) return [];
  const { by, payload, at: since } = paused.entry;
  const reason = payload["reason"];
  const why = typeof reason === "string" ? `: ${reason}` : "";
  const sentence = `Its subscription is paused, by ${by.id}${why}.`;
  return [{ sentence, since, because: [], next: `baton subscriptions resume ${name}` }];
}
