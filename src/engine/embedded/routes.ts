/**
 * Routes: events that concern runs which are there already. A workflow that awaits an event, and a choreography that subscribes
 * to its topic, take it where the correlation id is theirs.
 *
 * O1. An event that was published is received by every open run of its correlation that takes it, however often either side
 *     dies: what was received counts once, by the event's id.
 */
import type { Author, IntakeRecord } from "../../model/entry.ts";
import { runStream } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { eventsAfter, type TopicEvent } from "../topic-events.ts";
import type { Arrived, Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import { type Place, placeOf } from "./places.ts";
import { actorOf } from "./runs.ts";
import { watchTopic } from "./topic-reader.ts";

const RETRY_MS = 1_000;
const PLACE_EVERY = 500;
const RUNS_AT_ONCE = 1_000;
const ROUTER: Author = { kind: "engine", id: "baton" };

export interface Routes {
  open(): Promise<void>;
  stop(): Promise<void>;
}

interface Route {
  readonly core: Core;
  readonly topic: string;
  readonly place: Place;
  read: number;
  written: number;
  pumping: boolean;
  again: boolean;
  leave: () => void;
}

export function routes(core: () => Core): Routes {
  const all: Route[] = [];
  return {
    open: async () => {
      for (const topic of routedTopics(core().catalogue.workflows.values()))
        all.push(await openRoute(core(), topic));
      for (const route of all) pump(route);
    },
    stop: async () => {
      for (const route of all) route.leave();
      await Promise.all(all.map((route) => keep(route).catch(() => {})));
    },
  };
}

/** Topics of which runs take events that other streams have. */
function routedTopics(workflows: Iterable<WorkflowDefinition>): ReadonlySet<string> {
  const topics = new Set<string>();
  for (const definition of workflows) for (const topic of takenBy(definition)) topics.add(topic);
  return topics;
}

/** What a run of a workflow takes from elsewhere. What a choreography starts with begins runs instead. */
function takenBy({ steps, choreography }: WorkflowDefinition): readonly string[] {
  const awaited = steps.flatMap((step) => (step.kind === "event" ? [step.topic.name] : []));
  if (choreography === undefined) return awaited;
  const { starts, ends, failsOn, subscribers } = choreography;
  const names = [...subscribers.keys(), ends?.name, failsOn?.name];
  return names.flatMap((name) => (name === undefined || name === starts.name ? [] : [name]));
}

async function openRoute(core: Core, topic: string): Promise<Route> {
  const place = await placeOf(core, `to-runs.${topic}`);
  const position = place.record()?.position ?? 0;
  const route: Route = {
    core,
    topic,
    place,
    read: position,
    written: position,
    pumping: false,
    again: false,
    leave: () => {},
  };
  route.leave = watchTopic(core, topic, () => pump(route));
  return route;
}

function pump(route: Route): void {
  if (route.pumping) {
    route.again = true;
    return;
  }
  route.pumping = true;
  void pumpAll(route).finally(() => {
    route.pumping = false;
    if (route.again && !isOver(route)) pump(route);
  });
}

function isOver({ core }: Route): boolean {
  return core.closing || core.stopped !== undefined;
}

async function pumpAll(route: Route): Promise<void> {
  const { core, topic } = route;
  try {
    while (!isOver(route)) {
      route.again = false;
      const page = await eventsAfter(core, topic, route.read);
      if (page.length === 0) return;
      for (const event of page) {
        if (isOver(route)) return;
        await hand(core, event);
        route.read = event.position;
        if (route.read - route.written >= PLACE_EVERY) keep(route).catch(() => {});
      }
    }
  } catch (error) {
    if (isOver(route)) return;
    core.log({
      level: "error",
      message: `Events of ${topic} could not be handed to the runs that take them: ${String(error)} Tried again in ${RETRY_MS} ms.`,
      at: core.clock.now(),
    });
    core.clock.after(RETRY_MS, () => pump(route), true);
  }
}

async function keep(route: Route): Promise<void> {
  const { place, topic, read } = route;
  if (read === route.written) return;
  route.written = read;
  const record: IntakeRecord = { topic, position: read, generation: 0, paused: false };
  const kind = place.record() === undefined ? "subscription.opened" : "subscription.moved";
  await place.say(kind, record, ROUTER);
}

/** Hands an event to every open run of its correlation that takes it, but to the one that published it (O1). */
async function hand(core: Core, event: TopicEvent): Promise<void> {
  const { correlation, facts } = event;
  for (const { run, type } of await openRuns(core, correlation)) {
    if (runStream(run) === event.stream) continue;
    const definition = core.catalogue.workflows.get(type);
    if (definition === undefined || !takenBy(definition).includes(facts.topic)) continue;
    await give(core, run, event);
  }
}

async function openRuns(
  { store, namespace }: Core,
  correlation: string,
): Promise<readonly { readonly run: string; readonly type: string }[]> {
  const found: { readonly run: string; readonly type: string }[] = [];
  const own = await store.head({ namespace, stream: runStream(correlation) });
  if (own?.open === true) found.push({ run: correlation, type: own.type });
  let after: number | undefined;
  for (;;) {
    const heads = await store.heads({
      namespace,
      prefix: runStream(`${correlation}/`),
      open: true,
      order: "oldest",
      limit: RUNS_AT_ONCE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { stream, type } of heads) found.push({ run: stream.slice("run/".length), type });
    after = heads.at(-1)?.no;
    if (heads.length < RUNS_AT_ONCE) return found;
  }
}

async function give(core: Core, run: string, event: TopicEvent): Promise<void> {
  try {
    const actor = await actorOf(core, run);
    // Its id may begin with another correlation's by chance.
    if (actor.run.correlation !== event.correlation) return;
    const { facts, data, stream, seq } = event;
    const arrived = await new Promise<Arrived>((told) =>
      deliver(
        core,
        actor,
        { kind: "event", by: ROUTER, event: facts, from: { stream, seq }, data },
        told,
      ),
    );
    if (arrived.kind === "failed") throw arrived.error;
  } catch (error) {
    // It has ended meanwhile: nothing of it waits for the event any more.
    if (isBatonError(error, "RUN_FINISHED")) return;
    throw error;
  }
}
