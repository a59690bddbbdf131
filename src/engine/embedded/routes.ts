/**
 * Routes: events that concern runs which are there already. A workflow that awaits an event, and a choreography that subscribes
 * to its topic, take it where the correlation id is theirs.
 *
 * O1. An event that was published is received by every open run of its correlation that takes it, however often either side
 *     dies: what was received counts once, by the event's id.
 * O2. Two runs of one choreography don't hear of each other, though they have one correlation id.
 */
import type { Author } from "../../model/entry.ts";
import type { IntakeRecord } from "../../model/event-facts.ts";
import { runStream } from "../../model/entry.ts";
import { isBatonError } from "../../model/errors.ts";
import type { WorkflowDefinition } from "../../model/workflow-definition.ts";
import { headPages } from "../head-pages.ts";
import { eventsAfter, type TopicEvent } from "../topic-events.ts";
import type { Arrived, Core } from "./core.ts";
import { deliver } from "./inbox.ts";
import { type Place, placeOf } from "./places.ts";
import { actorOf } from "./runs.ts";
import { watchTopic } from "./topic-reader.ts";

const RETRY_MS = 1_000;
const PLACE_EVERY = 500;
const PASSED_AT_ONCE = 500;
const ROUTER: Author = { kind: "engine", id: "baton" };

export interface Routes {
  open(): Promise<void>;
  stop(): Promise<void>;
}

interface Route {
  readonly core: Core;
  readonly topic: string;
  /** Names of the workflows whose runs take the topic. */
  readonly takers: ReadonlySet<string>;
  readonly place: Place;
  read: number;
  written: number;
  /** Events since it was read last that concern nobody. */
  passed: number;
  pumping: boolean;
  again: boolean;
  leave: () => void;
}

export function routes(core: () => Core): Routes {
  const all: Route[] = [];
  return {
    open: async () => {
      for (const [topic, takers] of routedTopics(core().catalogue.workflows.values()))
        all.push(await openRoute(core(), topic, takers));
      for (const route of all) pump(route);
    },
    stop: async () => {
      for (const route of all) route.leave();
      await Promise.all(all.map((route) => keep(route).catch(() => {})));
    },
  };
}

/** Topics of which runs take events that other streams have, with the names of their workflows. */
function routedTopics(
  workflows: Iterable<WorkflowDefinition>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const topics = new Map<string, Set<string>>();
  for (const definition of workflows) {
    for (const topic of takenBy(definition)) {
      const takers = topics.get(topic) ?? new Set<string>();
      topics.set(topic, takers.add(definition.name));
    }
  }
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

async function openRoute(core: Core, topic: string, takers: ReadonlySet<string>): Promise<Route> {
  const place = await placeOf(core, `to-runs.${topic}`);
  const position = place.record()?.position ?? 0;
  const route: Route = {
    core,
    topic,
    takers,
    place,
    read: position,
    written: position,
    passed: 0,
    pumping: false,
    again: false,
    leave: () => {},
  };
  route.leave = watchTopic(core, topic, (publisher) => told(route, publisher));
  return route;
}

/** What concerns nobody but the run that has published it is passed over, many at a time. */
function told(route: Route, publisher: string | undefined): void {
  const { takers } = route;
  if (publisher !== undefined && takers.size === 1 && takers.has(publisher)) {
    route.passed += 1;
    if (route.passed < PASSED_AT_ONCE) return;
  }
  pump(route);
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
      route.passed = 0;
      const page = await eventsAfter(core, topic, route.read);
      if (page.length === 0) return;
      for (const event of page) {
        if (isOver(route)) return;
        await hand(route, event);
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

/**
 * Hands an event to every open run of its correlation that takes it (O1). What a run of a choreography has published is
 * delivered in that run, and is nothing to other runs of the same one (O2).
 */
async function hand({ core, takers }: Route, event: TopicEvent): Promise<void> {
  const publisher = await choreographyOf(core, event);
  const isTaken = [...takers].some((name) => name !== publisher);
  if (!isTaken) return;
  for (const { run, type } of await openRuns(core, event.correlation)) {
    if (runStream(run) === event.stream) continue;
    // A run whose code is not here may take it once that is back.
    const definition = core.catalogue.workflows.get(type);
    if (definition !== undefined && !takenBy(definition).includes(event.facts.topic)) continue;
    if (definition?.choreography !== undefined && definition.name === publisher) continue;
    await give(core, run, event);
  }
}

/** The choreography of which a run has published the event, here or elsewhere; undefined where it was something else. */
export async function choreographyOf(
  core: Core,
  { stream, facts }: TopicEvent,
): Promise<string | undefined> {
  if (facts.origin !== undefined) return facts.origin.choreography;
  if (!stream.startsWith("run/")) return undefined;
  const known = core.actors.get(stream.slice("run/".length))?.run.definition;
  if (known !== undefined) return known.choreography === undefined ? undefined : known.name;
  const head = await core.store.head({ namespace: core.namespace, stream });
  const definition = core.catalogue.workflows.get(head?.type ?? "");
  return definition?.choreography === undefined ? undefined : definition.name;
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
