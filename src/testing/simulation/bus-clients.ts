/** Those who use a simulated system from outside the runs: they publish, and pause, resume and rewind what takes events. */
import type { Baton } from "../../engine/baton.ts";
import { wholeAt } from "./chance.ts";
import { type Desk, insistOn, later, PERSON } from "./desk.ts";

const PUBLISH_MS = [0, 8_000] as const;
const OPERATE_MS = [500, 8_000] as const;
const PAUSE_MS = [500, 15_000] as const;

/** Publishes an event, and notes that it was told so. */
export async function publishAs(
  desk: Desk,
  baton: Baton,
  event: {
    readonly id: string;
    readonly topic: string;
    readonly data: unknown;
    readonly correlation?: string;
  },
): Promise<void> {
  const { id, topic, data, correlation } = event;
  const more = correlation === undefined ? {} : { correlation };
  await baton.publishUntyped(topic, data, { id, ...more });
  desk.world.published.set(id, event);
}

/** Events from outside that concern the runs of one beginning; each at some moment, at times twice with the same id. */
export function publishBeside(desk: Desk, correlation: string): void {
  const { seed, schedule, events } = desk.world.plan;
  for (const [n, { topic, data }] of events.entries()) {
    const id = `${correlation}.${n}`;
    const give = () =>
      void insistOn(desk, `The event ${id}`, (baton) =>
        publishAs(desk, baton, { id, topic: topic.name, data, correlation }),
      );
    later(desk, wholeAt(seed, ...PUBLISH_MS, "publish", id), give);
    if (schedule.strikes("duplicate", `event ${id}`))
      later(desk, wholeAt(seed, ...PUBLISH_MS, "publish again", id), give);
  }
}

/** An operator pauses subscriptions and resumes them after a while, or has all events gone over again. */
export function operateSubscriptions(desk: Desk): void {
  const { seed, schedule, workflows } = desk.world.plan;
  const because = { by: PERSON, reason: "simulated" };
  for (const { name, choreography } of workflows) {
    if (choreography === undefined) continue;
    if (schedule.strikes("pause", name)) {
      const resume = () =>
        later(desk, wholeAt(seed, ...PAUSE_MS, "resumes", name), () => {
          void insistOn(desk, `The resumption of ${name}`, (baton) =>
            baton.resumeSubscription(name, because),
          );
        });
      later(desk, wholeAt(seed, ...OPERATE_MS, "pauses", name), () => {
        void insistOn(desk, `The pause of ${name}`, (baton) =>
          baton.pauseSubscription(name, because),
        ).then(resume);
      });
    }
    if (schedule.strikes("rewind", name)) {
      later(desk, wholeAt(seed, ...OPERATE_MS, "rewinds", name), () => {
        void insistOn(desk, `The rewinding of ${name}`, (baton) =>
          baton.rewindSubscription(name, { ...because, position: 0 }),
        );
      });
    }
  }
}
