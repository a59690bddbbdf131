/**
 * Subscriptions that the journal has, and whose choreography is not among the workflows here. They take nothing; what people do to
 * them is written down for the process that has the choreography. One that nobody wants any more is paused: then no event waits for it.
 */
import type { IntakeRecord } from "../../model/event-facts.ts";
import { subscriptionStream } from "../../model/event-facts.ts";
import type { IntakeChange, IntakeSnapshot } from "../baton.ts";
import { isNoSubscription, recordedSnapshot, recordedSubscriptions } from "../subscriptions.ts";
import type { Core } from "./core.ts";
import { type PlaceKind, placeOf } from "./places.ts";

/** Writes down what a person does to such a subscription; false where the journal has none of that name. */
export async function changeRecorded(
  core: Core,
  name: string,
  { to, by, reason }: IntakeChange,
): Promise<boolean> {
  const { store, namespace } = core;
  if (
    isNoSubscription(name) ||
    (await store.head({ namespace, stream: subscriptionStream(name) })) === undefined
  )
    return false;
  const place = await placeOf(core, name);
  const known = place.record();
  if (known === undefined) return false;
  const [kind, record] = changed(known, to);
  await place.say(kind, { ...record, reason }, by);
  return true;
}

/** How they stand. */
export async function recordedSnapshots(
  core: Core,
  here: { has(name: string): boolean },
): Promise<readonly IntakeSnapshot[]> {
  const snapshots: IntakeSnapshot[] = [];
  for (const [name, record] of await recordedSubscriptions(core))
    if (!here.has(name)) snapshots.push(await recordedSnapshot(core, name, record));
  return snapshots;
}

function changed(known: IntakeRecord, to: IntakeChange["to"]): readonly [PlaceKind, IntakeRecord] {
  switch (to.kind) {
    case "paused":
      return ["subscription.paused", { ...known, paused: true }];
    case "resumed":
      return ["subscription.resumed", { ...known, paused: false }];
    case "rewound": {
      const { position = 0 } = to;
      return ["subscription.rewound", { ...known, position, generation: known.generation + 1 }];
    }
  }
}
