/**
 * Routes: events that concern runs of their own. A workflow that awaits an event, and a choreography that subscribes to its topic,
 * take it where the correlation id is theirs.
 *
 * O1. An event that was published is received by every open run of its correlation that takes it, however often either side
 *     dies: what was received counts once, by the event's id.
 * O2. Two runs of one choreography don't hear of each other, though they have one correlation id.
 */
import { ENGINE } from "../../decide/turn.ts";
import type { IntakeRecord } from "../../model/event-facts.ts";
import type { LabelledEntry } from "../../ports/journal-store.ts";
import { routeName } from "../subscriptions.ts";
import { arrivedAfter, eventOf } from "../topic-events.ts";
import type { Core } from "./core.ts";
import { routedTopics } from "./event-takers.ts";
import { type Place, placeOf } from "./places.ts";
import { hand, publisherOf } from "./routing.ts";
import { watchTopic } from "./topic-reader.ts";

const RETRY_MS = 1_000;
const PLACE_EVERY = 500;
const PASSED_AT_ONCE = 500;

export interface Routes {
  open(): Promise<void>;
  all(): Iterable<Route>;
  stop(): Promise<void>;
}

export interface Route {
  readonly core: Core;
  readonly topic: string;
  /** Names of the workflows whose runs take the topic. */
  readonly takers: ReadonlySet<string>;
  readonly place: Place;
  read: number;
  written: number;
  /** Positions of events after which runs are going back. */
  readonly unwinding: Set<number>;
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
    all: () => all,
    stop: async () => {
      for (const route of all) route.leave();
      await Promise.all(all.map((route) => keep(route).catch(() => {})));
    },
  };
}

async function openRoute(core: Core, topic: string, takers: ReadonlySet<string>): Promise<Route> {
  const place = await placeOf(core, routeName(topic));
  const position = place.record()?.position ?? 0;
  const route: Route = {
    core,
    topic,
    takers,
    place,
    read: position,
    written: position,
    unwinding: new Set(),
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
  if (!isTaken(route, publisher)) {
    route.passed += 1;
    if (route.passed < PASSED_AT_ONCE) return;
  }
  pump(route);
}

/** Reads on, and hands over what is there, until there is nothing more to read. */
export function pump(route: Route): void {
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
      const page = await arrivedAfter(core, topic, route.read);
      if (page.length === 0) return;
      for (const arrived of page) {
        if (isOver(route)) return;
        const publisher = publisherOf(core, arrived);
        if (isTaken(route, publisher)) await handOver(route, arrived, publisher);
        route.read = arrived.position;
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

/** Whether runs of anything but its publisher take the topic. */
function isTaken({ takers }: Route, publisher: string | undefined): boolean {
  return publisher === undefined || takers.size > 1 || !takers.has(publisher);
}

async function handOver(
  route: Route,
  arrived: LabelledEntry,
  publisher: string | undefined,
): Promise<void> {
  const { core, takers } = route;
  const left = await hand(core, takers, await eventOf(core, arrived), publisher);
  if (left !== undefined) awaitUnwound(route, arrived.position, left.unwound);
}

function awaitUnwound(route: Route, position: number, unwound: Promise<void>): void {
  route.unwinding.add(position);
  void unwound.then(() => {
    route.unwinding.delete(position);
    return keep(route).catch(() => {});
  });
}

/** Writes down how far everything has been handed over, and all that was to go back has gone back. */
async function keep(route: Route): Promise<void> {
  const { place, topic, read, unwinding } = route;
  const position = Math.min(read, ...[...unwinding].map((each) => each - 1));
  if (position === route.written) return;
  route.written = position;
  const record: IntakeRecord = { topic, position, generation: 0, paused: false };
  const kind = place.record() === undefined ? "subscription.opened" : "subscription.moved";
  await place.say(kind, record, ENGINE);
}
