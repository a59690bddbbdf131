/** Topics, who publishes and who takes, as an AsyncAPI 3 document. It follows from the code alone. */
import { BatonError } from "../model/errors.ts";
import { type Json, type JsonObject, sealJson } from "../model/json.ts";
import type { AnyContract } from "../model/contract.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type { WorkflowDefinition } from "../model/workflow-definition.ts";
import { workflowsOf } from "../model/workflow-parts.ts";
import { type DeclaredTopic, declaredTopics } from "./topics.ts";

/** What an AsyncAPI document is made of. */
export interface AsyncApiOptions {
  readonly title: string;
  /** Of what the document describes. */
  readonly version: string;
  readonly description?: string;
  readonly workflows: readonly WorkflowDefinition[];
  /** Topics that no workflow names. */
  readonly topics?: readonly TopicDefinition[];
}

const ASYNCAPI_VERSION = "3.0.0";

/**
 * An AsyncAPI 3 document: a channel for each topic, its contract (each version of it) as a message whose headers are the
 * attributes of a CloudEvent, and an operation for each that publishes (`send`) or takes (`receive`).
 *
 * @throws BatonError DEFINITION_INVALID where two topics of one name differ.
 */
export function asyncApi(options: AsyncApiOptions): JsonObject {
  const { title, version, description, workflows, topics: given = [] } = options;
  const problems: string[] = [];
  const all = withNested(workflows);
  const topics = declaredTopics(all, given, problems);
  if (problems.length > 0)
    throw new BatonError("DEFINITION_INVALID", problems.join(" "), { details: { problems } });
  const document = {
    asyncapi: ASYNCAPI_VERSION,
    info: { title, version, ...(description === undefined ? {} : { description }) },
    defaultContentType: "application/json",
    channels: Object.fromEntries([...topics].map(([name, topic]) => [name, channelOf(topic)])),
    operations: operationsOf(topics),
    components: {
      messages: messagesOf(topics),
      messageTraits: { cloudEvent: { headers: HEADERS, correlationId: CORRELATION } },
    },
    ...choreographiesOf(all),
  };
  // An object that is sealed is a JSON object.
  return sealJson(document, "AsyncAPI document") as JsonObject;
}

/** Binary mode: the data is the payload, the attributes are headers. */
const HEADERS: JsonObject = {
  type: "object",
  required: ["ce-id", "ce-source", "ce-specversion", "ce-type", "ce-time", "ce-correlationid"],
  properties: {
    "ce-specversion": { type: "string", const: "1.0" },
    "ce-id": { type: "string", minLength: 1, description: "Unique: an event of it counts once." },
    "ce-source": {
      type: "string",
      format: "uri-reference",
      description: "The stream of the journal that has it.",
    },
    "ce-type": { type: "string", description: "The topic." },
    "ce-subject": { type: "string", description: "What it is about: the topic's key." },
    "ce-time": { type: "string", format: "date-time" },
    "ce-dataschema": { type: "string", format: "uri", description: "The contract." },
    "ce-correlationid": { type: "string", description: "Of all that has one beginning." },
    "ce-causationid": { type: "string", description: "The event that led to it." },
    "ce-traceparent": { type: "string", description: "W3C Trace Context." },
    "ce-partitionkey": { type: "string", description: "Events of one are in order." },
    "ce-sequence": { type: "string", description: "Place in the order of arrival." },
    "ce-hops": { type: "string", description: "Events before it in the chain that led to it." },
  },
};

const CORRELATION: JsonObject = { location: "$message.header#/ce-correlationid" };

function withNested(workflows: readonly WorkflowDefinition[]): ReadonlySet<WorkflowDefinition> {
  const all = new Set(workflows);
  // What is added while it is gone through is gone through, too.
  for (const { steps } of all)
    for (const step of steps) for (const nested of workflowsOf(step)) all.add(nested);
  return all;
}

function channelOf({ topic, versions }: DeclaredTopic): Json {
  const { name, description, retentionMs, key } = topic;
  return {
    address: name,
    ...(description === undefined ? {} : { description }),
    messages: Object.fromEntries(
      versions.map(({ contract }) => [
        messageName(contract),
        { $ref: `#/components/messages/${messageName(contract)}` },
      ]),
    ),
    ...(retentionMs === undefined ? {} : { "x-baton-retention-ms": retentionMs }),
    ...(key === undefined ? {} : { "x-baton-keyed": true }),
  };
}

/** Keys of components have no `@`. */
function messageName({ name, version }: AnyContract): string {
  return `${name}-${version}`;
}

function messagesOf(topics: ReadonlyMap<string, DeclaredTopic>): Record<string, Json> {
  const messages: Record<string, Json> = {};
  for (const { versions } of topics.values())
    for (const { contract } of versions) messages[messageName(contract)] = messageOf(contract);
  return messages;
}

function messageOf({ id, description, jsonSchema }: AnyContract): Json {
  return {
    name: id,
    contentType: "application/json",
    ...(description === undefined ? {} : { summary: description }),
    traits: [{ $ref: "#/components/messageTraits/cloudEvent" }],
    ...(jsonSchema === undefined
      ? {}
      : {
          payload: {
            schemaFormat: "application/schema+json;version=draft-2020-12",
            schema: jsonSchema,
          },
        }),
  };
}

function operationsOf(topics: ReadonlyMap<string, DeclaredTopic>): Record<string, Json> {
  const operations: Record<string, Json> = {};
  for (const [name, { topic, publishers, subscribers }] of topics) {
    const add = (action: "send" | "receive", place: string) => {
      const [workflow = place] = place.split("/");
      operations[`${place.replace("/", ".")}.${action}.${name}`] = {
        action,
        channel: { $ref: `#/channels/${name}` },
        messages: [{ $ref: `#/channels/${name}/messages/${messageName(topic.contract)}` }],
        tags: [{ name: workflow }],
      };
    };
    for (const place of publishers) add("send", place);
    for (const place of subscribers) add("receive", place);
  }
  return operations;
}

/** What AsyncAPI has no words for: which topics begin, end and fail a choreography, and what it is bounded by. */
function choreographiesOf(workflows: Iterable<WorkflowDefinition>): Record<string, Json> {
  const described: Json[] = [];
  for (const { id, choreography, deadlineMs, steps } of workflows) {
    if (choreography === undefined) continue;
    const { starts, ends, failsOn, hopsMax, eventsMax } = choreography;
    described.push({
      choreography: id,
      starts: starts.name,
      ...(ends === undefined ? {} : { ends: ends.name }),
      ...(failsOn === undefined ? {} : { failsOn: failsOn.name }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      hops: hopsMax,
      events: eventsMax,
      subscriptions: steps.map(({ name }) => name),
    });
  }
  return described.length === 0 ? {} : { "x-baton-choreographies": described };
}
