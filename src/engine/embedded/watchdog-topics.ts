/**
 * Readers of topics that stand still: intakes, which begin runs, and routes, which hand events to runs that are there already.
 * What they should have read follows from the journal; what they do is in memory; this holds the two against each other.
 */
import { isBatonError } from "../../model/errors.ts";
import type { StandingReason } from "../health.ts";
import { recordedSubscriptions, routeName } from "../subscriptions.ts";
import { eventsAfter } from "../topic-events.ts";
import { firstUntaken } from "../untaken.ts";
import type { Core } from "./core.ts";
import { type Intake, pump as pumpIntake } from "./intake.ts";
import { isOverloaded } from "./overload.ts";
import { pump as pumpRoute, type Route } from "./routes.ts";

/** A reader that seems to stand still. Equal signs at two looks mean that nothing has moved in between. */
export interface TopicFinding {
  readonly subscription: string;
  readonly topic: string;
  readonly reason: StandingReason;
  readonly message: string;
  readonly sign: unknown;
  readonly heal?: () => void;
}

/** A page of a topic takes milliseconds. */
const SILENT_MS = 1_000;
/** Runs of a choreography that is not here would begin so many at a time, as far as is known. */
const CONCURRENCY_UNKNOWN = Number.POSITIVE_INFINITY;

/** What seems to be wrong with readers of topics. */
export async function topicFindings(core: Core): Promise<readonly TopicFinding[]> {
  const found: (TopicFinding | undefined)[] = [];
  for (const intake of core.intakes.all()) {
    found.push(
      await looked(core, intake.name, intake.part.starts.name, () => intakeFinding(intake)),
    );
    found.push(notBegun(intake));
  }
  for (const route of core.routes.all())
    found.push(await looked(core, routeName(route.topic), route.topic, () => routeFinding(route)));
  found.push(...(await withoutCode(core)));
  return found.filter((each) => each !== undefined);
}

/** A topic that can't be read, or whose store is silent, is told of by the name of who reads it; a store that fails is told of once. */
async function looked(
  core: Core,
  subscription: string,
  topic: string,
  look: () => Promise<TopicFinding | undefined>,
): Promise<TopicFinding | undefined> {
  let cancel: () => void = () => {};
  const silence = new Promise<TopicFinding>((found) => {
    const message = `The store does not give its topic ${topic}.`;
    const finding = { subscription, topic, reason: "storeSilent", message, sign: topic } as const;
    cancel = core.clock.after(SILENT_MS, () => found(finding), true);
  });
  try {
    return await Promise.race([look(), silence]);
  } catch (error) {
    if (!isBatonError(error) || error.code === "STORE_FAILED") throw error;
    const { message, code } = error;
    return { subscription, topic, reason: "unreadable", message, sign: code };
  } finally {
    cancel();
  }
}

async function intakeFinding(intake: Intake): Promise<TopicFinding | undefined> {
  const { core, name: subscription, part, record, stopped, turn, read } = intake;
  // Where all places are taken, or too many events of a key wait, the next one waits as it should.
  if (stopped || record.paused || intake.awaitsPlace) return undefined;
  const topic = part.starts.name;
  const base = { subscription, topic, sign: `${turn} ${read}` } as const;
  if (intake.pumping) {
    const message = `It asked the store for events of ${topic} after position ${read}, and got no answer.`;
    return { ...base, reason: "storeSilent", message };
  }
  const [next] = await eventsAfter(core, topic, read, 1);
  if (next === undefined) return undefined;
  const message = `It could take event ${next.facts.id} of ${topic}, and does not read on.`;
  return { ...base, reason: "notReading", message, heal: () => pumpIntake(intake) };
}

/** An event that has a place, and whose run the store has not begun. While the process is overloaded it waits as it should. */
function notBegun({ core, name: subscription, part, underWay }: Intake): TopicFinding | undefined {
  if (isOverloaded(core)) return undefined;
  for (const taken of underWay) {
    if (!taken.counts || taken.run !== undefined) continue;
    const topic = part.starts.name;
    const message = `It has taken the event of ${topic} at position ${taken.position}, and the run of it has not begun.`;
    return { subscription, topic, reason: "notBegun", message, sign: taken };
  }
  return undefined;
}

async function routeFinding(route: Route): Promise<TopicFinding | undefined> {
  const { core, topic, takers, read } = route;
  const base = { subscription: routeName(topic), topic, sign: read } as const;
  const to = `the runs of ${[...takers].sort().join(" and ")}`;
  if (route.pumping) {
    const message = `Events of ${topic} after position ${read} are being handed to ${to}, and the store gives no answer.`;
    return { ...base, reason: "storeSilent", message };
  }
  const [next] = await eventsAfter(core, topic, read, 1);
  if (next === undefined) return undefined;
  if (route.passed > 0) {
    // They concern nobody, and are left unread until there are many: what should be read would not be seen among them.
    pumpRoute(route);
    return undefined;
  }
  const message = `Event ${next.facts.id} of ${topic} is not handed to ${to}.`;
  return { ...base, reason: "notReading", message, heal: () => pumpRoute(route) };
}

/** Subscriptions that the journal has and that no code here takes up. One that nobody wants any more can be paused. */
async function withoutCode(core: Core): Promise<readonly (TopicFinding | undefined)[]> {
  const found: (TopicFinding | undefined)[] = [];
  const here = new Set([...core.intakes.all()].map(({ name }) => name));
  for (const [subscription, record] of await recordedSubscriptions(core)) {
    if (here.has(subscription)) continue;
    const { topic } = record;
    const look = async (): Promise<TopicFinding | undefined> => {
      const waiting = await firstUntaken(core, subscription, record, CONCURRENCY_UNKNOWN);
      if (waiting === undefined) return undefined;
      const { id: sign } = waiting.facts;
      const message = `Event ${sign} of ${topic} waits for it, and its choreography is not among the workflows here.`;
      return { subscription, topic, reason: "noCode", message, sign };
    };
    found.push(await looked(core, subscription, topic, look));
  }
  return found;
}
