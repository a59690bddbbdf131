/** Choreographies made by chance, and workflows beside them that publish and await events, from a seed. */
import {
  all,
  choreography,
  contract,
  type Json,
  on,
  type StepDefinition,
  to,
  topic,
  type WorkflowDefinition,
} from "baton";
import type { SimulationOptions } from "baton/testing";
import { z } from "zod";
import { type Dice, diceOf, digest, pick } from "./dice.ts";
import { anything, randomAgents } from "./random-agents.ts";
import { randomLimits } from "./random-limits.ts";
import { type EventTopics, made, type Making, randomOptions } from "./random-workflow.ts";

type RandomTopic = Extract<StepDefinition, { readonly kind: "emit" }>["topic"];
type Target = Parameters<typeof on>[1];
type Written = Parameters<typeof choreography>[2]["subscriptions"][string];

/** What a seed is about: one of them is started, or begun by an event. */
export interface RandomEventful {
  readonly main: WorkflowDefinition;
  readonly beside: readonly WorkflowDefinition[];
  readonly events: NonNullable<SimulationOptions["events"]>;
}

/** What is refused by its contract: a result is never that small. */
const odd = contract("odd", "1.0.0", z.int().min(0).max(2_000_000));
const ODD = -1;

/** A choreography, two of them, or a workflow with a choreography beside it. */
export function randomEventful(seed: number): RandomEventful {
  const dice = diceOf(seed ^ 0xb05);
  // Most seeds have no other limits: those are what random workflows are for.
  const limits = randomLimits(dice(3) === 0 ? seed : 0);
  const agents = randomAgents(dice, limits);
  const topics = randomTopics(dice);
  const [starts, ...others] = topics;
  if (starts === undefined) throw new Error("There is no topic to start with.");
  // What a child publishes may come back to its parent, and must not begin a run that has it again.
  const inChildren: EventTopics = { emitted: dice(2) === 0 ? others : [], awaited: others };
  const making: Making = {
    dice,
    limits,
    ...agents,
    ...(dice(2) === 0 ? { topics: inChildren } : {}),
    nested: 0,
  };
  const kind = dice(12);
  // Two choreographies hand each other events, and begin runs of each other: their chains are kept short.
  const isPair = kind === 0;
  const flow = randomChoreography(making, `dance-${seed}`, topics, isPair);
  const events = Array.from({ length: dice(3) === 0 ? 1 + dice(2) : 0 }, () => ({
    topic: pick(dice, others),
    data: 1 + dice(50),
  }));
  if (isPair) {
    const second = randomChoreography(making, `second-${seed}`, topics, isPair);
    return { main: flow, beside: [second], events };
  }
  if (kind > 4) return { main: flow, beside: [], events };
  const asks: Making = { ...making, topics: { emitted: topics, awaited: others }, nested: 100 };
  return { main: made(asks, `asks-${seed}`, 1), beside: [flow], events };
}

/** How the choreography of a seed is simulated. */
export function eventfulOptions(seed: number): SimulationOptions {
  const options = randomOptions(seed);
  const { faults } = options;
  return { ...options, faults: { ...faults, agentFailure: 0.1, pause: 0.2, rewind: 0.1 } };
}

function randomTopics(dice: Dice): readonly RandomTopic[] {
  return Array.from({ length: 3 + dice(3) }, (_, i) => {
    const keys = 1 + dice(3);
    const keyed =
      dice(2) === 0 ? { key: (data: unknown) => `k${digest(data as Json) % keys}` } : {};
    // The first one's data is what runs are started with.
    return topic(
      `t${i}`,
      (i === 0 || dice(2) > 0 ? anything : odd) as typeof anything,
      keyed,
    ) as RandomTopic;
  });
}

function randomChoreography(
  making: Making,
  name: string,
  topics: readonly RandomTopic[],
  isShort: boolean,
): WorkflowDefinition {
  const { dice } = making;
  const published = new Set(topics.slice(0, 1));
  const subscriptions: Record<string, Written> = {};
  for (let n = 0, count = 1 + dice(5); n < count; n += 1) {
    const sources = [...published];
    // Mostly to something new, so that chains come about; at times to something earlier, which is a loop.
    const targets = Array.from({ length: dice(3) }, () =>
      pick(dice, dice(5) === 0 ? topics : topics.slice(1)),
    );
    for (const each of targets) published.add(each);
    subscriptions[`on${n}`] = randomSubscription(making, sources, targets);
  }
  const ends = [...published].filter((each) => each !== topics[0]);
  const end = ends.length > 0 && dice(2) === 0 ? pick(dice, ends) : undefined;
  const failure = ends.length > 0 && dice(4) === 0 ? pick(dice, ends) : undefined;
  const timed = end !== undefined || dice(4) === 0;
  // The types of a choreography follow from what is written there; here it is written by chance.
  return choreography(name, "1.0.0", {
    starts: topics[0],
    ...(end === undefined ? {} : { ends: end }),
    ...(failure === undefined || failure === end ? {} : { failsOn: failure }),
    ...(timed ? { deadline: pick(dice, ["5s", "20s", "1h", "48h"]) } : {}),
    ...(isShort || dice(2) === 0 ? { hops: 1 + dice(isShort ? 2 : 4) } : {}),
    events: 3 + dice(isShort ? 10 : 25),
    ...(dice(3) === 0 ? { concurrency: 1 + dice(2) } : {}),
    subscriptions,
  } as never) as WorkflowDefinition;
}

function randomSubscription(
  making: Making,
  sources: readonly RandomTopic[],
  targets: readonly RandomTopic[],
): Written {
  const { dice } = making;
  const isSet = sources.length > 1 && dice(3) === 0;
  const source = isSet
    ? all(Object.fromEntries(sources.slice(-2 - dice(2)).map((each) => [`of-${each.name}`, each])))
    : pick(dice, sources);
  const refuses = dice(5);
  const options = {
    input: inputOf(dice),
    ...(dice(4) === 0 ? { when: (view: View) => digestOf(view) % 3 > 0 } : {}),
    ...(refuses === 0
      ? { requires: { "it is no fifth": (view: View) => digestOf(view) % 5 > 0 } }
      : {}),
    ...(targets.length === 0 ? {} : { publishes: targets.map((each) => publication(dice, each)) }),
    onRefused: pick(dice, ["deadLetter", "skip", "skip", "fail"]),
    onFailure: pick(dice, ["deadLetter", "skip", "fail"]),
    ...(isSet && dice(4) > 0 ? { within: pick(dice, ["2s", "20s", "1h", "10h"]) } : {}),
    ...(isSet && dice(2) === 0 ? { onMissing: "goOn" } : {}),
  };
  // See randomChoreography: what fits is known by how it is made, not by its types.
  return on(source as never, targetOf(making) as never, options as never) as Written;
}

type View = Readonly<Record<string, Json | undefined>>;

function digestOf(view: View): number {
  return digest(Object.entries(view).map(([name, data]) => [name, data ?? null]));
}

/** What an agent is given depends on all that it was told; at times the mapping throws. */
function inputOf(dice: Dice): (view: View) => Json {
  const throws = dice(8) === 0;
  return (view) => {
    if (throws && digestOf(view) % 5 === 0) throw new Error("This event is not understood.");
    return digestOf(view) % 1_000;
  };
}

function targetOf(making: Making): Target {
  const { dice } = making;
  if (dice(3) > 0) return pick(dice, making.all) as unknown as Target;
  making.nested += 1;
  return made(making, `part-${making.nested}`, 2) as unknown as Target;
}

/** An event of what was given: always, now and then, or of something that may break the topic's contract. */
function publication(dice: Dice, each: RandomTopic): unknown {
  const salt = dice(7);
  const kind = dice(4);
  if (kind === 0 && each.contract === anything) return each;
  const data = (output: Json): Json | undefined => {
    const drawn = digest([output, salt]);
    if (kind === 1 && drawn % 3 === 0) return undefined;
    if (kind === 2 && drawn % 4 === 0) return ODD;
    return drawn % 500;
  };
  return to(each as never, data as never);
}
