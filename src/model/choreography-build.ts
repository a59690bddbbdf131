/** From subscriptions as they were written to a choreography that can be started, or to one error with all of its problems. */
import { compatibility } from "./compatibility.ts";
import type { AnyContract } from "./contract.ts";
import { parseIsoTime } from "./iso-time.ts";
import type { Json } from "./json.ts";
import { isAgentName, isStepName, isVersion } from "./naming.ts";
import { type Reader, reader } from "./option-reader.ts";
import { definitionInvalid, isAgent, isContract, isWorkflow } from "./problems.ts";
import { isTopic, type TopicDefinition } from "./topic.ts";
import { partProblems } from "./workflow-checks.ts";
import type {
  ChoreographyPart,
  DeliveryPolicy,
  Publication,
  SubscriptionStep,
  View,
  WorkflowDefinition,
} from "./workflow-definition.ts";
import { requiresOf } from "./workflow-steps.ts";

/** A chain of sixteen events is longer than people can follow; a longer one is a loop more often than not. */
const HOPS_DEFAULT = 16;
/** As many as there are places to execute: more would only wait. */
const CONCURRENCY_DEFAULT = 1_000;
/** More events in one run are a storm. */
const EVENTS_DEFAULT = 10_000;

const OPTIONS: ReadonlySet<string> = new Set([
  "starts",
  "ends",
  "failsOn",
  "deadline",
  "description",
  "hops",
  "events",
  "from",
  "concurrency",
  "subscriptions",
]);
const SUBSCRIPTION_OPTIONS: ReadonlySet<string> = new Set([
  "when",
  "requires",
  "input",
  "publishes",
  "onRefused",
  "onFailure",
  "within",
  "onMissing",
]);

/**
 * The finished choreography.
 * @throws BatonError `DEFINITION_INVALID` with all problems in `details.problems`.
 */
export function buildChoreography(header: {
  readonly name: string;
  readonly version: string;
  readonly options: object;
}): WorkflowDefinition {
  const { name, version } = header;
  const id = `${name}@${version}`;
  const problems: string[] = [];
  if (!isAgentName(name))
    problems.push(`The name "${name}" is not lower-case letters, digits, dashes and dots.`);
  if (!isVersion(version))
    problems.push(`The version "${version}" is not a semantic version such as "1.0.0".`);
  const read = reader("the choreography", header.options, OPTIONS, problems);
  const ends = {
    starts: topicOf(read, "starts", true),
    ends: topicOf(read, "ends", false),
    failsOn: topicOf(read, "failsOn", false),
  };
  const deadlineMs = read.duration("deadline");
  if (ends.ends !== undefined && deadlineMs === undefined)
    problems.push(
      "It has `ends` and no `deadline`: a run whose end never comes would wait for it.",
    );
  const concurrency = read.whole("concurrency", 1, CONCURRENCY_DEFAULT) ?? CONCURRENCY_DEFAULT;
  const from = fromOf(read);
  const hopsMax = read.whole("hops", 1, HOPS_DEFAULT) ?? HOPS_DEFAULT;
  const eventsMax = read.whole("events", 1, EVENTS_DEFAULT) ?? EVENTS_DEFAULT;
  const steps = subscriptionsOf(read, problems);
  problems.push(...connectionProblems(steps, ends), ...contractProblems(steps));
  const { starts } = ends;
  if (starts === undefined || problems.length > 0)
    throw definitionInvalid(`choreography "${id}"`, problems);
  const description = read.field("description");
  const definition: WorkflowDefinition = Object.freeze({
    name,
    version,
    id,
    ...(typeof description === "string" ? { description } : {}),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    input: starts.contract,
    ...(ends.ends === undefined ? {} : { output: ends.ends.contract }),
    choreography: partOf(steps, { ...ends, starts }, { hopsMax, eventsMax, concurrency, from }),
    steps: Object.freeze(steps),
    stepByName: new Map(steps.map((step) => [step.name, step])),
    dependents: new Map(),
    // What a run gives is the data of its end; see decide/choreography.ts.
    project: noOutput,
  });
  problems.push(...partProblems(definition));
  if (problems.length > 0) throw definitionInvalid(`choreography "${id}"`, problems);
  return definition;
}

function noOutput(): null {
  return null;
}

interface Ends {
  readonly starts: TopicDefinition | undefined;
  readonly ends: TopicDefinition | undefined;
  readonly failsOn: TopicDefinition | undefined;
}

function partOf(
  steps: readonly SubscriptionStep[],
  { starts, ends, failsOn }: Ends & { readonly starts: TopicDefinition },
  more: Pick<ChoreographyPart, "hopsMax" | "eventsMax" | "concurrency" | "from">,
): ChoreographyPart {
  const topics = new Map<string, TopicDefinition>();
  const subscribers = new Map<string, SubscriptionStep[]>();
  for (const each of [starts, ends, failsOn]) if (each !== undefined) topics.set(each.name, each);
  for (const step of steps) {
    for (const topic of step.topics.values()) {
      topics.set(topic.name, topic);
      subscribers.set(topic.name, [...(subscribers.get(topic.name) ?? []), step]);
    }
    for (const { topic } of step.publishes) topics.set(topic.name, topic);
  }
  return Object.freeze({
    starts,
    ...(ends === undefined ? {} : { ends }),
    ...(failsOn === undefined ? {} : { failsOn }),
    topics,
    subscribers,
    ...more,
  });
}

function fromOf(read: Reader): ChoreographyPart["from"] {
  const given = read.field("from") ?? "now";
  if (given === "now" || given === "beginning") return given;
  try {
    if (typeof given === "string") return parseIsoTime(given);
  } catch {
    // Said below.
  }
  read.problem('has a `from` that is neither "now" nor "beginning" nor an ISO time');
  return "now";
}

function topicOf(read: Reader, key: string, isNeeded: boolean): TopicDefinition | undefined {
  const value = read.field(key);
  if (isTopic(value)) return value;
  if (isNeeded || value !== undefined) read.problem(`has \`${key}\` that is not a topic`);
  return undefined;
}

function subscriptionsOf(read: Reader, problems: string[]): readonly SubscriptionStep[] {
  const given = read.field("subscriptions");
  if (typeof given !== "object" || given === null || Object.keys(given).length === 0) {
    read.problem("has no `subscriptions`");
    return [];
  }
  return Object.entries(given).flatMap(([name, value]) => {
    const step = readSubscription(name, value, problems);
    return step === undefined ? [] : [step];
  });
}

/** A subscription as it was written, made into what the engine sees; undefined where that is impossible, with a problem. */
export function readSubscription(
  name: string,
  value: unknown,
  problems: string[],
): SubscriptionStep | undefined {
  if (!isStepName(name))
    problems.push(
      `The subscription's name "${name}" is not letters, digits, dashes and underscores.`,
    );
  const written = writtenOf(value);
  if (written === undefined) {
    problems.push(`"${name}" is not a subscription: write on(topic, agent, { ... }).`);
    return undefined;
  }
  const found: string[] = [];
  const read = reader(`subscription "${name}"`, written.options, SUBSCRIPTION_OPTIONS, found);
  const topics = sourceOf(read, written.source);
  const isSet = topics !== undefined && isTopicSet(written.source);
  const target = targetOf(read, written.target);
  const input = read.field("input") === undefined ? undefined : read.fn("input");
  const when = read.field("when") === undefined ? undefined : read.fn("when");
  const publishes = publicationsOf(read);
  const withinMs = read.duration("within");
  if (isSet && input === undefined)
    read.problem("takes events of several topics, and has no `input`");
  if (!isSet && (withinMs !== undefined || read.field("onMissing") !== undefined))
    read.problem("takes events of one topic: `within` and `onMissing` are for several");
  const onMissing = read.oneOf("onMissing", ["fail", "goOn"]);
  const step = {
    kind: "subscription" as const,
    name,
    needs: [],
    ...(when === undefined ? {} : { when: when as (view: View) => boolean }),
    requires: requiresOf(read),
    onRefused: { kind: "fail" as const },
    onRefusal: policyOf(read, "onRefused"),
    onFailure: policyOf(read, "onFailure"),
    ...(withinMs === undefined ? {} : { withinMs }),
    ...(onMissing === "goOn" ? { onMissing: "goOn" as const } : {}),
    input: (input ?? eventItself) as SubscriptionStep["input"],
    publishes,
  };
  problems.push(...found);
  if (topics === undefined || target === undefined || found.length > 0) return undefined;
  return Object.freeze({ ...step, topics, target });
}

function eventItself({ event }: View): Json | undefined {
  return event;
}

/** Whether a subscription hands the event's data over as it is. */
export function isPassedOn({ input }: SubscriptionStep): boolean {
  return input === eventItself;
}

interface Written {
  readonly source: unknown;
  readonly target: unknown;
  readonly options: unknown;
}

function writtenOf(value: unknown): Written | undefined {
  if (typeof value !== "object" || value === null || !("written" in value)) return undefined;
  const { written } = value;
  if (typeof written !== "object" || written === null) return undefined;
  return "source" in written && "target" in written && "options" in written ? written : undefined;
}

function isTopicSet(value: unknown): value is { readonly topics: object } {
  return typeof value === "object" && value !== null && "topics" in value;
}

function sourceOf(read: Reader, source: unknown): ReadonlyMap<string, TopicDefinition> | undefined {
  if (isTopic(source)) return new Map([["event", source]]);
  const set: object = isTopicSet(source) ? source.topics : {};
  const topics = new Map<string, TopicDefinition>();
  for (const [key, topic] of Object.entries(set)) if (isTopic(topic)) topics.set(key, topic);
  const names = new Set([...topics.values()].map(({ name }) => name));
  if (topics.size < 2 || topics.size < Object.keys(set).length || names.size < topics.size) {
    read.problem("was given neither a topic nor two or more different ones by all({ ... })");
    return undefined;
  }
  return topics;
}

function targetOf(read: Reader, target: unknown): SubscriptionStep["target"] | undefined {
  if (isAgent(target)) return { kind: "agent", agent: target };
  if (isWorkflow(target)) return { kind: "workflow", workflow: target };
  read.problem("was given neither an agent nor a workflow");
  return undefined;
}

function publicationsOf(read: Reader): readonly Publication[] {
  const given = read.field("publishes");
  const list: readonly unknown[] =
    given === undefined ? [] : Array.isArray(given) ? given : [given];
  return list.flatMap((each): readonly Publication[] => {
    if (isTopic(each)) return [{ topic: each, data: outputItself }];
    if (typeof each === "object" && each !== null && "topic" in each && "data" in each) {
      const { topic, data } = each;
      // It is given what was checked: the output, and the data of events.
      if (isTopic(topic) && typeof data === "function")
        return [{ topic, data: data as Publication["data"] }];
    }
    read.problem("publishes something that is neither a topic nor made by to(topic, data)");
    return [];
  });
}

function outputItself(output: Json): Json {
  return output;
}

function policyOf(read: Reader, key: string): DeliveryPolicy {
  const kind = read.oneOf(key, ["deadLetter", "skip", "fail"]);
  // Where it is another word there is a problem already.
  return { kind: (kind ?? "deadLetter") as DeliveryPolicy["kind"] };
}

/** What is subscribed to must be published by somebody, and so must the end. */
function connectionProblems(steps: readonly SubscriptionStep[], ends: Ends): readonly string[] {
  const published = new Set(
    steps.flatMap(({ publishes }) => publishes.map((each) => each.topic.name)),
  );
  if (ends.starts !== undefined) published.add(ends.starts.name);
  const problems: string[] = [];
  for (const { name, topics } of steps) {
    for (const topic of topics.values()) {
      if (!published.has(topic.name))
        problems.push(`Subscription "${name}" takes "${topic.name}", which nobody publishes.`);
    }
  }
  if (ends.ends !== undefined && !published.has(ends.ends.name))
    problems.push(`The choreography ends with "${ends.ends.name}", which nobody publishes.`);
  return problems;
}

/** Two topics of one name, and data that its taker would refuse. */
function contractProblems(steps: readonly SubscriptionStep[]): readonly string[] {
  const problems: string[] = [];
  const known = new Map<string, TopicDefinition>();
  for (const { topics, publishes } of steps) {
    for (const topic of [...topics.values(), ...publishes.map((each) => each.topic)]) {
      const other = known.get(topic.name);
      if (other !== undefined && other.contract !== topic.contract)
        problems.push(
          `There are two topics "${topic.name}", with ${other.contract.id} and ${topic.contract.id}.`,
        );
      known.set(topic.name, topic);
    }
  }
  for (const step of steps) {
    const { name, target, topics, publishes } = step;
    const { input, output } = target.kind === "agent" ? target.agent : target.workflow;
    const [topic] = topics.values();
    if (isPassedOn(step) && topic !== undefined)
      problems.push(...misfit(`Subscription "${name}" hands`, topic.contract, input));
    for (const each of publishes) {
      if (each.data === outputItself && isContract(output))
        problems.push(...misfit(`Subscription "${name}" publishes`, output, each.topic.contract));
    }
  }
  return problems;
}

/** A proof that values of one contract are refused by the other; what can't be decided is seen when it happens. */
function misfit(what: string, from: AnyContract, into: AnyContract): readonly string[] {
  if (from === into) return [];
  const { verdict, problems } = compatibility(from, into, "backward");
  if (verdict !== "broken") return [];
  const broken = problems.find((each) => each.verdict === "broken");
  return [`${what} ${from.id} to ${into.id}: ${broken?.message ?? "it would be refused"}`];
}
