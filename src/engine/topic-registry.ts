/** The contracts of topics, registered: what was published under one must be accepted by every newer one. */
import { ENGINE } from "../decide/turn.ts";
import { canonicalJson } from "../journal/canonical.ts";
import { NO_HASH, sha256Hex } from "../journal/hash.ts";
import { seal } from "../journal/seal.ts";
import { compatibility } from "../model/compatibility.ts";
import type { BlobRef } from "../model/entry.ts";
import { BatonError } from "../model/errors.ts";
import { sameJson } from "../model/json-pointer.ts";
import type { JsonObject } from "../model/json.ts";
import { compareVersions } from "../model/naming.ts";
import type { TopicDefinition } from "../model/topic.ts";
import type { Blob } from "../ports/journal-store.ts";
import type { RegistrySource } from "./manifests.ts";
import type { DeclaredTopic } from "./topics.ts";

/** A contract as plain data, and its version. */
interface Registered {
  readonly contract: string;
  readonly version: string;
  readonly described: JsonObject;
}

/**
 * Holds the contracts of each topic against those that are registered for it, and, with an epoch, registers what is new.
 * @throws BatonError TOPIC_CHANGED with every problem of every topic in `details.problems`.
 */
export async function registerTopics(
  source: RegistrySource,
  topics: Iterable<DeclaredTopic>,
  nowMs: number,
): Promise<void> {
  const problems: string[] = [];
  for (const { topic, versions } of topics)
    problems.push(...(await register(source, topic.name, versions, nowMs)));
  if (problems.length === 0) return;
  throw new BatonError("TOPIC_CHANGED", problems.join(" "), { details: { problems } });
}

async function register(
  source: RegistrySource,
  topic: string,
  versions: readonly TopicDefinition[],
  nowMs: number,
): Promise<readonly string[]> {
  const { store, namespace } = source;
  const stream = `registry/topic/${topic}`;
  const stored = await store.read({ namespace, stream }, 0, 10_000);
  const known: Registered[] = [];
  for (const { text } of stored) known.push(await registeredBy(source, topic, text));
  const fresh: Registered[] = [];
  const problems: string[] = [];
  for (const { contract } of versions) {
    const { id, version } = contract;
    const one = { contract: id, version, described: contract.describe() };
    const same = known.find((each) => each.contract === id);
    if (same === undefined) {
      problems.push(...[...known, ...fresh].flatMap((other) => misfits(topic, other, one)));
      fresh.push(one);
    } else if (!isSameSchema(same.described, one.described)) {
      problems.push(
        `Topic ${topic}: ${id} is registered with another schema. Give the changed contract a new version.`,
      );
    }
  }
  const { epoch } = source;
  if (problems.length > 0 || fresh.length === 0 || epoch === undefined) return problems;
  await append({ ...source, epoch }, { topic, stream, fresh, last: stored.at(-1) }, nowMs);
  return [];
}

/** Why the newer of two contracts would refuse what was published under the older. What can't be decided is seen at delivery. */
function misfits(topic: string, one: Registered, other: Registered): readonly string[] {
  if (nameOf(one) !== nameOf(other))
    return [`Topic ${topic}: its contract was ${one.contract}, and is ${other.contract}.`];
  const isOlder = compareVersions(one.version, other.version) < 0;
  const [older, newer] = isOlder ? [one, other] : [other, one];
  const [gives, accepts] = [older.described["jsonSchema"], newer.described["accepts"]];
  if (!isObject(gives) || !isObject(accepts)) return [];
  const { problems } = compatibility(gives, accepts, "backward");
  return problems
    .filter(({ verdict }) => verdict === "broken")
    .map(
      ({ path, message }) =>
        `Topic ${topic}: ${newer.contract} refuses what was published under ${older.contract}, at ${path === "" ? "the whole" : path}: ${message}`,
    );
}

function nameOf({ contract }: Registered): string {
  return contract.slice(0, contract.lastIndexOf("@"));
}

/** Another description is no other schema. */
function isSameSchema(one: JsonObject, other: JsonObject): boolean {
  return sameJson(withoutDescriptions(one), withoutDescriptions(other));
}

function withoutDescriptions({ jsonSchema, accepts, rules, sensitive }: JsonObject): JsonObject {
  const plain = (schema: unknown): JsonObject => {
    const { description: _, ...rest } = isObject(schema) ? schema : {};
    return rest;
  };
  return {
    jsonSchema: plain(jsonSchema),
    accepts: plain(accepts),
    rules: rules ?? [],
    sensitive: sensitive ?? [],
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function registeredBy(
  { store }: RegistrySource,
  topic: string,
  text: string,
): Promise<Registered> {
  // Entries of this stream are written by append() alone.
  const { payload } = JSON.parse(text) as {
    readonly payload: { readonly contract: string; readonly contractBlob: BlobRef };
  };
  const { contract, contractBlob } = payload;
  const described = await store.blob(contractBlob.sha256);
  if (described === undefined)
    throw new BatonError("JOURNAL_BROKEN", `${contract} of topic ${topic} is not in the store.`);
  const version = contract.slice(contract.lastIndexOf("@") + 1);
  // What describe() gave, found by its own hash.
  return { contract, version, described: JSON.parse(described) as JsonObject };
}

interface Registration {
  readonly topic: string;
  readonly stream: string;
  readonly fresh: readonly Registered[];
  readonly last: { readonly seq: number; readonly hash: string } | undefined;
}

async function append(
  { store, namespace, epoch }: RegistrySource & { readonly epoch: number },
  { topic, stream, fresh, last }: Registration,
  nowMs: number,
): Promise<void> {
  const blobs: Blob[] = [];
  const facts = fresh.map(({ contract, described }, i) => {
    const text = canonicalJson(described);
    const blob = { sha256: sha256Hex(text), text };
    blobs.push(blob);
    const contractBlob = { sha256: blob.sha256, bytes: Buffer.byteLength(text) };
    const payload = { topic, contract, contractBlob };
    const seq = (last?.seq ?? -1) + 1 + i;
    return { kind: "topic.registered", seq, at: nowMs, by: ENGINE, payload } as const;
  });
  const prev = last?.hash ?? NO_HASH;
  const inlinePayloadBytesMax = Number.MAX_SAFE_INTEGER;
  const sealed = seal({ namespace, stream, epoch, prev, inlinePayloadBytesMax }, facts);
  const entries = sealed.entries.map((entry) => entry.stored);
  const index = { status: "registered", open: false, type: topic };
  const result = await store.append({
    streams: [{ namespace, stream, expectedSeq: last?.seq ?? -1, entries, index }],
    blobs,
    epoch,
  });
  if (result.kind !== "appended")
    throw new BatonError("STORE_FENCED", `${store.label} was taken over while it was opened.`);
}
